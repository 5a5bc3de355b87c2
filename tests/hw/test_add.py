"""The requantized sum against ir.fixed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.add import Add
from sightline.ir.fixed import MAX_MULTIPLIER, MAX_SHIFT, requantize, saturate, width_of
from tests.support.examples import examples
from tests.support.gateware import Several, play_in_python, play_in_verilog
from tests.support.streams import Case, paced

ADDS = {
    "scores": (16, 2, 1, 0, -32768, 32767),
    "plain_with_zero_point": (8, 1 << 16, 16, 5, -128, 127),
    "scaled": (8, 40000, 17, -3, -128, 127),
    "smallest_factor": (16, 1, MAX_SHIFT, 9, -20, 20),
    "largest_factor": (8, MAX_MULTIPLIER, 1, 0, -(1 << 30), 1 << 30),
    "a_half": (12, 1, 1, 0, 3, 1000),
}

Operands = tuple[list[int], list[int]]


def operands(bits: int, count: int, seed: int) -> Operands:
    """Random integers with a sign, the extremes among them."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    x = np.random.default_rng(seed).integers(low, high + 1, (2, count))
    x[:, :4] = [[low, high, low, high], [low, high, high, low]]
    return x[0].tolist(), x[1].tolist()


def wanted(parameters: tuple[int, ...], a: list[int], b: list[int]) -> list[int]:
    _, multiplier, shift, zero_point, low, high = parameters
    exact = requantize(np.add(a, b), multiplier, shift, zero_point)
    return [int(y) for y in saturate(exact, low, high)]


def unsigned(values: list[int], bits: int) -> list[int]:
    return [value % (1 << bits) for value in values]


def case_of(name: str, parameters: tuple[int, ...], x: Operands) -> Case:
    a, b = (unsigned(each, parameters[0]) for each in x)
    return Case({"a": a, "b": b}, {"o": len(a)}, component=name)


def test_sums_in_verilog(tmp_path: Path) -> None:
    parts = {name: Add(*parameters) for name, parameters in ADDS.items()}
    x = {name: operands(each[0], 150, k) for k, (name, each) in enumerate(ADDS.items())}
    cases = [case for name, each in ADDS.items() for case in paced(case_of(name, each, x[name]))]
    results = play_in_verilog(Several(parts), cases, tmp_path)
    for case, played in zip(cases, results, strict=True):
        parameters = ADDS[case.component]
        sums = wanted(parameters, *x[case.component])
        assert played.values["o"] == unsigned(sums, width_of(*parameters[4:])), case
        if case.idle == case.stall == 0:
            assert played.latency("a", 0, "o", 0) == parts[case.component].latency
            assert played.span("o") == 150
    assert parts["scores"].latency == 2
    assert parts["scaled"].latency == 4


@examples(25)
@given(
    bits=st.integers(3, 24),
    multiplier=st.integers(1, MAX_MULTIPLIER),
    shift=st.integers(1, MAX_SHIFT),
    zero_point=st.integers(-128, 127),
    limits=st.tuples(st.integers(-300, 300), st.integers(-300, 300)),
    seed=st.integers(0, 1 << 16),
)
def test_any_factor(
    bits: int, multiplier: int, shift: int, zero_point: int, limits: tuple[int, int], seed: int
) -> None:
    parameters = (bits, multiplier, shift, zero_point, min(limits), max(limits))
    x = operands(bits, 30, seed)
    played = play_in_python(Add(*parameters), case_of("", parameters, x))
    sums = wanted(parameters, *x)
    assert played.values["o"] == unsigned(sums, width_of(*parameters[4:]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((0, 2, 1, 0, 0, 1), "1 bit or more, not 0"),
        ((8, 0, 1, 0, 0, 1), "the multiplier 0 is not within 1 and 131071"),
        ((8, 1 << 17, 1, 0, 0, 1), "the multiplier 131072 is not within 1 and 131071"),
        ((8, 1, 0, 0, 0, 1), "the shift 0 is not within 1 and 47"),
        ((8, 1, 48, 0, 0, 1), "the shift 48 is not within 1 and 47"),
        ((8, 1, 1, 0, 5, 4), "nothing is held within 5 and 4"),
    ],
)
def test_refusals(parameters: tuple[int, int, int, int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Add(*parameters)
