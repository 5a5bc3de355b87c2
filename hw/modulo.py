"""Numbers that begin again at zero."""

from __future__ import annotations

from amaranth.hdl import Mux, Value


def wrapped(value: Value, size: int) -> Value:
    """value mod size, for values below 2 * size."""
    return Mux(value >= size, value - size, value)
