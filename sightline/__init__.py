"""Sightline compiles a trained ConvNet to what it will run on: CPU, CUDA or FPGA."""

__version__ = "0.1.0"
