"""The networks of the field, as modules of our own."""
