"""The gateware library: components in Amaranth, one a file."""
