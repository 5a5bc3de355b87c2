"""What the functions that write tensor expressions share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tvm import te, tirx

from sightline.ir.constant import Constant
from sightline.ir.types import Array

Tensor = Any
"""A tensor of TVM's: a placeholder, or a stage of a computation."""

Expr = Any
"""A scalar expression of TVM's."""

WITHIN = "within"
"""Marks a stage of one number at a time, computed in the innermost loop of the stage it serves."""

TILE = "tile"
"""Marks the sums of a filter bank, with the sizes of their tiles."""


@dataclass(frozen=True)
class Machine:
    """What schedules must know of a processor."""

    lanes: int
    """Single-precision numbers in a vector register."""

    registers: int
    """Vector registers."""


@dataclass
class Build:
    """What an op's expression may use besides its operands."""

    machine: Machine
    tables: list[Constant] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    def table(self, array: Array) -> Tensor:
        """An array known at compile time, passed to the kernel after its operands."""
        constant = Constant(array)
        tensor = te.placeholder(array.shape, array.dtype.name, f"table{len(self.tables)}")
        self.tables.append(constant)
        self.tensors.append(tensor)
        return tensor


def shape_of(x: Tensor) -> tuple[int, ...]:
    return tuple(map(int, x.shape))


def dtype_of(x: Tensor | Expr) -> str:
    """The type of the elements of a tensor, or of an expression, by NumPy's name."""
    return str(x.dtype if isinstance(x, te.Tensor) else x.ty)


def cast(x: Tensor, dtype: str) -> Tensor:
    """x in another type, as a stage of its own."""
    return te.compute(x.shape, lambda *at: x(*at).astype(dtype), "cast")


def is_float(x: Tensor | Expr) -> bool:
    return dtype_of(x).startswith("float")


def lowest(dtype: Any) -> Expr:
    """What loses every comparison: minus infinity, or the least integer."""
    name = str(dtype)
    return -tirx.infinity(name) if name.startswith("float") else tirx.min_value(name)


def padded(x: Tensor, pairs: Sequence[tuple[int, int]], fill: Expr) -> Tensor:
    """x with `pairs` of (begin, end) around its last axes: a stage of its own, if there are any."""
    if not any(map(any, pairs)):
        return x
    shape = shape_of(x)
    still = len(shape) - len(pairs)
    sizes = [size + sum(pair) for size, pair in zip(shape[still:], pairs, strict=True)]

    def cell(*at: Expr) -> Expr:
        source = [place - begin for place, (begin, _) in zip(at[still:], pairs, strict=True)]
        return guarded(x, (*at[:still], *source), fill)

    return te.compute((*shape[:still], *sizes), cell, "padded")


def guarded(x: Tensor, at: Sequence[Expr], fill: Expr) -> Expr:
    """x at a place, or `fill` where that lies outside."""
    inside = [
        tirx.all(place >= 0, place < size) for place, size in zip(at, shape_of(x), strict=True)
    ]
    return tirx.if_then_else(tirx.all(*inside), x(*at), fill)


def reduce_axes(sizes: Sequence[int], name: str = "k") -> list[Expr]:
    return [te.reduce_axis((0, size), f"{name}{index}") for index, size in enumerate(sizes)]


def element(x: Tensor, at: Sequence[Expr], axis: int, place: Expr) -> Expr:
    """x at these places, but at another one along an axis."""
    return x(*at[:axis], place, *at[axis + 1 :])
