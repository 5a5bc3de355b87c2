"""Simulation of generated gateware, and what it is compared with."""
