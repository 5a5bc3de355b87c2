"""Sums of many values at once: a registered tree of adders."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Shape, Signal, Value

from sightline.ir.fixed import width_of


def sum_tree(m: Module, values: Sequence[Value], bits: int, name: str) -> Value:
    """The sum of signed values, `sum_tree_latency(len(values))` cycles later.

    Each sum is as wide as it can become, and never wider than `bits`: beyond those it wraps, which
    changes nothing where the caller knows that the whole sum fits. Two values are added at a time,
    neighbours first; one that is left over waits in a register. No reset.
    """
    level = 0
    while len(values) > 1:
        level += 1
        widths = level_widths([_width(value) for value in values], bits)
        values = [
            _add(m, values[2 * k : 2 * k + 2], width, f"{name}_{level}_{k}")
            for k, width in enumerate(widths)
        ]
    return values[0]


def sum_tree_latency(count: int) -> int:
    """The levels of a tree over so many values."""
    return (count - 1).bit_length()


def level_widths(widths: Sequence[int], bits: int) -> list[int]:
    """The widths of the sums of neighbours, for signed values of these widths."""
    pairs = (widths[k : k + 2] for k in range(0, len(widths), 2))
    lowest = (-sum(1 << width - 1 for width in pair) for pair in pairs)
    return [min(bits, width_of(low, 0)) for low in lowest]


def _add(m: Module, values: Sequence[Value], width: int, name: str) -> Value:
    total = Signal(Shape(width, signed=True), name=name, reset_less=True)
    m.d.sync += total.eq(values[0] + values[1] if len(values) == 2 else values[0])
    return total


def _width(value: Value) -> int:
    shape = value.shape()
    if not shape.signed:
        raise ValueError(f"sums are made of signed values, not of {shape}")
    width: int = shape.width
    return width
