"""The FIFO at all kinds of depth: what it holds, when it takes, and how fast."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.fifo import Fifo, FifoForm, fifo_form
from sightline.hw.ram import Ram, RamStyle
from tests.support.examples import examples
from tests.support.gateware import Several, play_in_python, play_in_verilog, to_verilog
from tests.support.streams import Case, Played, paced

DEPTHS = {1: 8, 2: 8, 3: 8, 4: 8, 13: 8, 70: 64}
"""The width for each depth: the last two are LUT RAM and block RAM."""


def held_in_each_cycle(played: Played) -> list[int]:
    """What a FIFO holds, from what went in and out before."""
    went_in, came_out = set(played.cycles["i"]), set(played.cycles["o"])
    held = [0]
    for cycle in range(len(played.watched["level"]) - 1):
        held.append(held[-1] + (cycle in went_in) - (cycle in came_out))
    return held


def check(fifo: Fifo, case: Case, played: Played) -> None:
    """Order, the level, and readiness; at the full rate also latency and throughput."""
    values = case.inputs["i"]
    assert played.values["o"] == values
    held = held_in_each_cycle(played)
    assert played.watched["level"] == held
    readies = played.watched["i__ready"]
    for ready, level in zip(readies, held, strict=True):
        assert ready == (level < fifo.depth) or (ready and fifo.depth == 1)
    if case.idle == case.stall == 0:
        assert played.latency("i", 0, "o", 0) == fifo.latency
        assert played.span("i") == played.span("o") == len(values)


def test_depths_in_verilog(tmp_path: Path) -> None:
    fifos = {f"depth_{depth}": Fifo(unsigned(width), depth) for depth, width in DEPTHS.items()}
    values = [k * 37 % 256 for k in range(160)]
    cases = [
        case
        for name in fifos
        for case in paced(
            Case({"i": values}, {"o": 160}, component=name, watch=("level", "i__ready")), seeds=1
        )
    ]
    results = play_in_verilog(Several(fifos), cases, tmp_path)
    fullest = dict.fromkeys(fifos, 0)
    for case, played in zip(cases, results, strict=True):
        check(fifos[case.component], case, played)
        fullest[case.component] = max(fullest[case.component], *played.watched["level"])
    assert fullest == {name: fifo.depth for name, fifo in fifos.items()}
    assert {fifo.form for fifo in fifos.values()} == set(FifoForm)


@examples(30)
@given(
    depth=st.integers(1, 12) | st.integers(65, 75),
    pace=st.tuples(st.sampled_from((0.0, 0.2, 0.6)), st.sampled_from((0.0, 0.2, 0.6))),
    seed=st.integers(0, 1 << 16),
)
def test_any_depth(depth: int, pace: tuple[float, float], seed: int) -> None:
    fifo = Fifo(64, depth)
    values = [(seed + k) * 12345 for k in range(3 * depth + 5)]
    case = Case(
        {"i": values},
        {"o": len(values)},
        idle=pace[0],
        stall=pace[1],
        seed=seed,
        reset_after=seed % 50,
        watch=("level", "i__ready"),
    )
    check(fifo, case, play_in_python(fifo, case))


def test_payloads_have_any_shape() -> None:
    fifo = Fifo(data.StructLayout({"x": 4, "y": data.ArrayLayout(3, 2)}), 5)
    case = Case({"i": [0x2A5, 0x15A]}, {"o": 2})
    assert play_in_python(fifo, case).values["o"] == [0x2A5, 0x15A]


@pytest.mark.parametrize(
    ("depth", "width", "form"),
    [
        (1, 4000, FifoForm.REGISTER),
        (2, 4000, FifoForm.SKID),
        (3, 8, FifoForm.LUT_RAM),
        (64, 4000, FifoForm.LUT_RAM),
        (512, 8, FifoForm.LUT_RAM),
        (513, 8, FifoForm.BLOCK_RAM),
        (65, 64, FifoForm.BLOCK_RAM),
    ],
)
def test_forms(depth: int, width: int, form: FifoForm) -> None:
    assert fifo_form(depth, width) is form


def test_synthesis_is_told_where_the_slots_lie() -> None:
    assert 'ram_style = "block"' in to_verilog(Fifo(64, 70))
    assert 'ram_style = "distributed"' in to_verilog(Fifo(8, 70))


def test_refusals() -> None:
    with pytest.raises(ValueError, match=re.escape("a FIFO holds 1 value or more, not 0")):
        Fifo(8, 0)
    with pytest.raises(ValueError, match=re.escape("a memory has 1 slot or more, not 0")):
        Ram(8, 0, RamStyle.LUT)
