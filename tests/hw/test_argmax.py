"""The index of the largest score against NumPy's argmax, ties included."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.argmax import ArgMax
from tests.support.examples import examples
from tests.support.gateware import Several, play_in_python, play_in_verilog
from tests.support.streams import Case, paced

PARTS = {"one": (4, 1), "two": (3, 2), "eight": (16, 8), "ties": (2, 5)}
"""Bits, channels; with 2 bits nearly every pixel has a tie."""


def pixels(bits: int, channels: int, count: int, seed: int) -> tuple[list[int], list[int]]:
    """Scores as unsigned integers, and the index of each pixel."""
    half = 1 << (bits - 1)
    x = np.random.default_rng(seed).integers(-half, half, (count, channels))
    return (x.ravel() % (1 << bits)).tolist(), x.argmax(1).tolist()


def test_labels_in_verilog(tmp_path: Path) -> None:
    parts = {name: ArgMax(*each) for name, each in PARTS.items()}
    x = {name: pixels(*each, 60, k) for k, (name, each) in enumerate(PARTS.items())}
    cases = [
        case for name in parts for case in paced(Case({"i": x[name][0]}, {"o": 60}, component=name))
    ]
    results = play_in_verilog(Several(parts), cases, tmp_path)
    for case, played in zip(cases, results, strict=True):
        assert played.values["o"] == x[case.component][1], case
        if case.idle == case.stall == 0:
            channels = PARTS[case.component][1]
            assert played.latency("i", channels - 1, "o", 0) == ArgMax.latency
            assert played.span("i") == 60 * channels


@examples(20)
@given(bits=st.integers(1, 12), channels=st.integers(1, 9), seed=st.integers(0, 1 << 16))
def test_any_width(bits: int, channels: int, seed: int) -> None:
    x, labels = pixels(bits, channels, 12, seed)
    case = Case({"i": x}, {"o": 12}, idle=0.2, stall=0.5, seed=seed, reset_after=seed % 20)
    assert play_in_python(ArgMax(bits, channels), case).values["o"] == labels


def test_refusals() -> None:
    with pytest.raises(ValueError, match=re.escape("1 bit or more, not 0")):
        ArgMax(0, 3)
    with pytest.raises(ValueError, match=re.escape("1 channel or more, not 0")):
        ArgMax(8, 0)
