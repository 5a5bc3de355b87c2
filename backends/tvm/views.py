"""The same op on the same memory, seen under simpler shapes.

Before a kernel is written for an op, its operands are seen under the shapes that suit the kernel
best; so more nodes share one kernel too. Shapes change, the elements and their order do not.
"""

from __future__ import annotations

from sightline.ir.op import Op
from sightline.ir.ops.pointwise import Pointwise, broadcast
from sightline.ir.types import Shape, TensorType

ROW = 4096
"""Numbers that one thread takes at a time of a long vector."""

Types = tuple[TensorType, ...]


def simplest(op: Op, types: Types) -> tuple[Op, Types]:
    """The op and the types of its operands as a kernel best sees them."""
    match op:
        case Pointwise():
            shapes = merged(*(type_.shape for type_ in types))
            return op, _seen_as(types, *shapes)
    return op, types


def _seen_as(types: Types, *shapes: Shape) -> Types:
    return tuple(type_.with_shape(shape) for type_, shape in zip(types, shapes, strict=True))


def merged(*shapes: Shape) -> tuple[Shape, ...]:
    """Shapes that broadcast, with axes merged along which the operands behave the same.

    `[2, 3, 8, 8]` and `[1, 3, 1, 1]` become `[2, 3, 64]` and `[1, 3, 1]`. A single long axis is
    split into rows for the threads.
    """
    result = broadcast(*shapes)
    aligned = [(1,) * (len(result) - len(shape)) + shape for shape in shapes]
    axes: list[tuple[int, tuple[bool, ...]]] = []
    for size, *sizes in zip(result, *aligned, strict=True):
        pattern = tuple(own == size for own in sizes)
        if size == 1:
            continue
        if axes and axes[-1][1] == pattern:
            axes[-1] = (axes[-1][0] * size, pattern)
        else:
            axes.append((size, pattern))
    if len(axes) == 1:
        [(size, pattern)] = axes
        row = next(row for row in range(min(size, ROW), 0, -1) if size % row == 0)
        axes = [(size // row, pattern), (row, pattern)]
    return tuple(
        tuple(size if pattern[number] else 1 for size, pattern in axes) or (1,)
        for number in range(len(shapes))
    )
