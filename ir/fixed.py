"""Integer arithmetic, once for all targets; docs/NUMERICS.md states each rule as a formula.

All functions take and give int64 arrays (or Python's integers) and are exact: nothing here depends
on how a machine rounds. Shifts to the right round toward minus infinity, as hardware does it.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from sightline.ir.types import Array, Int

MULTIPLIER_BITS = 17
MAX_MULTIPLIER = (1 << MULTIPLIER_BITS) - 1
MAX_SHIFT = 47
"""A factor is multiplier / 2^shift, the multiplier from 1 and the shift from 1 up to these."""

MAX_ACCUMULATOR_BITS = 47
"""The widest that, times the largest multiplier and with the largest half, is within 64 bits."""


def saturate(x: Array, low: int, high: int) -> Array:
    """x held within low and high."""
    held: Array = np.clip(x, low, high)
    return held


def shift_round(x: Array, shift: Array | int) -> Array:
    """x / 2^shift to the nearest integer, halves upward: floor(x / 2^shift + 1/2)."""
    shift = np.asarray(shift, np.int64)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    return np.asarray((x + half) >> shift)


def requantize(x: Array, multiplier: Array | int, shift: Array | int, zero_point: int) -> Array:
    """floor(x * multiplier / 2^shift + 1/2) + zero_point; what is out of range is not held yet."""
    return shift_round(np.asarray(x, np.int64) * np.asarray(multiplier, np.int64), shift) + (
        zero_point
    )


def multiplier_and_shift(factor: float | Fraction) -> tuple[int, int]:
    """The nearest multiplier / 2^shift to a positive factor, in lowest terms.

    It is off by at most 2^-17 of the factor, and exact where the factor is a power of two. Factors
    too small for 17 bits at the largest shift lose bits, and the smallest become 1 / 2^47.
    """
    exact = Fraction(factor)
    if exact <= 0:
        raise ValueError(f"a factor is positive, not {factor}")
    exponent = _floor_log2(exact)
    shift = min(MAX_SHIFT, MULTIPLIER_BITS - 1 - exponent)
    multiplier = _nearest(exact * Fraction(2) ** shift)
    if multiplier > MAX_MULTIPLIER:  # rounded up to the next power of two
        multiplier, shift = multiplier >> 1, shift - 1
    multiplier = max(multiplier, 1)
    while multiplier % 2 == 0 and shift > 1:
        multiplier, shift = multiplier >> 1, shift - 1
    if shift < 1:
        multiplier, shift = multiplier << (1 - shift), 1
    if multiplier > MAX_MULTIPLIER:
        raise ValueError(f"the factor {float(factor):g} is larger than {MAX_MULTIPLIER / 2:g}")
    return multiplier, shift


def integer_sqrt(x: Array) -> Array:
    """floor(sqrt(x)) of integers from 0 to 2^62."""
    x = np.asarray(x, np.int64)
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)  # off by one at the most
    root -= root * root > x
    root += (root + 1) * (root + 1) <= x
    return root


def reciprocal_sqrt(x: Array, fraction: int) -> Array:
    """floor(2^fraction / sqrt(x)) of integers from 1; the fraction is at most 31 bits."""
    # The root of a rational number rounds down as the root of that number rounded down does.
    return integer_sqrt((np.int64(1) << np.int64(2 * fraction)) // np.asarray(x, np.int64))


def quantize(x: Array, scale: float, zero_point: int, storage: Int) -> Array:
    """Real numbers as integers: round(x / scale) + zero_point, halves to even, held within range.

    Divided in single precision, as ONNX does. What is no number becomes the zero point.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint(x.astype(np.float32) / np.float32(scale))
        steps = np.nan_to_num(steps, nan=0.0, posinf=np.inf, neginf=-np.inf)
    low, high = storage.low - zero_point, storage.high - zero_point
    return np.asarray(np.clip(steps, low, high), np.int64) + zero_point


def dequantize(x: Array, scale: float, zero_point: int) -> Array:
    """What integers stand for, in single precision: (x - zero_point) * scale."""
    real: Array = (x.astype(np.int64) - zero_point).astype(np.float32) * np.float32(scale)
    return real


def width_of(low: int, high: int) -> int:
    """The bits of the narrowest signed integer that holds all from low to high."""
    return max(max(high, 0).bit_length(), (~min(low, -1)).bit_length()) + 1


def sum_bounds(weights: Array, low: int, high: int) -> tuple[Array, Array]:
    """The least and the most that sums over the last axis of weights times x can be.

    Each x is any integer from low to high, so both bounds are reached: x is low where a weight is
    negative and high where it is positive, or the other way round.
    """
    wide = weights.astype(np.int64)
    up = np.where(wide > 0, wide, 0).sum(-1)
    down = np.where(wide < 0, wide, 0).sum(-1)
    return up * low + down * high, up * high + down * low


def _floor_log2(x: Fraction) -> int:
    estimate = x.numerator.bit_length() - x.denominator.bit_length()
    return estimate if x >= Fraction(2) ** estimate else estimate - 1


def _nearest(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))
