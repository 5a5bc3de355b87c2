"""Statistics of parts merge into exactly those of the whole, in any order and in flat memory."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.types import Array
from sightline.passes.statistics import BINS, Histogram, Statistics, merged, statistics_of
from tests.support.arrays import f32
from tests.support.examples import examples

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
ARRAYS = st.lists(FLOATS, min_size=1, max_size=20).map(lambda x: np.array(x, np.float32))


def assert_equal(one: Statistics, other: Statistics) -> None:
    assert (one.count, one.zeros, one.low, one.high) == (
        other.count,
        other.zeros,
        other.low,
        other.high,
    )
    assert one.sums == other.sums
    assert_same_bins(one.histogram, other.histogram)


def assert_same_bins(one: Histogram, other: Histogram) -> None:
    assert (one.exponent, one.first) == (other.exponent, other.first)
    np.testing.assert_array_equal(one.counts, other.counts)


def exact_bins(numbers: Sequence[float], histogram: Histogram) -> list[int]:
    """The bin of each number, in exact arithmetic."""
    width = Fraction(2) ** histogram.exponent
    return [Fraction(number) // width - histogram.first for number in numbers]


@examples(200)
@given(ARRAYS)
def test_every_number_is_in_its_bin(x: Array) -> None:
    found = statistics_of(x)
    counts = np.zeros(len(found.histogram.counts), np.int64)
    np.add.at(counts, exact_bins(x.tolist(), found.histogram), 1)
    np.testing.assert_array_equal(found.histogram.counts, counts)
    assert (found.count, found.low, found.high) == (x.size, x.min(), x.max())
    assert found.zeros == (x == 0).sum()


@examples(200)
@given(st.lists(ARRAYS, min_size=1, max_size=6), st.randoms())
def test_the_order_of_parts_does_not_matter(parts: list[Array], random: Random) -> None:
    forward = merged(*map(statistics_of, parts))
    shuffled = list(parts)
    random.shuffle(shuffled)
    assert_equal(merged(*map(statistics_of, shuffled)), forward)
    whole = statistics_of(np.concatenate(parts))
    assert_same_bins(whole.histogram, forward.histogram)
    half = len(parts) // 2
    if half:
        split = merged(*map(statistics_of, parts[:half])), merged(*map(statistics_of, parts[half:]))
        assert_equal(merged(*split), forward)


@examples(200)
@given(FLOATS, FLOATS)
def test_bins_are_as_fine_as_their_number_allows(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    histogram = Histogram.empty(low, high)
    assert len(histogram.counts) <= BINS
    assert histogram.edges[0] <= min(low, 0) <= 0 <= max(high, 0) < histogram.edges[-1]
    if histogram.exponent > -149:
        width = Fraction(2) ** (histogram.exponent - 1)
        assert Fraction(max(high, 0.0)) // width - Fraction(min(low, 0.0)) // width + 1 > BINS


def test_bins_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    parts = [(rng.standard_normal((1, 3, 40, 50)) * 3**k).astype(np.float32) for k in range(6)]
    found = merged(*map(statistics_of, parts)).histogram
    counts, _ = np.histogram(np.concatenate(parts).astype(np.float64), found.edges)
    np.testing.assert_array_equal(found.counts, counts)
    assert BINS / 2 <= len(found.counts) <= BINS


def test_means_are_of_each_channel() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal((2, 5, 7, 6)).astype(np.float32) + 1 for _ in range(4)]
    found = merged(*map(statistics_of, parts)).means
    whole = np.concatenate(parts).astype(np.float64)
    np.testing.assert_allclose(found, whole.mean(axis=(0, 2, 3)), rtol=1e-14)


def test_means_forget_nothing_between_frames() -> None:
    parts = [np.full((1, 1, 1), number, np.float32) for number in (3e38, 1e-30, -3e38, 2e-30)]
    exact = sum(Fraction(float(part[0, 0, 0])) for part in parts) / 4
    for order in (parts, parts[::-1]):
        assert merged(*map(statistics_of, order)).means.tolist() == [float(exact)]


@pytest.mark.parametrize(("shape", "channels"), [((), 1), ((4,), 1), ((2, 3), 3), ((1, 4, 5), 4)])
def test_what_has_no_second_axis_is_one_channel(shape: tuple[int, ...], channels: int) -> None:
    found = statistics_of(np.ones(shape, np.float32))
    np.testing.assert_array_equal(found.means, np.ones(channels))


def test_values_of_other_channels_merge_into_one() -> None:
    one, other = np.full((1, 2, 4), 1, np.float32), np.full((1, 3, 4), 6, np.float32)
    found = merged(statistics_of(one), statistics_of(other))
    assert found.means.tolist() == [4.0]
    assert (found.count, found.low, found.high) == (20, 1, 6)


def test_zeros_alone_have_a_bin() -> None:
    zeros = statistics_of(np.zeros((1, 2, 3, 4), np.float32))
    assert (zeros.zeros, zeros.histogram.counts.tolist()) == (24, [24])
    assert_same_bins(
        merged(zeros, statistics_of(f32([5e3]))).histogram,
        statistics_of(f32([5e3] + [0] * 24)).histogram,
    )
