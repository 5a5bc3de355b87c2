"""Arithmetic on integers that is exact: results are as wide as they need to be.

`bits` of an op is the width of its result, which whoever makes the op has proven; `ir.bounds` and
the tests prove it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sightline.ir import fixed
from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import exact_integer, require_integer
from sightline.ir.ops.pointwise import broadcast
from sightline.ir.types import Array, Int, TensorType


class Exact(Op):
    """What exact ops share: integers in, signed integers of `bits` out."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("compute",)
    bits: int

    def compute(self, *x: Array) -> Array:
        """The result in int64, of operands in int64."""
        raise TypeError(f"{type(self).__name__} lacks compute")

    def infer(self, *x: TensorType) -> TensorType:
        require_integer(*x)
        shape = broadcast(*(operand.shape for operand in x))
        return TensorType(shape, exact_integer(self.bits))

    def evaluate(self, *x: Array) -> Array:
        y = self.compute(*(operand.astype(np.int64) for operand in x))
        return np.asarray(y, Int(self.bits).dtype)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        shapes = [(2, 3, 5, 4), (1, 3, 1, 1), (3, 1, 4), (2, 1, 5, 1)]
        x, y = (
            rng.integers(-128, 128, shapes[choice]).astype(np.int8)
            for choice in rng.integers(0, len(shapes), 2)
        )
        own: Any = cls  # whose first field is `bits`
        return Sample(own(17), (x, y)) if rng.random() < 0.5 else Sample(own(17), (x,), (y,))


@op
@dataclass(frozen=True)
class IntegerAdd(Exact):
    """y = a + b."""

    bits: int

    def compute(self, *x: Array) -> Array:
        a, b = x
        return a + b


@op
@dataclass(frozen=True)
class IntegerSub(Exact):
    """y = a - b."""

    bits: int

    def compute(self, *x: Array) -> Array:
        a, b = x
        return a - b


@op
@dataclass(frozen=True)
class IntegerMul(Exact):
    """y = a * b."""

    bits: int

    def compute(self, *x: Array) -> Array:
        a, b = x
        return a * b


@op
@dataclass(frozen=True)
class IntegerMax(Exact):
    """y = the larger of a and b."""

    bits: int

    def compute(self, *x: Array) -> Array:
        a, b = x
        return np.maximum(a, b)


class Root(Exact):
    """What roots share: one operand, which is never negative."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = rng.integers(1, 1 << rng.integers(1, 31, (2, 3, 4, 5)))
        own: Any = cls
        return Sample(own(32), (x.astype(np.int32),))


@op
@dataclass(frozen=True)
class IntegerSqrt(Root):
    """y = floor(sqrt(x)), for x from 0."""

    bits: int

    def compute(self, *x: Array) -> Array:
        return fixed.integer_sqrt(x[0])


@op
@dataclass(frozen=True)
class ReciprocalSqrt(Root):
    """y = floor(2^fraction / sqrt(x)), for x from 1."""

    bits: int
    fraction: int = 30

    def infer(self, *x: TensorType) -> TensorType:
        if not 0 <= self.fraction <= 30:
            raise UserError(
                f"a reciprocal root has a fraction of 0 to 30 bits, not {self.fraction}"
            )
        return super().infer(*x)

    def compute(self, *x: Array) -> Array:
        return fixed.reciprocal_sqrt(x[0], self.fraction)


@op
@dataclass(frozen=True)
class Clamp(Op):
    """y = x held within low and high; its meaning as a quantized value stays."""

    low: int
    high: int

    def infer(self, x: TensorType) -> TensorType:
        require_integer(x)
        if self.low > self.high or not (x.element.holds(self.low) and x.element.holds(self.high)):
            raise UserError(f"{self.low} to {self.high} is no range within {x}")
        return x

    def evaluate(self, x: Array) -> Array:
        return fixed.saturate(x, self.low, self.high)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        low, high = sorted(rng.integers(-128, 128, 2).tolist())
        return Sample(cls(low, high), (rng.integers(-128, 128, (2, 3, 4, 5)).astype(np.int8),))
