"""Requantization against ir/fixed.py, over all widths and shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Value
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.requantize import Requantize
from sightline.ir import fixed
from tests.support.clocked import play_clocked
from tests.support.examples import examples

LARGEST_BEFORE_ROUNDING = 1 << 63


@dataclass(frozen=True)
class Numbers:
    """What one value is requantized by."""

    value: int
    bias: int
    multiplier: int
    shift: int
    zero_point: int
    low: int
    high: int

    def expected(self) -> int:
        """As the reference does it, in 64 bits where those hold it and in Python's where not."""
        total = self.value + self.bias
        if abs(total) * self.multiplier < LARGEST_BEFORE_ROUNDING >> 1:
            result = fixed.requantize(
                np.asarray(total), self.multiplier, self.shift, self.zero_point
            )
            return int(fixed.saturate(result, self.low, self.high))
        half = 1 << self.shift - 1
        rounded = (total * self.multiplier + half >> self.shift) + self.zero_point
        return min(max(rounded, self.low), self.high)


def play(component: Requantize, numbers: list[Numbers]) -> list[int]:
    """The result of each, one after the other without a gap."""
    inputs = [
        {
            **{name: value for name, value in vars(each).items() if name != "shift"},
            "shift": each.shift - component.lowest,
        }
        for each in numbers
    ]
    idle = [inputs[0]] * component.latency
    seen = play_clocked(component, [*inputs, *idle], lambda get: int(get(component.result)))
    return seen[component.latency :]


def check(component: Requantize, numbers: list[Numbers]) -> None:
    assert play(component, numbers) == [each.expected() for each in numbers]


def signed(bits: int) -> st.SearchStrategy[int]:
    """Any integer of so many bits, the smallest and the largest often, and of all magnitudes."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    near = st.integers(0, bits - 1).flatmap(lambda k: st.integers(-(1 << k), (1 << k) - 1))
    return st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high]) | near


@st.composite
def cases(draw: st.DrawFn) -> tuple[Requantize, list[Numbers]]:
    sum_bits, bias_bits = draw(st.tuples(st.integers(2, 47), st.integers(2, 47)))
    lowest, highest = sorted(draw(st.tuples(st.integers(1, 47), st.integers(1, 47))))
    bits = draw(st.sampled_from([2, 8, 10, 16]))
    multiplier = st.sampled_from([1, 1 << 16, (1 << 17) - 1]) | st.integers(1, (1 << 17) - 1)

    def numbers() -> Numbers:
        low, high = sorted(draw(st.tuples(signed(bits), signed(bits))))
        return Numbers(
            value=draw(signed(sum_bits)),
            bias=draw(signed(bias_bits)),
            multiplier=draw(multiplier),
            shift=draw(st.integers(lowest, highest)),
            zero_point=draw(signed(bits)),
            low=low,
            high=high,
        )

    component = Requantize(sum_bits, bias_bits, (lowest, highest), bits)
    return component, [numbers() for _ in range(12)]


@examples(80)
@given(case=cases())
def test_the_arithmetic_is_that_of_the_reference(case: tuple[Requantize, list[Numbers]]) -> None:
    check(*case)


@pytest.mark.parametrize(("sum_bits", "dsps", "latency"), [(24, 1, 8), (25, 2, 9), (47, 2, 9)])
def test_every_shift_and_the_borders_of_the_limbs(sum_bits: int, dsps: int, latency: int) -> None:
    component = Requantize(sum_bits, sum_bits, (1, 47), 16)
    assert (component.dsps, component.latency) == (dsps, latency)
    half = 1 << sum_bits - 1
    values = [-half, half - 1, *(v for v in ((1 << 24) - 1, 1 << 24, -(1 << 24)) if v < half)]
    check(
        component,
        [
            Numbers(value, bias, multiplier, shift, 3, -(1 << 15), (1 << 15) - 1)
            for shift in range(1, 48)
            for value in values
            if value >= -half
            for bias in (0, -half, half - 1)
            for multiplier in (1, (1 << 17) - 1)
        ],
    )


def test_halves_go_upward() -> None:
    component = Requantize(8, 2, (1, 3), 8)
    numbers = [Numbers(v, 0, 1, s, 0, -128, 127) for s in (1, 2, 3) for v in range(-20, 21)]
    check(component, numbers)
    halves = [Numbers(value, 0, 1, 1, 0, -128, 127) for value in (-3, -1, 1, 3)]
    assert play(component, halves) == [-1, 0, 1, 2]


def test_rounding_toward_zero_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the product loses its last bit too early, so that nothing is left to round by."""
    whole = Requantize._shift

    def one_too_far(self: Requantize, m: Module, product: Value, shift: Value) -> Any:
        return whole(self, m, product, shift) & ~1

    monkeypatch.setattr(Requantize, "_shift", one_too_far)
    with pytest.raises(AssertionError):
        test_halves_go_upward()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((24, 24, (0, 4), 8), "shifts are within 1 and 47, not from 0 to 4"),
        ((24, 24, (5, 4), 8), "shifts are within 1 and 47, not from 5 to 4"),
        ((24, 24, (5, 48), 8), "shifts are within 1 and 47, not from 5 to 48"),
        ((49, 24, (5, 6), 8), "sums and biases have 1 to 48 bits, not 49 and 24"),
        ((24, 0, (5, 6), 8), "sums and biases have 1 to 48 bits, not 24 and 0"),
        ((24, 24, (5, 6), 1), "results have at least 2 bits, not 1"),
    ],
)
def test_what_makes_no_sense(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Requantize(*arguments)
