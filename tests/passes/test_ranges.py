"""Ranges against brute force on the numbers themselves, encodings against exact fractions."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.passes.ranges import (
    LeastError,
    Method,
    MinMax,
    Percentile,
    encoding_of,
    expected_error,
    method_of,
    range_of,
)
from sightline.passes.statistics import statistics_of
from tests.support.arrays import f32
from tests.support.examples import examples

LARGEST = float(np.finfo(np.float32).max)
FLOATS = st.floats(-LARGEST / 4, LARGEST / 4, width=32)


def samples() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(60000)
    return {
        name: np.asarray(x, np.float32)
        for name, x in {
            "normal": normal,
            "relu": np.maximum(normal - 1, 0),
            "heavy tails": rng.laplace(size=60000) ** 3,
            "outliers": np.append(normal, [1000, -300]),
            "off center": normal * 0.3 + 1,
            "uniform": rng.uniform(-1, 3, 60000),
            "two heaps": np.append(rng.normal(-5, 0.1, 1000), rng.normal(1, 0.3, 50000)),
            "negative": -np.abs(normal) - 0.5,
        }.items()
    }


SAMPLES = samples()


def measured_error(x: Array, encoding: Encoding) -> float:
    """The mean squared error of the numbers themselves."""
    storage, zero_point = encoding.storage, encoding.zero_point
    q = fixed.quantize(x, encoding.scale, zero_point, storage)
    back = fixed.dequantize(q, encoding.scale, zero_point).astype(np.float64)
    return float(((back - x) ** 2).mean())


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_least_error_is_that_of_brute_force(name: str, bits: int, symmetric: bool) -> None:
    x = SAMPLES[name]
    ends = range_of(statistics_of(x), LeastError(), bits, symmetric)
    found = measured_error(x, encoding_of(*ends, bits, symmetric=symmetric))
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    parts = np.linspace(0.04, 1, 25)
    lows = [0.0, *low * parts] if low and high and not symmetric else [low]
    tried = {encoding_of(a * 1.0, b, bits) for a in lows for b in (high * parts if high else [0.0])}
    if symmetric:
        bound = max(-low, high)
        tried = {encoding_of(-bound * p, bound * p, bits, symmetric=True) for p in parts}
    elif not high:
        tried = {encoding_of(low * p, 0.0, bits) for p in parts}
    thinned = np.sort(x)[:: max(1, len(x) // 8000)]
    good = sorted(tried, key=lambda encoding: measured_error(thinned, encoding))[:20]
    whole = encoding_of(low, high, bits, symmetric=symmetric)
    assert found <= 1.03 * min(measured_error(x, encoding) for encoding in [*good, whole])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"outliers", "heavy tails"}))
def test_the_expected_error_is_what_is_measured(name: str, bits: int) -> None:
    x = SAMPLES[name]
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    for part in (1, 0.5, 0.1):
        encoding = encoding_of(low * part, high * part, bits)
        expected = expected_error(statistics_of(x), encoding)
        assert expected == pytest.approx(measured_error(x, encoding), rel=0.05)


def test_zeros_cost_nothing() -> None:
    sparse = np.zeros(10000, np.float32)
    sparse[::100] = np.linspace(0.1, 6.0, 100)
    encoding = encoding_of(0.0, 6.0, 16)
    expected = expected_error(statistics_of(sparse), encoding)
    assert expected == pytest.approx(0.01 * encoding.scale**2 / 12, rel=0.05)


def test_min_max_is_all_that_was_seen_and_zero() -> None:
    for numbers, ends in (([-1, 3], (-1, 3)), ([2, 3], (0, 3)), ([-4, -3], (-4, 0)), ([0], (0, 0))):
        assert range_of(statistics_of(f32(numbers)), MinMax(), 8) == ends


@pytest.mark.parametrize("percent", [50, 90, 99, 99.99, 100])
@pytest.mark.parametrize("name", SAMPLES)
def test_percentiles_are_those_of_numpy_to_a_bin(name: str, percent: float) -> None:
    x = SAMPLES[name]
    statistics = statistics_of(x)
    cut = (100 - percent) / 2
    wanted = np.percentile(x[x != 0], (cut, 100 - cut), method="inverted_cdf")
    found = range_of(statistics, Percentile(percent), 8)
    width = statistics.histogram.width
    np.testing.assert_allclose(found, (min(wanted[0], 0), max(wanted[1], 0)), atol=1.001 * width)


def test_all_of_a_hundred_percent_is_min_max() -> None:
    for x in SAMPLES.values():
        statistics = statistics_of(x)
        assert range_of(statistics, Percentile(100), 8) == range_of(statistics, MinMax(), 8)


def test_what_is_mostly_zero_keeps_the_rest() -> None:
    sparse = np.zeros(100000, np.float32)
    sparse[0] = 5
    assert range_of(statistics_of(sparse), Percentile(99.9), 8)[1] == 5


@pytest.mark.parametrize("method", [MinMax(), Percentile(), LeastError()])
@pytest.mark.parametrize("number", [0.0, 0.3, -7.0, 1e-45, -3e38])
def test_a_constant_is_kept(method: Method, number: float) -> None:
    statistics = statistics_of(np.full((1, 2, 3), number, np.float32))
    encoding = encoding_of(*range_of(statistics, method, 8), 8)
    kept = fixed.dequantize(
        np.array([encoding.code(number)]), encoding.scale, encoding.zero_point
    ).item()
    assert kept == pytest.approx(number, rel=0.02, abs=1e-38)


@examples(300)
@given(FLOATS, FLOATS, st.sampled_from([2, 4, 8, 16]), st.booleans())
def test_an_encoding_reaches_both_ends(low: float, high: float, bits: int, symmetric: bool) -> None:
    low, high = min(low, high), max(low, high)
    encoding = encoding_of(low, high, bits, symmetric=symmetric)
    scale, zero_point, storage = encoding.scale, encoding.zero_point, encoding.storage
    assert scale == float(np.float32(scale))
    assert np.finfo(np.float32).smallest_normal <= scale < math.inf
    exact = Fraction(scale)
    assert exact * (storage.low - zero_point) <= Fraction(low)
    assert exact * (storage.high - zero_point) >= Fraction(high)
    with np.errstate(over="raise"):
        fixed.dequantize(np.array([storage.low, storage.high]), scale, zero_point)
    if symmetric:
        assert zero_point == 0


@examples(300)
@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30), st.sampled_from([4, 8, 16]))
def test_no_scale_is_wasted(low: float, high: float, bits: int) -> None:
    low, high = min(low, high, 0.0), max(low, high, 0.0)
    assume(high - low > 1e-30)
    encoding = encoding_of(low, high, bits)
    storage = encoding.storage
    without = max(high / storage.high, low / storage.low)
    finest = (high - low) / (storage.high - storage.low - (1 if low and high else 0))
    if encoding.zero_point:
        assert encoding.scale <= 0.9001 * without
        assert encoding.scale <= finest * 1.0001
    else:
        assert encoding.scale <= without * 1.0001
        if bits > 4:
            assert encoding.scale <= finest / 0.89


@pytest.mark.parametrize(
    ("low", "high", "zero_point", "scale"),
    [
        (0, 255, -128, 1),
        (-510, 0, 127, 2),
        (3, 255, -128, 1),
        (-128, 127, 0, 1),
        (-64, 191, -64, 1),
        (-118, 127, 0, 1),  # a zero point would gain 4%
        (-1, 254, -127, 1),
        (0, 0, 0, 1 / 128),
    ],
)
def test_zero_points(low: float, high: float, zero_point: int, scale: float) -> None:
    assert encoding_of(low, high, 8) == Encoding(8, scale, zero_point)


@pytest.mark.parametrize("ends", [(-LARGEST, LARGEST), (0, LARGEST), (0, 1e-45), (-1e-40, 1e-45)])
def test_scales_stay_normal_floats(ends: tuple[float, float]) -> None:
    for bits in (8, 16):
        encoding = encoding_of(*ends, bits)
        storage = encoding.storage
        codes = np.array([storage.low, storage.high])
        assert np.isfinite(fixed.dequantize(codes, encoding.scale, encoding.zero_point)).all()
        assert encoding.scale >= np.finfo(np.float32).smallest_normal


@pytest.mark.parametrize("ends", [(math.nan, 1), (0, math.inf), (2, 1)])
def test_no_range_is_our_mistake(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no range"):
        encoding_of(*ends, 8)


def test_methods_are_spelled() -> None:
    assert method_of("minmax") == MinMax()
    assert method_of("percentile") == Percentile(99.99)
    assert method_of("percentile=99.5") == Percentile(99.5)
    assert method_of("mse") == LeastError()


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("entropy", "there is no calibration method 'entropy'. Use minmax, percentile, "),
        ("mse=3", "there is no calibration method 'mse=3'. "),
        ("percentile=x", "the percentile 'x' is no number."),
        ("percentile=3", "a percentile for calibration is from 50 to 100, not 3.0."),
        ("percentile=nan", "a percentile for calibration is from 50 to 100, not nan."),
    ],
)
def test_other_methods_are_refused(spelling: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        method_of(spelling)
