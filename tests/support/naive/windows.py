"""Filter banks and poolings: a window, position by position and tap by tap."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.table import Table
from sightline.ir.types import Array, Shape
from sightline.ir.window import Window
from tests.support.naive.loops import Index, Model, at, build, cells, is_inside


def outputs_of(window: Window, spatial: Shape) -> Shape:
    """How often the window fits along each axis, counted one position at a time."""
    counts = []
    for axis, size in enumerate(spatial):
        first, last = window.pads[axis], window.pads[axis + window.rank]
        reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1
        starts = range(-first, size + last - reach + 1, window.strides[axis])
        counts.append(len(starts))
    return tuple(counts)


def seen(window: Window, position: Index) -> Iterator[tuple[Index, Index]]:
    """(tap, pixel) for each tap of the window at an output position; pixels may lie outside."""
    for tap in cells(window.kernel):
        yield (
            tap,
            tuple(
                p * window.strides[axis] - window.pads[axis] + tap[axis] * window.dilation[axis]
                for axis, p in enumerate(position)
            ),
        )


def planes_of(table: Table) -> list[list[tuple[int, int]]]:
    """For each output map, the (input map, plane of weights) that it sees."""
    pair = itertools.count()
    return [
        [(channel, next(pair)) for channel in table.inputs[output // table.block]]
        for output in range(table.maps)
    ]


def _conv(op: Conv, x: Array, weights: Array, bias: Array | None = None) -> Array:
    window, table = op.window, op.table
    planes = planes_of(table)

    def element(index: Index) -> float:
        n, output, *position = index
        total = float(bias[output]) if bias is not None else 0.0
        for channel, plane in planes[output]:
            for tap, pixel in seen(window, tuple(position)):
                total += float(weights[(plane, *tap)]) * at(x, (n, channel, *pixel))
        return total

    return build((x.shape[0], table.maps, *outputs_of(window, x.shape[2:])), element)


def _linear(op: Linear, x: Array, weights: Array, bias: Array | None = None) -> Array:
    def element(index: Index) -> float:
        n, output = index
        total = float(bias[output]) if bias is not None else 0.0
        for feature in range(x.shape[1]):
            total += float(weights[output, feature]) * float(x[n, feature])
        return total

    return build((x.shape[0], weights.shape[0]), element)


def _pool(window: Window, x: Array, reduce: Callable[[list[float], Index], float]) -> Array:
    """`reduce(pixels that exist, position)` at every position of every map."""
    spatial = x.shape[2:]

    def element(index: Index) -> float:
        n, c, *position = index
        pixels = [p for _, p in seen(window, tuple(position)) if is_inside(p, spatial)]
        return reduce([float(x[(n, c, *pixel)]) for pixel in pixels], tuple(position))

    return build((*x.shape[:2], *outputs_of(window, spatial)), element)


def _max_pool(op: MaxPool, x: Array) -> Array:
    return _pool(op.window, x, lambda numbers, _: max(numbers))


def _sum_pool(op: SumPool, x: Array) -> Array:
    return _pool(op.window, x, lambda numbers, _: math.fsum(numbers))


def _average_pool(op: AveragePool, x: Array) -> Array:
    rank = op.window.rank
    counted = op.counted or (0,) * (2 * rank)

    def counts(pixel: Index) -> bool:
        return all(
            -counted[axis] <= p < x.shape[2 + axis] + counted[axis + rank]
            for axis, p in enumerate(pixel)
        )

    def mean(numbers: list[float], position: Index) -> float:
        return math.fsum(numbers) / sum(counts(pixel) for _, pixel in seen(op.window, position))

    return _pool(op.window, x, mean)


def _lp_pool(op: LPPool, x: Array) -> Array:
    return _pool(
        op.window, x, lambda numbers, _: math.fsum(abs(v) ** op.p for v in numbers) ** (1 / op.p)
    )


def _global_average_pool(op: GlobalAveragePool, x: Array) -> Array:
    height, width = x.shape[2:]
    shape = (*x.shape[:2], 1, 1)
    return build(
        shape, lambda at_: math.fsum(map(float, x[at_[0], at_[1]].ravel())) / (height * width)
    )


def _global_max_pool(op: GlobalMaxPool, x: Array) -> Array:
    return build((*x.shape[:2], 1, 1), lambda at_: max(map(float, x[at_[0], at_[1]].ravel())))


MODELS: dict[type[Op], Model] = {
    Conv: _conv,
    Linear: _linear,
    MaxPool: _max_pool,
    SumPool: _sum_pool,
    AveragePool: _average_pool,
    LPPool: _lp_pool,
    GlobalAveragePool: _global_average_pool,
    GlobalMaxPool: _global_max_pool,
}
