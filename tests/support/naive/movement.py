"""Movement of data: where each element comes from. These keep the element type."""

from __future__ import annotations

import math
from typing import Any

from sightline.ir.op import Op
from sightline.ir.ops.movement import (
    Concat,
    Flatten,
    Gather,
    Identity,
    Pad,
    Reshape,
    Slice,
    Stuff,
    Transpose,
)
from sightline.ir.ops.quantization import InFloat
from sightline.ir.types import Array, Shape
from tests.support.naive.loops import Index, Model, build, cells, clamp, is_inside


def _identity(op: Identity | InFloat, x: Array) -> Array:
    return build(x.shape, lambda index: x[index], x.dtype)


def _concat(op: Concat, *operands: Array) -> Array:
    axis = op.axis % operands[0].ndim
    origin = [(x, k) for x in operands for k in range(x.shape[axis])]
    shape = (*operands[0].shape[:axis], len(origin), *operands[0].shape[axis + 1 :])

    def element(index: Index) -> Any:
        x, k = origin[index[axis]]
        return x[(*index[:axis], k, *index[axis + 1 :])]

    return build(shape, element, operands[0].dtype)


def _slice(op: Slice, x: Array) -> Array:
    kept = [
        walk(start, stop, step)
        for start, stop, step in zip(op.starts, op.stops, op.steps, strict=True)
    ]

    def element(index: Index) -> Any:
        return x[tuple(axis[i] for axis, i in zip(kept, index, strict=True))]

    return build(tuple(map(len, kept)), element, x.dtype)


def walk(start: int, stop: int, step: int) -> list[int]:
    """From start by step, as long as stop is not reached."""
    indices = []
    while start < stop if step > 0 else start > stop:
        indices.append(start)
        start += step
    return indices


def _pad(op: Pad, x: Array) -> Array:
    begins, ends = op.pads[: x.ndim], op.pads[x.ndim :]
    shape = tuple(b + size + e for b, size, e in zip(begins, x.shape, ends, strict=True))

    def element(index: Index) -> Any:
        pixel = tuple(i - begin for i, begin in zip(index, begins, strict=True))
        if op.mode == "edge":
            pixel = tuple(clamp(p, size) for p, size in zip(pixel, x.shape, strict=True))
        if op.mode == "reflect":
            pixel = tuple(mirror(p, size) for p, size in zip(pixel, x.shape, strict=True))
        return x[pixel] if is_inside(pixel, x.shape) else op.value

    return build(shape, element, x.dtype)


def mirror(index: int, size: int) -> int:
    """0 is a mirror, and so is the last index."""
    if index < 0:
        return -index
    return 2 * (size - 1) - index if index >= size else index


def _reshape(op: Reshape, x: Array) -> Array:
    return renumbered(x, op.shape)


def _flatten(op: Flatten, x: Array) -> Array:
    axis = op.axis if op.axis >= 0 else op.axis + x.ndim
    return renumbered(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def renumbered(x: Array, shape: Shape) -> Array:
    """The elements in the order of their indices, under another shape."""
    elements = (x[index] for index in cells(x.shape))
    return build(shape, lambda _: next(elements), x.dtype)


def _transpose(op: Transpose, x: Array) -> Array:
    def element(index: Index) -> Any:
        pixel = [0] * x.ndim
        for axis, origin in enumerate(op.order):
            pixel[origin] = index[axis]
        return x[tuple(pixel)]

    return build(tuple(x.shape[origin] for origin in op.order), element, x.dtype)


def _gather(op: Gather, x: Array) -> Array:
    axis = op.axis % x.ndim

    def element(index: Index) -> Any:
        return x[(*index[:axis], op.indices[index[axis]], *index[axis + 1 :])]

    return build((*x.shape[:axis], len(op.indices), *x.shape[axis + 1 :]), element, x.dtype)


def _stuff(op: Stuff, x: Array) -> Array:
    def element(index: Index) -> Any:
        places = [divmod(i, factor) for i, factor in zip(index[2:], op.factors, strict=True)]
        here = all(rest == 0 for _, rest in places)
        return x[(*index[:2], *(place for place, _ in places))] if here else op.value

    shape = (*x.shape[:2], *(s * f for s, f in zip(x.shape[2:], op.factors, strict=True)))
    return build(shape, element, x.dtype)


MODELS: dict[type[Op], Model] = {
    Identity: _identity,
    InFloat: _identity,
    Concat: _concat,
    Slice: _slice,
    Pad: _pad,
    Reshape: _reshape,
    Flatten: _flatten,
    Transpose: _transpose,
    Gather: _gather,
    Stuff: _stuff,
}
