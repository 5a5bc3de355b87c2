"""Exact sums over windows of integers: filter banks, box sums, interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import exact_integer, require_integer
from sightline.ir.ops.conv import bank_macs, bank_shape, correlate, random_bank
from sightline.ir.ops.pooling import pooled, random_window, window_sum
from sightline.ir.ops.resize import COORDINATES, ResizeBilinear
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, Shape, TensorType
from sightline.ir.window import Window

EXACT_IN_FLOAT, EXACT_IN_DOUBLE = 25, 54
"""Signed sums of so many bits are exact in floating point, in whatever order they are added."""


@op
@dataclass(frozen=True)
class IntegerConv(Op):
    """A filter bank on integers: y[o] = bias[o] + sum of x[i] correlated with w[o, i], exactly.

    Operands as of Conv. Padding holds `fill`, which is the zero point of x. `bits` is the width of
    the sums.
    """

    window: Window
    table: Table
    bits: int
    fill: int = 0

    def infer(
        self, x: TensorType, weights: TensorType, bias: TensorType | None = None
    ) -> TensorType:
        require_integer(x, weights, *([bias] if bias else []))
        if not x.element.holds(self.fill):
            raise UserError(f"padding with {self.fill} is not possible: {x} cannot hold it")
        if not 2 <= self.bits <= EXACT_IN_DOUBLE:
            raise UserError(f"sums have 2 to {EXACT_IN_DOUBLE} bits, not {self.bits}")
        shape = bank_shape(self.window, self.table, x, weights, bias)
        return TensorType(shape, Int(self.bits))

    def evaluate(self, x: Array, weights: Array, bias: Array | None = None) -> Array:
        # Any part of a sum has no more bits than the whole, so matrix products of floats are exact.
        wide = np.float32 if self.bits <= EXACT_IN_FLOAT else np.float64
        sums = correlate(self.window, self.table, x.astype(wide), weights.astype(wide), self.fill)
        y = sums.astype(np.int64)
        if bias is not None:
            y += bias.reshape(-1, *(1,) * self.window.rank)
        return y.astype(Int(self.bits).dtype)

    def macs(self, x: TensorType, *weights: TensorType) -> int:
        return bank_macs(self.window, self.table, x)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        window, table = random_bank(rng)
        x = rng.integers(-128, 128, (2, table.channels, 9, 8)).astype(np.int8)
        weights = rng.integers(-127, 128, (table.pairs, *window.kernel)).astype(np.int8)
        bias = rng.integers(-5000, 5000, table.maps).astype(np.int32)
        operands = (weights, bias) if rng.random() < 0.7 else (weights,)
        return Sample(cls(window, table, 24, int(rng.integers(-128, 128))), (x,), operands)


@op
@dataclass(frozen=True)
class IntegerSumPool(Op):
    """y[c, p] = the sum of x[c] - zero_point over the window at p. Padding adds nothing."""

    window: Window
    bits: int
    zero_point: int = 0

    def infer(self, x: TensorType) -> TensorType:
        require_integer(x)
        if not x.element.holds(self.zero_point):
            raise UserError(f"{x} cannot hold the zero point {self.zero_point}")
        return TensorType(pooled(self.window, x).shape, exact_integer(self.bits))

    def evaluate(self, x: Array) -> Array:
        sums = window_sum(self.window, x.astype(np.int64) - self.zero_point)
        return sums.astype(Int(self.bits).dtype)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = rng.integers(-128, 128, (2, 3, 8, 7)).astype(np.int8)
        window, zero_point = random_window(rng, (1, 0, 1, 1)), int(rng.integers(-128, 128))
        return Sample(cls(window, 13, zero_point), (x,))


@op
@dataclass(frozen=True)
class IntegerBilinear(Op):
    """y[i, j] = 2^(2 fraction) times x interpolated at the source position of (i, j), exactly.

    Positions are those of ResizeBilinear, and what lies between two pixels is rounded to
    2^-fraction of their distance.
    """

    size: Shape
    bits: int
    fraction: int = 8
    coordinates: str = "half_pixel"
    scales: tuple[float, ...] = ()

    def infer(self, x: TensorType) -> TensorType:
        require_integer(x)
        if not 1 <= self.fraction <= 15:
            raise UserError(f"weights have a fraction of 1 to 15 bits, not {self.fraction}")
        shape = self._float.infer(TensorType(x.shape)).shape
        return TensorType(shape, exact_integer(self.bits))

    @property
    def _float(self) -> ResizeBilinear:
        return ResizeBilinear(self.size, self.coordinates, self.scales)

    def taps(self, axis: int, before: int) -> tuple[Array, Array, Array]:
        """Per output row or column: the two source indices, and the weight of the second."""
        low, high, part = self._float.taps(axis, before)
        return low, high, np.rint(part * (1 << self.fraction)).astype(np.int32)

    def evaluate(self, x: Array) -> Array:
        one = 1 << self.fraction
        y = x.astype(np.int64)
        for axis in (0, 1):
            low, high, part = self.taps(axis, x.shape[2 + axis])
            part = part[:, None] if axis == 0 else part
            y = np.take(y, low, 2 + axis) * (one - part) + np.take(y, high, 2 + axis) * part
        return y.astype(Int(self.bits).dtype)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = rng.integers(-128, 128, (2, 3, 4, 5)).astype(np.int8)
        size = tuple(rng.integers(1, 12, 2).tolist())
        return Sample(cls(size, 25, coordinates=str(rng.choice(COORDINATES))), (x,))
