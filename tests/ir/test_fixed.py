"""Integer arithmetic against exact rational numbers, the ends of every range included."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sightline.ir import fixed
from sightline.ir.types import Array, Int
from tests.support.examples import examples

WIDEST = Int(fixed.MAX_ACCUMULATOR_BITS)
ACCUMULATORS = st.integers(WIDEST.low, WIDEST.high)
MULTIPLIERS = st.integers(1, fixed.MAX_MULTIPLIER)
SHIFTS = st.integers(1, fixed.MAX_SHIFT)


def one(number: int) -> Array:
    return np.array([number], np.int64)


@examples(300)
@given(ACCUMULATORS, MULTIPLIERS, SHIFTS, st.integers(-128, 127))
@example(WIDEST.low, fixed.MAX_MULTIPLIER, fixed.MAX_SHIFT, 127)
@example(WIDEST.high, fixed.MAX_MULTIPLIER, fixed.MAX_SHIFT, 127)
@example(WIDEST.high, fixed.MAX_MULTIPLIER, 1, -128)
@example(-1, 1, 1, 0)
def test_requantize(x: int, multiplier: int, shift: int, zero_point: int) -> None:
    exact = Fraction(x * multiplier, 2**shift)
    wanted = math.floor(exact + Fraction(1, 2)) + zero_point
    assert fixed.requantize(one(x), multiplier, shift, zero_point).tolist() == [wanted]


@examples(200)
@given(ACCUMULATORS, st.integers(0, 47))
def test_shift_round(x: int, shift: int) -> None:
    wanted = math.floor(Fraction(x, 2**shift) + Fraction(1, 2))
    assert fixed.shift_round(one(x), shift).tolist() == [wanted]


def test_each_element_may_have_its_own_shift() -> None:
    x, shifts = np.array([5, 5, -5, -5]), np.array([1, 2, 1, 0])
    assert fixed.shift_round(x, shifts).tolist() == [3, 1, -2, -5]


@examples(300)
@given(st.floats(2.0**-46, 2.0**15, allow_nan=False))
@example(2.0**-47)
@example(1.0)
@example(1 - 2.0**-30)
@example(fixed.MAX_MULTIPLIER / 2)
def test_a_factor_is_met_to_seventeen_bits(factor: float) -> None:
    multiplier, shift = fixed.multiplier_and_shift(factor)
    assert 1 <= multiplier <= fixed.MAX_MULTIPLIER
    assert 1 <= shift <= fixed.MAX_SHIFT
    assert multiplier % 2 or shift == 1, "in lowest terms"
    error = abs(Fraction(multiplier, 2**shift) - Fraction(factor))
    if factor >= 2.0**-30:
        assert error <= Fraction(factor) / 2**17
    else:  # the shift is at its end, and the multiplier has the bits that are left
        assert error <= Fraction(1, 2**48)


@pytest.mark.parametrize("exponent", range(-47, 16))
def test_a_power_of_two_is_a_plain_shift(exponent: int) -> None:
    multiplier, shift = fixed.multiplier_and_shift(2.0**exponent)
    assert Fraction(multiplier, 2**shift) == Fraction(2) ** exponent
    assert multiplier == 1 or shift == 1


@pytest.mark.parametrize("factor", [0, -1.0, 65536.0, 1e30])
def test_a_factor_that_has_no_form_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        fixed.multiplier_and_shift(factor)


def test_the_smallest_factors_become_the_smallest_there_is() -> None:
    assert fixed.multiplier_and_shift(1e-30) == (1, fixed.MAX_SHIFT)


@examples(300)
@given(st.integers(0, 1 << 62))
@example(0)
@example(1 << 62)
@example((1 << 62) - 1)
@example((94906267**2) - 1)
@example(94906267**2)
def test_integer_sqrt(x: int) -> None:
    assert fixed.integer_sqrt(one(x)).tolist() == [math.isqrt(x)]


@examples(100)
@given(st.integers(0, 1 << 31))
def test_integer_sqrt_about_squares(root: int) -> None:
    squares = np.array([max(root * root + offset, 0) for offset in (-1, 0, 1)])
    assume(squares.max() <= 1 << 62)
    assert fixed.integer_sqrt(squares).tolist() == [math.isqrt(x) for x in squares.tolist()]


@examples(300)
@given(st.integers(1, (1 << 62) - 1), st.integers(0, 30))
def test_reciprocal_sqrt(x: int, fraction: int) -> None:
    (root,) = fixed.reciprocal_sqrt(one(x), fraction).tolist()
    assert root**2 * x <= 4**fraction < (root + 1) ** 2 * x


@examples(300)
@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.floats(2.0**-20, 2.0**20, width=32),
    st.sampled_from([Int(8), Int(8, False), Int(16)]),
    st.data(),
)
def test_quantize(x: float, scale: float, storage: Int, data: st.DataObject) -> None:
    zero_point = data.draw(st.integers(storage.low, storage.high))
    (found,) = fixed.quantize(np.array([x]), scale, zero_point, storage).tolist()
    with np.errstate(over="ignore"):
        quotient = float(np.float32(x) / np.float32(scale))
    nearest = round(quotient) if math.isfinite(quotient) else math.copysign(1 << 40, quotient)
    assert found == min(max(nearest + zero_point, storage.low), storage.high)


@pytest.mark.parametrize(
    ("x", "wanted"), [(math.inf, 127), (-math.inf, -128), (math.nan, 3), (2.5, 5), (3.5, 7)]
)
def test_quantize_of_what_is_no_number_or_a_half(x: float, wanted: int) -> None:
    assert fixed.quantize(np.array([x]), 1.0, 3, Int(8)).tolist() == [wanted]


@examples(200)
@given(st.integers(-(1 << 50), 1 << 50), st.integers(0, 1 << 50))
def test_a_width_is_the_narrowest(low: int, span: int) -> None:
    high = low + span
    width = fixed.width_of(low, high)
    assert Int(width).low <= low
    assert high <= Int(width).high
    assert width == 1 or not (Int(width - 1).low <= low and high <= Int(width - 1).high)


@examples(100)
@given(
    st.lists(st.integers(-127, 127), min_size=1, max_size=12),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)).map(sorted),
)
def test_bounds_of_sums_are_reached_and_never_passed(weights: list[int], ends: list[int]) -> None:
    low, high = ends
    array = np.array([weights])
    least, most = (int(bound[0]) for bound in fixed.sum_bounds(array, low, high))
    rng = np.random.default_rng(0)
    x = rng.integers(low, high + 1, (50, len(weights)))
    sums = x @ array[0]
    assert least <= sums.min()
    assert sums.max() <= most
    worst = np.where(array[0] > 0, [[low], [high]], [[high], [low]])
    assert (worst @ array[0]).tolist() == [least, most]
