"""The one data structure: types, graph, operators, text form, verifier. Imports numpy alone."""
