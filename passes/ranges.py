"""From what a value was seen to be, to the range that its integers cover, and to its encoding."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Int
from sightline.passes.statistics import Statistics

LEAST_GAIN = Fraction(9, 10)
"""A zero point is taken if it makes the scale at most so much of what it is without."""

FLOAT = np.finfo(np.float32)


@dataclass(frozen=True)
class MinMax:
    """All that was seen, from end to end."""


@dataclass(frozen=True)
class Percentile:
    """What is left when, of the numbers that are not 0, both ends lose half of the rest of 100."""

    percent: float = 99.99

    def __post_init__(self) -> None:
        if not 50 <= self.percent <= 100:
            raise UserError(f"a percentile for calibration is from 50 to 100, not {self.percent}")


@dataclass(frozen=True)
class LeastError:
    """The range of the least squared error, of rounding within it and saturating at its ends."""


Method = MinMax | Percentile | LeastError

Range = tuple[float, float]


def method_of(spelling: str) -> Method:
    """The method that `minmax`, `percentile`, `percentile=99.9` or `mse` names."""
    match spelling.partition("="):
        case "minmax", "", "":
            return MinMax()
        case "mse", "", "":
            return LeastError()
        case "percentile", "", "":
            return Percentile()
        case "percentile", "=", number:
            try:
                return Percentile(float(number))
            except ValueError:
                raise UserError(f"the percentile '{number}' is no number") from None
    raise UserError(
        f"there is no calibration method '{spelling}'",
        fix="Use minmax, percentile, percentile=P with P from 50 to 100, or mse.",
    )


def range_of(
    statistics: Statistics,
    method: Method,
    bits: int,
    symmetric: bool = False,
) -> Range:
    """The ends of what integers should cover, by a method; 0 lies between them.

    Least error is that of the encoding which `encoding_of` gives for bits and symmetry.
    """
    whole = min(statistics.low, 0.0), max(statistics.high, 0.0)
    match method:
        case MinMax():
            return whole
        case Percentile(percent):
            cut = (100 - percent) / 200
            return min(quantile(statistics, cut), 0.0), max(quantile(statistics, 1 - cut), 0.0)
        case LeastError():
            bound = max(-whole[0], whole[1])
            encode = functools.partial(encoding_of, bits=bits, symmetric=symmetric)
            return least_error(
                lambda ends: expected_error(statistics, encode(*ends)),
                (-bound, bound) if symmetric else whole,
            )


def quantile(statistics: Statistics, part: float) -> float:
    """The number below which this part of the numbers lies that are not 0, or 0 if all are.

    With zeros, a value that is mostly 0 would lose all others as its rarest. Within a bin, numbers
    count as spread evenly.
    """
    counts = _counts_without_zeros(statistics)
    filled = np.flatnonzero(counts)
    if not filled.size:
        return 0.0
    sums = counts[filled].cumsum()
    wanted = part * float(sums[-1])
    place = int(np.searchsorted(sums, wanted))
    index = int(filled[place])
    within = 1 - (float(sums[place]) - wanted) / float(counts[index])
    number = (statistics.histogram.first + index + within) * statistics.histogram.width
    return min(max(number, statistics.low), statistics.high)


def _counts_without_zeros(statistics: Statistics) -> Array:
    """The numbers in each bin; those that are 0 are exact in every encoding, and not counted."""
    counts = np.array(statistics.histogram.counts)
    counts[statistics.histogram.zero_bin] -= statistics.zeros
    return counts


def expected_error(statistics: Statistics, encoding: Encoding) -> float:
    """The mean squared error of an encoding, for numbers spread evenly within their bins.

    In steps of the scale, where n is the integer for t and r = t - n: squared errors r^2 add up
    to n / 12 + r^3 / 3 from 0 to t, beyond the last integer as well.
    """
    edges = np.clip(statistics.histogram.edges, statistics.low, statistics.high)
    steps = edges / encoding.scale + encoding.zero_point
    integers = np.clip(np.rint(steps), encoding.storage.low, encoding.storage.high)
    errors = steps - integers
    widths = np.diff(steps)
    points = widths < POINT
    squares = np.diff(integers / 12 + errors**3 / 3) / np.where(points, 1, widths)
    squares = np.where(points, errors[1:] ** 2, squares)
    total = float((_counts_without_zeros(statistics) * squares).sum())
    return total * encoding.scale**2 / statistics.count


POINT = 1e-6
"""A bin narrower than this part of a step counts as a single number, its upper end."""

OCTAVE = 64
"""Ends are drawn in by 2^(-k / OCTAVE), k from 0 on."""

REACH = 12 * OCTAVE
"""The most by which, for which it is to 0: ends that near are of one bin."""

STRIDES = ((OCTAVE // 4, 1), (OCTAVE // 16, 4), (1, 1))
"""How far a walk moves at once, and how many such strides it looks around before it does."""


def least_error(error: Callable[[Range], float], whole: Range) -> Range:
    """The ends, drawn in from those of the whole, for which an error is least.

    First both ends together, and each alone, by quarters of octaves, then a walk downhill in ever
    smaller strides.
    Rounding costs the square of the range, and saturating a convex function of each end, so the
    error of an encoding has one minimum, and little ones in which the zero point fits better: over
    those it looks.
    """

    def ends(drawn: tuple[int, int]) -> Range:
        low, high = (0.0 if k == REACH else 2.0 ** (-k / OCTAVE) for k in drawn)
        return low * whole[0], high * whole[1]

    cost = functools.cache(lambda drawn: error(ends(drawn)))
    quarters = range(0, REACH + 1, OCTAVE // 4)
    best = min(((k, k) for k in quarters[:-1]), key=cost)
    best = min(
        (best, *((k, best[1]) for k in quarters), *((best[0], k) for k in quarters)), key=cost
    )
    for stride, count in STRIDES:
        moved = min(_around(best, stride, count), key=cost)
        while cost(moved) < cost(best):
            best = moved
            moved = min(_around(best, stride, count), key=cost)
    return ends(best)


def _around(drawn: tuple[int, int], stride: int, count: int) -> list[tuple[int, int]]:
    """All that both ends can be drawn in by, up to so many strides away."""
    moves = range(-stride * count, stride * count + 1, stride)
    first, second = ([k + move for move in moves if 0 <= k + move <= REACH] for k in drawn)
    return [(low, high) for low in first for high in second]


def encoding_of(low: float, high: float, bits: int, *, symmetric: bool = False) -> Encoding:
    """Signed integers for the numbers from low to high, and for 0, which is exact.

    The scale is the least float for which both ends lie within. If symmetric, or if little is
    gained otherwise, the zero point is 0; if all numbers are of one sign, it is the first or the
    last integer. A range of 0 alone is taken for -1 to 1 (in steps of a power of two). No scale is
    infinite or denormal, whatever the range: what is smaller than the least normal float becomes 0.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"no range from {low} to {high}")
    storage = Int(bits)
    least, most = Fraction(min(low, 0.0)), Fraction(max(high, 0.0))
    if least == most:
        return Encoding(bits, 2.0 ** (1 - bits))
    scale, zero_point = _float_above(_scale(least, most, 0, storage)), 0
    if not symmetric:
        other = _best_zero_point(least, most, storage)
        finer = _float_above(_scale(least, most, other, storage))
        if finer <= LEAST_GAIN * scale:
            scale, zero_point = finer, other
    return Encoding(bits, _representable(scale, zero_point, storage), zero_point)


def _scale(low: Fraction, high: Fraction, zero_point: int, storage: Int) -> Fraction:
    """The least scale for which the integers around a zero point reach both ends."""
    above, below = storage.high - zero_point, zero_point - storage.low
    return max(high / above if high else Fraction(0), -low / below if low else Fraction(0))


def _best_zero_point(low: Fraction, high: Fraction, storage: Int) -> int:
    if not low:
        return storage.low
    if not high:
        return storage.high
    exact = storage.low + (storage.high - storage.low) * -low / (high - low)
    near = (max(math.floor(exact), storage.low + 1), min(math.ceil(exact), storage.high - 1))
    return min(near, key=lambda zero_point: _scale(low, high, zero_point, storage))


def _float_above(number: Fraction) -> Fraction:
    """The least float that is not below a positive number."""
    nearest = np.float32(min(float(number), float(FLOAT.max)))
    if Fraction(float(nearest)) < number:
        nearest = np.nextafter(nearest, np.float32(np.inf))
    return Fraction(float(nearest))


def _representable(scale: Fraction, zero_point: int, storage: Int) -> float:
    """The scale held within normal floats, and so that no integer stands for an infinite one."""
    farthest = max(storage.high - zero_point, zero_point - storage.low)
    largest = float(FLOAT.max) / farthest
    if scale > largest:
        return 2.0 ** (math.frexp(largest)[1] - 1)
    return max(float(scale), float(FLOAT.smallest_normal))
