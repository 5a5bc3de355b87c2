"""Pyramid steps, and resizing by the formulas that ONNX gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from sightline.ir.op import Op
from sightline.ir.ops.integer_bank import IntegerBilinear
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.types import Array, Shape
from tests.support.naive.loops import Index, Model, build, clamp

BLUR = {-2: 1 / 16, -1: 4 / 16, 0: 6 / 16, 1: 4 / 16, 2: 1 / 16}


def _pyramid_down(op: PyramidDown, x: Array) -> Array:
    height, width = x.shape[2:]

    def element(index: Index) -> float:
        n, c, i, j = index
        return math.fsum(
            BLUR[u] * BLUR[v] * float(x[n, c, clamp(2 * i + u, height), clamp(2 * j + v, width)])
            for u in BLUR
            for v in BLUR
        )

    return build((*x.shape[:2], -(-height // 2), -(-width // 2)), element)


def between(target: int, size: int) -> list[tuple[int, float]]:
    """(pixel, weight) of row `target` after doubling an axis of `size`, the border repeating."""
    i = target // 2
    taps = (
        [(i, 1 / 2), (i + 1, 1 / 2)] if target % 2 else [(i - 1, 1 / 8), (i, 6 / 8), (i + 1, 1 / 8)]
    )
    return [(clamp(pixel, size), weight) for pixel, weight in taps]


def _pyramid_up(op: PyramidUp, x: Array) -> Array:
    return _separable(x, op.size, lambda axis, target: between(target, x.shape[2 + axis]))


def _separable(x: Array, size: Shape, taps: Callable[[int, int], list[tuple[int, float]]]) -> Array:
    """Each pixel is the sum of `taps(0, row)` times `taps(1, column)`."""

    def element(index: Index) -> float:
        n, c, i, j = index
        return math.fsum(
            wi * wj * float(x[n, c, row, column])
            for row, wi in taps(0, i)
            for column, wj in taps(1, j)
        )

    return build((*x.shape[:2], *size), element)


Position = Fraction | float
"""Exact where it follows from the sizes, since the nearest pixel hangs on ties."""


def source(coordinates: str, target: int, before: int, after: int, scale: Position) -> Position:
    """ONNX's coordinate transformation: x_original from x_resized."""
    if coordinates == "half_pixel":
        return (target + Fraction(1, 2)) / scale - Fraction(1, 2)
    if coordinates == "asymmetric":
        return target / scale
    return Fraction(target * (before - 1), after - 1) if after > 1 else 0.0


def _position(
    op: ResizeNearest | ResizeBilinear | IntegerBilinear, x: Array, axis: int, target: int
) -> Position:
    before, after = x.shape[2 + axis], op.size[axis]
    scale = op.scales[axis] if op.scales else Fraction(after, before)
    return source(op.coordinates, target, before, after, scale)


def _nearest(rounding: str, position: Position) -> int:
    """ONNX's nearest_mode."""
    low = math.floor(position)
    if rounding == "floor":
        return low
    if rounding == "ceil":
        return math.ceil(position)
    if position - low == 0.5:
        return low if rounding == "prefer_floor" else low + 1
    return low if position - low < 0.5 else low + 1


def _resize_nearest(op: ResizeNearest, x: Array) -> Array:
    def element(index: Index) -> Any:
        n, c, *target = index
        pixel = (
            clamp(_nearest(op.rounding, _position(op, x, axis, t)), x.shape[2 + axis])
            for axis, t in enumerate(target)
        )
        return x[(n, c, *pixel)]

    return build((*x.shape[:2], *op.size), element, x.dtype)


def _resize_bilinear(op: ResizeBilinear, x: Array) -> Array:
    return _separable(x, op.size, lambda axis, target: corners(op, x, axis, target))


def corners(
    op: ResizeBilinear | IntegerBilinear, x: Array, axis: int, target: int
) -> list[tuple[int, float]]:
    """The pixels along an axis before and after a position, with their weights."""
    size = x.shape[2 + axis]
    position = _position(op, x, axis, target)
    low = math.floor(position)
    weight = float(position - low)
    return [(clamp(low, size), 1 - weight), (clamp(low + 1, size), weight)]


MODELS: dict[type[Op], Model] = {
    PyramidDown: _pyramid_down,
    PyramidUp: _pyramid_up,
    ResizeNearest: _resize_nearest,
    ResizeBilinear: _resize_bilinear,
}
