"""Normalization, each pixel with its own neighbourhood summed anew."""

from __future__ import annotations

import math

import numpy as np

from sightline.ir.op import Op
from sightline.ir.ops.normalization import (
    BatchNorm,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.types import Array, Shape
from tests.support.naive.loops import Index, Model, at, build, cells, is_inside


def _batch_norm(
    op: BatchNorm, x: Array, scale: Array, shift: Array, mean: Array, variance: Array
) -> Array:
    def element(index: Index) -> float:
        c = index[1]
        unit = (float(x[index]) - float(mean[c])) / math.sqrt(float(variance[c]) + op.epsilon)
        return unit * float(scale[c]) + float(shift[c])

    return build(x.shape, element)


def box(x: Array, size: Shape, index: Index) -> list[float]:
    """The pixels that exist of the box around a pixel, in its own channel."""
    n, c, i, j = index
    rows = range(i - size[0] // 2, i + size[0] // 2 + 1)
    columns = range(j - size[1] // 2, j + size[1] // 2 + 1)
    return [
        float(x[n, c, row, column])
        for row in rows
        for column in columns
        if is_inside((row, column), x.shape[2:])
    ]


def mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _subtractive_norm(op: SubtractiveNorm, x: Array) -> Array:
    return build(x.shape, lambda index: float(x[index]) - mean(box(x, op.size, index)))


def _divisive_norm(op: DivisiveNorm, x: Array) -> Array:
    def element(index: Index) -> float:
        mean_square = mean([v * v for v in box(x, op.size, index)])
        return float(x[index]) / max(math.sqrt(mean_square), op.floor)

    return build(x.shape, element)


def _local_norm(op: LocalNorm, x: Array) -> Array:
    def element(index: Index) -> float:
        numbers = box(x, op.size, index)
        centre = mean(numbers)
        deviation = math.sqrt(mean([(v - centre) ** 2 for v in numbers]))
        return (float(x[index]) - centre) / max(deviation, op.floor)

    return build(x.shape, element)


def torch_filter(x: Array, kernel: Array, n: int, i: int, j: int) -> float:
    """The kernel, over its sum times the number of maps, on all maps around a pixel."""
    maps = x.shape[1]
    total = math.fsum(map(float, kernel.ravel())) * maps
    result = 0.0
    for c, u, v in cells((maps, *kernel.shape)):
        row, column = i + u - kernel.shape[0] // 2, j + v - kernel.shape[1] // 2
        result += float(kernel[u, v]) / total * at(x, (n, c, row, column))
    return result


def _torch_subtractive_norm(op: TorchSubtractiveNorm, x: Array, kernel: Array) -> Array:
    ones = np.ones_like(x)

    def element(index: Index) -> float:
        n, _, i, j = index
        correction = torch_filter(ones, kernel, n, i, j)
        return float(x[index]) - torch_filter(x, kernel, n, i, j) / correction

    return build(x.shape, element)


def _torch_divisive_norm(op: TorchDivisiveNorm, x: Array, kernel: Array) -> Array:
    ones, squares = np.ones_like(x), x.astype(np.float64) ** 2

    def element(index: Index) -> float:
        n, _, i, j = index
        sigma = math.sqrt(torch_filter(squares, kernel, n, i, j))
        return float(x[index]) / max(sigma / torch_filter(ones, kernel, n, i, j), op.threshold)

    return build(x.shape, element)


MODELS: dict[type[Op], Model] = {
    BatchNorm: _batch_norm,
    SubtractiveNorm: _subtractive_norm,
    DivisiveNorm: _divisive_norm,
    LocalNorm: _local_norm,
    TorchSubtractiveNorm: _torch_subtractive_norm,
    TorchDivisiveNorm: _torch_divisive_norm,
}
