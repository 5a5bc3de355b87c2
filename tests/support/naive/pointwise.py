"""Pointwise ops: their own formula, on single floats."""

from __future__ import annotations

import math

from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.types import Array
from tests.support.naive.loops import Index, build


class ScalarMath:
    """The `Math` of a formula on single floats."""

    def absolute(self, x: float) -> float:
        return abs(x)

    def exp(self, x: float) -> float:
        return math.exp(x) if x < 709 else math.inf

    def maximum(self, x: float, y: float) -> float:
        return x if x >= y else y

    def minimum(self, x: float, y: float) -> float:
        return x if x <= y else y

    def sqrt(self, x: float) -> float:
        return math.sqrt(x)

    def tanh(self, x: float) -> float:
        return math.tanh(x)

    def where(self, condition: bool, x: float, y: float) -> float:
        return x if condition else y


def pointwise(op: Pointwise, *operands: Array) -> Array:
    rank = max(x.ndim for x in operands)
    wide = [x.reshape((1,) * (rank - x.ndim) + x.shape) for x in operands]
    shape = tuple(max(sizes) for sizes in zip(*(x.shape for x in wide), strict=True))

    def element(index: Index) -> float:
        picked = (
            float(x[tuple(0 if size == 1 else i for i, size in zip(index, x.shape, strict=True))])
            for x in wide
        )
        return float(op.formula(ScalarMath(), *picked))

    return build(shape, element)
