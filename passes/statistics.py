"""What is kept of all the numbers that a value took, in the same memory however many they were.

Statistics of two sets of numbers merge into exactly those of both, whatever the order: the bins of
a histogram are merged pair by pair, and sums are whole numbers.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import starmap

import numpy as np

from sightline.ir.types import Array

BINS = 4096
FINEST = -149
"""All floats are multiples of 2^-149: sums are counted in it, and no bin is narrower."""

CHUNK = 1 << 16
"""Numbers are put into bins so many at a time."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """counts[i] numbers lie from (first + i) * 2^exponent up to (first + i + 1) * 2^exponent.

    Its bins reach from 0, or what lies below, to what lies above. They have the least width for
    which they are at most `BINS`, so that they depend on the ends alone.
    """

    exponent: int
    first: int
    counts: Array

    @classmethod
    def empty(cls, low: float, high: float) -> Histogram:
        """Bins without numbers, for numbers between these ends."""
        low, high = min(low, 0.0), max(high, 0.0)
        exponent = FINEST
        if high > low:  # bins of half this width would be more than BINS
            exponent = max(FINEST, math.frexp(high - low)[1] - BINS.bit_length() + 1)
        while _bin(high, exponent) - _bin(low, exponent) >= BINS:
            exponent += 1
        first = _bin(low, exponent)
        return cls(exponent, first, np.zeros(_bin(high, exponent) - first + 1, np.int64))

    @property
    def width(self) -> float:
        return math.ldexp(1.0, self.exponent)

    @property
    def edges(self) -> Array:
        """The ends of the bins, one more than there are bins."""
        return np.arange(self.first, self.first + len(self.counts) + 1) * self.width

    @property
    def zero_bin(self) -> int:
        """The index of the bin that begins with 0."""
        return -self.first

    def add(self, numbers: Array) -> None:
        """Count numbers between the ends that the bins were made for."""
        flat = numbers.reshape(-1)
        for start in range(0, flat.size, CHUNK):
            # In double precision, where the quotient by a power of two is exact.
            places = np.floor(flat[start : start + CHUNK].astype(np.float64) / self.width)
            bins = places.astype(np.int64) - self.first
            self.counts[:] += np.bincount(bins, minlength=len(self.counts))

    def absorb(self, other: Histogram) -> None:
        """Count what lies in bins of another that are as narrow, or narrower."""
        places = np.arange(other.first, other.first + len(other.counts))
        bins = (places >> (self.exponent - other.exponent)) - self.first
        np.add.at(self.counts, bins, other.counts)


def _bin(number: float, exponent: int) -> int:
    return math.floor(math.ldexp(number, -exponent))


@dataclass(frozen=True, eq=False)
class Statistics:
    """`count` finite numbers from `low` to `high`; `zeros` of them are 0.

    `sums` are the sums of the channels (axis 1; one channel if there is no such axis), in units of
    2^-149 and so without rounding from one frame to the next.
    """

    count: int
    zeros: int
    low: float
    high: float
    sums: tuple[int, ...]
    histogram: Histogram

    @cached_property
    def means(self) -> Array:
        """The mean of each channel, in double precision."""
        units = (self.count // len(self.sums)) << -FINEST
        return np.array([total / units for total in self.sums])


def statistics_of(x: Array) -> Statistics:
    """The statistics of an array of finite floats."""
    low, high = float(x.min()), float(x.max())
    histogram = Histogram.empty(low, high)
    histogram.add(x)
    sums = x.sum(dtype=np.float64, axis=tuple(axis for axis in range(x.ndim) if axis != 1))
    units = tuple(int(math.ldexp(total, -FINEST)) for total in np.atleast_1d(sums).tolist())
    zeros = x.size - int(np.count_nonzero(x))
    return Statistics(x.size, zeros, low, high, units, histogram)


def merged(first: Statistics, *others: Statistics) -> Statistics:
    """The statistics of all numbers of several.

    Where their channels differ in number, as those of parts to be concatenated, all numbers count
    as one channel.
    """
    return reduce(_merged, others, first)


def _merged(one: Statistics, other: Statistics) -> Statistics:
    low, high = min(one.low, other.low), max(one.high, other.high)
    histogram = Histogram.empty(low, high)
    histogram.absorb(one.histogram)
    histogram.absorb(other.histogram)
    if len(one.sums) == len(other.sums):
        sums = tuple(starmap(operator.add, zip(one.sums, other.sums, strict=True)))
    else:
        sums = (sum(one.sums) + sum(other.sums),)
    count, zeros = one.count + other.count, one.zeros + other.zeros
    return Statistics(count, zeros, low, high, sums, histogram)
