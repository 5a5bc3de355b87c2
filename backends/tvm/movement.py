"""Movement of data as tensor expressions: each says where an element comes from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.build import (
    EACH,
    Build,
    Expr,
    Tensor,
    dtype_of,
    element,
    padded,
    shape_of,
)
from sightline.ir.ops.movement import Concat, Gather, Pad, Slice, Stuff, Transpose


def concat(op: Concat, build: Build, *x: Tensor) -> Tensor:
    shape = shape_of(x[0])
    axis = op.axis % len(shape)
    total = sum(shape_of(operand)[axis] for operand in x)
    return te.compute(
        (*shape[:axis], total, *shape[axis + 1 :]),
        lambda *at: joined(x, axis, at),
        "concat",
        attrs=EACH,
    )


def joined(x: Sequence[Tensor], axis: int, at: tuple[Expr, ...]) -> Expr:
    """The element at a place of the operands one after the other along an axis."""
    first = 0
    elements, ends = [], []
    for operand in x:
        elements.append(element(operand, at, axis, at[axis] - first))
        first += shape_of(operand)[axis]
        ends.append(first)
    found = elements[-1]
    for earlier, end in zip(reversed(elements[:-1]), reversed(ends[:-1]), strict=True):
        found = tirx.if_then_else(at[axis] < end, earlier, found)
    return found


def slice_(op: Slice, build: Build, x: Tensor) -> Tensor:
    ranges = [range(*bounds) for bounds in zip(op.starts, op.stops, op.steps, strict=True)]
    return te.compute(
        tuple(map(len, ranges)),
        lambda *at: x(*(r.start + place * r.step for r, place in zip(ranges, at, strict=True))),
        "slice",
        attrs=build.where_read,
    )


def pad(op: Pad, build: Build, x: Tensor) -> Tensor:
    if op.mode == "constant":
        dtype = dtype_of(x)
        return padded(x, op.pairs, tirx.const(np.dtype(dtype).type(op.value).item(), dtype))
    shape = shape_of(x)
    sizes = [size + sum(pair) for size, pair in zip(shape, op.pairs, strict=True)]
    bring_back = held if op.mode == "edge" else mirrored

    def cell(*at: Expr) -> Expr:
        return x(
            *(
                bring_back(place - begin, size)
                for place, (begin, _), size in zip(at, op.pairs, shape, strict=True)
            )
        )

    return te.compute(sizes, cell, "pad", attrs=build.where_read)


def stuff(op: Stuff, build: Build, x: Tensor) -> Tensor:
    batch, channels, height, width = shape_of(x)
    rows, columns = op.factors
    dtype = dtype_of(x)
    between = tirx.const(np.dtype(dtype).type(op.value).item(), dtype)

    def cell(n: Expr, c: Expr, i: Expr, j: Expr) -> Expr:
        here = tirx.all(tirx.floormod(i, rows) == 0, tirx.floormod(j, columns) == 0)
        place = (tirx.floordiv(i, rows), tirx.floordiv(j, columns))
        return tirx.if_then_else(here, x(n, c, *place), between)

    return te.compute(
        (batch, channels, height * rows, width * columns), cell, "stuff", attrs=build.where_read
    )


def transpose(op: Transpose, build: Build, x: Tensor) -> Tensor:
    shape = shape_of(x)
    back = np.argsort(op.order).tolist()
    return te.compute(
        tuple(shape[axis] for axis in op.order),
        lambda *at: x(*(at[axis] for axis in back)),
        "transpose",
    )


def gather(op: Gather, build: Build, x: Tensor) -> Tensor:
    indices = build.table(np.array(op.indices, np.int32))
    axis = op.axis % len(x.shape)
    shape = shape_of(x)
    return te.compute(
        (*shape[:axis], len(op.indices), *shape[axis + 1 :]),
        lambda *at: element(x, at, axis, indices(at[axis])),
        "gather",
    )


def held(place: Expr, size: int) -> Expr:
    """A place beyond the border becomes the border."""
    return tirx.max(tirx.min(place, size - 1), 0)


def mirrored(place: Expr, size: int) -> Expr:
    """A place beyond the border becomes its mirror image; the border is the mirror."""
    folded = tirx.max(place, -place)
    return tirx.min(folded, 2 * (size - 1) - folded)
