"""Integer ops by Python's integers and exact fractions, which have no width."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction

from sightline.ir.op import Op
from sightline.ir.ops.integer import (
    Clamp,
    IntegerAdd,
    IntegerMax,
    IntegerMul,
    IntegerSqrt,
    IntegerSub,
    ReciprocalSqrt,
)
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerConv, IntegerSumPool
from sightline.ir.ops.quantization import Dequantize, Lookup, Quantize, Requantize, ScaledWeights
from sightline.ir.types import Array, Int
from tests.support.naive.loops import Index, Model, build, is_inside
from tests.support.naive.sampling import corners
from tests.support.naive.windows import outputs_of, planes_of, seen


def held(number: int, storage: Int) -> int:
    return min(max(number, storage.low), storage.high)


def spread(x: Array, index: Index) -> int:
    """x at an index of what it broadcasts to."""
    inner = index[len(index) - x.ndim :]
    return int(x[tuple(0 if size == 1 else i for size, i in zip(x.shape, inner, strict=True))])


def _quantize(op: Quantize, x: Array) -> Array:
    to = op.to

    def element(index: Index) -> int:
        # The quotient is rounded to single precision, as ONNX has it, before it becomes whole.
        return held(round(float(x[index] / x.dtype.type(to.scale))) + to.zero_point, to.storage)

    return build(x.shape, element, to.storage.dtype)


def _dequantize(op: Dequantize, x: Array) -> Array:
    return build(x.shape, lambda index: op.of.scale * (int(x[index]) - op.of.zero_point))


def _scaled_weights(op: ScaledWeights, x: Array, scales: Array) -> Array:
    return build(x.shape, lambda index: float(scales[index[0]]) * int(x[index]))


def _requantize(op: Requantize, x: Array, multipliers: Array, shifts: Array) -> Array:
    def element(index: Index) -> int:
        factor = Fraction(spread(multipliers, index), 2 ** spread(shifts, index))
        nearest = math.floor(int(x[index]) * factor + Fraction(1, 2))
        return min(max(nearest + op.to.zero_point, op.low), op.high)

    return build(x.shape, element, op.to.storage.dtype)


def _lookup(op: Lookup, x: Array, table: Array) -> Array:
    lowest = -len(table) // 2 if x.dtype.kind == "i" else 0
    return build(x.shape, lambda index: table[int(x[index]) - lowest], table.dtype)


def _clamp(op: Clamp, x: Array) -> Array:
    return build(x.shape, lambda index: min(max(int(x[index]), op.low), op.high), x.dtype)


def _binary(rule: Callable[[int, int], int]) -> Model:
    def model(op: IntegerAdd, a: Array, b: Array) -> Array:
        rank = max(a.ndim, b.ndim)
        shapes = [(1,) * (rank - x.ndim) + x.shape for x in (a, b)]
        shape = tuple(map(max, zip(*shapes, strict=True)))
        return build(
            shape, lambda index: rule(spread(a, index), spread(b, index)), Int(op.bits).dtype
        )

    return model


def _sqrt(op: IntegerSqrt, x: Array) -> Array:
    return build(x.shape, lambda index: math.isqrt(int(x[index])), Int(op.bits).dtype)


def _reciprocal_sqrt(op: ReciprocalSqrt, x: Array) -> Array:
    """The largest y with y^2 x <= 4^fraction."""
    limit = 4**op.fraction

    def element(index: Index) -> int:
        number = int(x[index])
        root = math.isqrt(limit // number)
        assert root * root * number <= limit < (root + 1) ** 2 * number
        return root

    return build(x.shape, element, Int(op.bits).dtype)


def _conv(op: IntegerConv, x: Array, weights: Array, bias: Array | None = None) -> Array:
    planes = planes_of(op.table)

    def element(index: Index) -> int:
        n, output, *position = index
        total = int(bias[output]) if bias is not None else 0
        for channel, plane in planes[output]:
            for tap, pixel in seen(op.window, tuple(position)):
                inside = is_inside(pixel, x.shape[2:])
                number = int(x[(n, channel, *pixel)]) if inside else op.fill
                total += int(weights[(plane, *tap)]) * number
        return total

    shape = (x.shape[0], op.table.maps, *outputs_of(op.window, x.shape[2:]))
    return build(shape, element, Int(op.bits).dtype)


def _sum_pool(op: IntegerSumPool, x: Array) -> Array:
    def element(index: Index) -> int:
        n, c, *position = index
        pixels = [p for _, p in seen(op.window, tuple(position)) if is_inside(p, x.shape[2:])]
        return sum(int(x[(n, c, *pixel)]) - op.zero_point for pixel in pixels)

    shape = (*x.shape[:2], *outputs_of(op.window, x.shape[2:]))
    return build(shape, element, Int(op.bits).dtype)


def _bilinear(op: IntegerBilinear, x: Array) -> Array:
    one = 2**op.fraction

    def weights(axis: int, target: int) -> list[tuple[int, int]]:
        (low, _), (high, part) = corners(op, x, axis, target)
        steps = round(part * one)
        return [(low, one - steps), (high, steps)]

    def element(index: Index) -> int:
        n, c, i, j = index
        return sum(
            wi * wj * int(x[n, c, row, column])
            for row, wi in weights(0, i)
            for column, wj in weights(1, j)
        )

    return build((*x.shape[:2], *op.size), element, Int(op.bits).dtype)


MODELS: dict[type[Op], Model] = {
    Quantize: _quantize,
    Dequantize: _dequantize,
    ScaledWeights: _scaled_weights,
    Requantize: _requantize,
    Lookup: _lookup,
    Clamp: _clamp,
    IntegerAdd: _binary(operator.add),
    IntegerSub: _binary(operator.sub),
    IntegerMul: _binary(operator.mul),
    IntegerMax: _binary(max),
    IntegerSqrt: _sqrt,
    ReciprocalSqrt: _reciprocal_sqrt,
    IntegerConv: _conv,
    IntegerSumPool: _sum_pool,
    IntegerBilinear: _bilinear,
}
