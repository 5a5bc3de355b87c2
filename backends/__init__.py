"""From a graph to what runs: one module or package a target."""
