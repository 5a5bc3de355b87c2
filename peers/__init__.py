"""Other programs that run networks, to be measured beside our targets."""
