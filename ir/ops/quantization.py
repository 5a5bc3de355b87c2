"""From real numbers to integers and back, and from integers of one meaning to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_integer
from sightline.ir.ops.pointwise import broadcast
from sightline.ir.types import FLOAT32, Array, Int, Quant, TensorType

EXACT_IN_FLOAT = 24
"""Integers of so many bits are all exact in single precision."""


@op
@dataclass(frozen=True)
class Quantize(Op):
    """y = x / scale, rounded (halves to even), + zero_point, held within the integers of `bits`."""

    to: Encoding

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        require_exact_in_float(self.to)
        return TensorType(x.shape, self.to.element)

    def evaluate(self, x: Array) -> Array:
        to = self.to
        y = fixed.quantize(x, to.scale, to.zero_point, to.storage)
        return y.astype(to.storage.dtype)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        to = random_encoding(rng)
        x = 1.5 * to.scale * to.storage.high * rng.standard_normal((2, 3, 4, 5))
        return Sample(cls(to), (x.astype(np.float32),))


@op
@dataclass(frozen=True)
class Dequantize(Op):
    """y = scale * (x - zero_point): the real numbers that quantized ones stand for."""

    of: Encoding

    def infer(self, x: TensorType) -> TensorType:
        require_storage(x, self.of.storage)
        require_exact_in_float(self.of)
        if isinstance(x.element, Quant) and x.element != self.of.element:
            raise UserError(f"{x} is not of {self.of.element}, which is to be undone")
        return TensorType(x.shape, FLOAT32)

    def evaluate(self, x: Array) -> Array:
        return fixed.dequantize(x, self.of.scale, self.of.zero_point)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        of = random_encoding(rng)
        return Sample(cls(of), (random_integers(rng, of.storage),))


@op
@dataclass(frozen=True)
class Requantize(Op):
    """y = floor(x * multiplier / 2^shift + 1/2) + zero_point, held within low and high.

    Multipliers from 1 to 2^17 - 1 and shifts from 1 to 47 are constants that broadcast with x: one
    each for all, for a channel, or for a place.
    """

    to: Encoding
    low: int
    high: int

    def infer(self, x: TensorType, multipliers: TensorType, shifts: TensorType) -> TensorType:
        require_integer(x, multipliers, shifts)
        storage = self.to.storage
        if not storage.low <= self.low <= self.high <= storage.high:
            raise UserError(f"{self.low} to {self.high} is no range within {storage}")
        if broadcast(x.shape, multipliers.shape) != x.shape or multipliers.shape != shifts.shape:
            raise UserError(
                f"multipliers {multipliers} and shifts {shifts} are not of one shape that "
                f"broadcasts to {x}"
            )
        return TensorType(x.shape, self.to.element)

    def evaluate(self, x: Array, multipliers: Array, shifts: Array) -> Array:
        y = fixed.requantize(x, multipliers, shifts, self.to.zero_point)
        return fixed.saturate(y, self.low, self.high).astype(self.to.storage.dtype)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        to = random_encoding(rng)
        x = rng.integers(-(1 << 30), 1 << 30, (2, 3, 4, 5)).astype(np.int32)
        shape = ((1, 3, 1, 1), (1, 1, 4, 5), (1, 1, 1, 1))[rng.integers(3)]
        multipliers = rng.integers(1, fixed.MAX_MULTIPLIER + 1, shape).astype(np.int32)
        shifts = (rng.integers(12, 32, shape) + 17 - to.bits).astype(np.int8)
        low, high = sorted(rng.integers(to.storage.low, to.storage.high + 1, 2).tolist())
        return Sample(cls(to, low, high), (x,), (multipliers, shifts))


@op
@dataclass(frozen=True)
class Lookup(Op):
    """y = table[x - low], low being the lowest of x's integers: any function of one number."""

    to: Encoding

    def infer(self, x: TensorType, table: TensorType) -> TensorType:
        require_integer(x)
        storage = storage_of(x)
        require_storage(table, self.to.storage)
        if table.shape != (1 << storage.bits,):
            raise UserError(
                f"a table for {storage} has {1 << storage.bits} entries, but this one is {table}"
            )
        return TensorType(x.shape, self.to.element)

    def evaluate(self, x: Array, table: Array) -> Array:
        bits = len(table).bit_length() - 1
        low = -(len(table) >> 1) if x.dtype.kind == "i" else 0
        assert bits <= x.dtype.itemsize * 8
        return table[x.astype(np.int64) - low]

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        to = random_encoding(rng)
        x = random_integers(rng, Int(8, bool(rng.random() < 0.5)))
        return Sample(cls(to), (x,), (random_integers(rng, to.storage, (256,)),))


@op
@dataclass(frozen=True)
class ScaledWeights(Op):
    """y = x * scales, for integer weights x whose planes (axis 0) have a scale each."""

    def infer(self, x: TensorType, scales: TensorType) -> TensorType:
        require_integer(x)
        require_float(scales)
        if not x.rank or scales.shape != x.shape[:1]:
            raise UserError(f"{x} needs a scale for each of its planes, but has {scales}")
        return TensorType(x.shape, FLOAT32)

    def evaluate(self, x: Array, scales: Array) -> Array:
        return x.astype(np.float32) * scales.reshape(-1, *(1,) * (x.ndim - 1))

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = random_integers(rng, Int(8))
        return Sample(cls(), (x,), (rng.uniform(0.01, 1, len(x)).astype(np.float32),))


@op
@dataclass(frozen=True)
class InFloat(Op):
    """y = x, and whatever computes x stays in float, though there are integers around it."""

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        return x

    def evaluate(self, x: Array) -> Array:
        return x.copy()

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(), (rng.standard_normal((2, 3, 4, 5)).astype(np.float32),))


def storage_of(type_: TensorType) -> Int:
    """The integers that a value is made of."""
    element = type_.element.storage if isinstance(type_.element, Quant) else type_.element
    assert isinstance(element, Int)
    return element


def require_storage(type_: TensorType, storage: Int) -> None:
    require_integer(type_)
    if storage_of(type_) != storage:
        raise UserError(f"expected integers {storage}, found {type_}")


def require_exact_in_float(encoding: Encoding) -> None:
    """Refuse integers that single precision, in which they are rounded and scaled, has not all."""
    if encoding.bits > EXACT_IN_FLOAT:
        raise UserError(
            f"real numbers become integers of at most {EXACT_IN_FLOAT} bits, not {encoding.bits}"
        )


def random_encoding(rng: np.random.Generator) -> Encoding:
    bits, signed = int(rng.choice((8, 16))), bool(rng.random() < 0.7)
    storage = Int(bits, signed)
    zero_point = int(rng.integers(storage.low, storage.high + 1))
    return Encoding(bits, float(np.float32(2.0 ** rng.uniform(-9, 3))), zero_point, signed)


def random_integers(
    rng: np.random.Generator, storage: Int, shape: tuple[int, ...] = (2, 3, 4, 5)
) -> Array:
    """Integers of all the range, its ends often among them."""
    x = rng.integers(storage.low, storage.high + 1, shape)
    ends = rng.choice((storage.low, storage.high), shape)
    return np.where(rng.random(shape) < 0.2, ends, x).astype(storage.dtype)
