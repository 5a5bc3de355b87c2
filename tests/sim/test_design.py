"""The plain data of a design, and how values become words of files and places again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.sim.bench import sources, write_frames
from sightline.sim.design import Order, Place, Row, key, raster
from sightline.sim.measured import measured, signed
from tests.support.adder import ADDER, pictures, sums
from tests.support.examples import examples

INTERLEAVED = Order(
    (
        Row("fine", 0, 4, 2),
        Row("fine", 1, 4, 2),
        Row("coarse", 0, 2, 3),
        Row("fine", 2, 4, 2),
        Row("fine", 3, 4, 2),
        Row("coarse", 1, 2, 3),
    )
)


def test_every_value_of_interleaved_stages_is_placed() -> None:
    random = np.random.default_rng(0)
    results = {
        "fine": random.integers(-99, 99, (2, 2, 4, 4)),
        "coarse": random.integers(-99, 99, (2, 3, 2, 2)),
    }
    values = INTERLEAVED.flatten(results, 1)
    assert INTERLEAVED.values == values.size == 4 * 4 * 2 + 2 * 2 * 3
    places = [INTERLEAVED.place(index) for index in range(values.size)]
    assert len(set(places)) == values.size
    for place, value in zip(places, values, strict=True):
        assert results[place.stage][1, place.channel, place.row, place.column] == value


def test_the_first_values_of_a_row_are_its_first_columns_channels() -> None:
    assert INTERLEAVED.place(1) == Place("fine", 0, 0, 1)
    assert INTERLEAVED.place(16) == Place("coarse", 0, 0, 0)
    assert INTERLEAVED.place(19) == Place("coarse", 0, 1, 0)
    assert raster("a", (2, 3, 4)).place(23) == Place("a", 2, 3, 1)


@examples(50)
@given(st.integers(1, 40), st.data())
def test_words_of_any_width_mean_their_integers(bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1))
    assert signed(value & ((1 << bits) - 1), bits) == value


def test_files_hold_the_highest_byte_first(tmp_path: Path) -> None:
    stimuli = pictures(1)
    stimuli["left"][0, :, 0, 0] = (1, -2)
    stimuli["right"][0, 0, 0, :2] = (258, -1)
    expected = sums(stimuli)
    expected["sum"][0, 0, 0, :2] = (-3, 513)
    offers = {name: np.arange(12).reshape(1, 12) + 256 for name in stimuli}
    write_frames(ADDER, stimuli, expected, offers, tmp_path)
    assert (tmp_path / "left.beats").read_bytes()[:2] == bytes([0xFE, 0x01])
    assert (tmp_path / "right.beats").read_bytes()[:4] == bytes([0x01, 0x02, 0xFF, 0xFF])
    assert (tmp_path / "right.offers").read_bytes()[:8] == bytes([0, 0, 1, 0, 0, 0, 1, 1])
    for name in ("sum", "layer_1_add"):
        assert (tmp_path / f"{name}.wanted").read_bytes()[:4] == bytes([0x07, 0xFD, 0x02, 0x01])


def test_names_become_words() -> None:
    assert key("net/features.4@1/2 (a)") == "net_features.4@1_2__a_"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": ()}, "2 inputs and 0 outputs"),
        ({"inputs": ()}, "0 inputs and 1 outputs"),
        ({"inputs": (replace(ADDER.inputs[0], bits=0),)}, "'left' has 12 values of 0 bits"),
        ({"probes": (replace(ADDER.probes[0], order=Order(())),)}, "has 0 values of 11 bits"),
        ({"gauges": (replace(ADDER.gauges[0], name="sum"),)}, r"share the names \['sum'\]"),
        ({"probes": (replace(ADDER.probes[0], name="le/ft"),) * 2}, r"names \['le_ft'\]"),
    ],
)
def test_designs_that_make_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ADDER, **change)


def test_the_bench_is_the_same_to_the_byte_and_names_the_streams() -> None:
    (_, parts), (_, bench), (name, verilog) = sources(ADDER)
    assert sources(ADDER) == sources(ADDER)
    assert "module bench_source" in parts
    assert '.NAME("layer_1_add")' in bench
    assert ".valid(dut.fire), .ready(1'b1), .data(dut.sum)" in bench
    assert (name, verilog) == ("adder.v", ADDER.verilog)


def test_a_short_file_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"bench read .*'11', 'left.beats'.* too few"):
        measured(ADDER, 1, ["SHORT 11 left.beats"], 1.0)
