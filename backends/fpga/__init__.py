"""The target `fpga`: from integer stages to a plan, and from the plan to Verilog."""
