"""Nearest upsampling against NumPy's repeat."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.upsample import Upsample
from tests.support.examples import examples
from tests.support.gateware import Several, play_in_python, play_in_verilog
from tests.support.streams import Case, paced

SHAPES = ((3, 5, 4, 2), (2, 3, 1, 3), (4, 1, 3, 2), (2, 4, 3, 1), (3, 1, 1, 4))
"""Rows, columns, channels, factor."""


def pictures(shape: tuple[int, int, int, int], frames: int, seed: int) -> tuple[list[int], ...]:
    """What goes in and what must come out, of some frames."""
    rows, columns, channels, factor = shape
    x = np.random.default_rng(seed).integers(0, 256, (frames, rows, columns, channels))
    return x.ravel().tolist(), x.repeat(factor, 1).repeat(factor, 2).ravel().tolist()


def test_pictures_in_verilog(tmp_path: Path) -> None:
    parts = {"x".join(["of", *map(str, shape)]): Upsample(8, *shape) for shape in SHAPES}
    given_wanted = [pictures(shape, 2, seed) for seed, shape in enumerate(SHAPES)]
    cases = [
        paced(Case({"i": x}, {"o": len(y)}, component=name))
        for name, (x, y) in zip(parts, given_wanted, strict=True)
    ]
    results = play_in_verilog(Several(parts), [each for some in cases for each in some], tmp_path)
    of_each = [results[k : k + len(cases[0])] for k in range(0, len(results), len(cases[0]))]
    for part, (_, y), played in zip(parts.values(), given_wanted, of_each, strict=True):
        assert all(each.values["o"] == y for each in played)
        assert played[0].latency("i", 0, "o", 0) == part.latency
        assert played[0].span("o") == 2 * part.cycles


def test_a_row_comes_in_while_one_is_repeated() -> None:
    """Of two frames, the second row is whole before the first has been read out."""
    x, y = pictures((2, 6, 2, 2), 1, 7)
    played = play_in_python(Upsample(8, 2, 6, 2, 2), Case({"i": x}, {"o": len(y)}))
    row = 6 * 2
    assert played.cycles["i"][: 2 * row] == list(range(2 * row))
    assert played.cycles["o"][4 * row - 1] > played.cycles["i"][2 * row - 1]


@examples(12)
@given(
    shape=st.tuples(*(st.integers(1, 3) for _ in range(4))),
    pace=st.tuples(st.sampled_from((0.0, 0.2, 0.7)), st.sampled_from((0.0, 0.2, 0.7))),
    seed=st.integers(0, 1 << 16),
)
def test_any_shape(shape: tuple[int, int, int, int], pace: tuple[float, float], seed: int) -> None:
    x, y = pictures(shape, 2, seed)
    case = Case({"i": x}, {"o": len(y)}, "", *pace, seed, reset_after=seed % 40)
    assert play_in_python(Upsample(8, *shape), case).values["o"] == y


def test_refusals() -> None:
    with pytest.raises(ValueError, match=re.escape("a picture of 3 x 0 x 2 has no values")):
        Upsample(8, 3, 0, 2, 2)
    with pytest.raises(ValueError, match=re.escape("repeated 1 time or more, not 0")):
        Upsample(8, 3, 3, 2, 0)
