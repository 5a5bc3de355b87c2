"""The bench around a small accelerator: what it measures, and every fault that it must find."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.types import Array
from sightline.sim.measured import Measured
from sightline.sim.run import Options, simulate
from tests.support.adder import (
    ADDER,
    BEATS,
    HANGS,
    NO_LAST,
    SLOW,
    TWICE,
    offered_uniformly,
    pictures,
    sums,
)
from tests.support.examples import examples


def run(
    frames: int = 3,
    options: Options | None = None,
    interval: int = 60,
    stimuli: dict[str, Array] | None = None,
    expected: dict[str, Array] | None = None,
) -> Measured:
    stimuli = stimuli or pictures(frames)
    offers = {name: offered_uniformly(frames, BEATS, interval) for name in stimuli}
    return simulate(ADDER, stimuli, expected or sums(stimuli), offers, options)


def with_pixel(value: int, beat: int, frame: int = 1) -> dict[str, Array]:
    """Three frames with one pixel that brings a fault."""
    stimuli = pictures(3)
    stimuli["left"][frame, 0].reshape(-1)[beat] = value
    return stimuli


def test_equal_sums_and_their_times() -> None:
    found = run()
    assert found.bit_exact
    assert list(found.problems()) == []
    assert found.first_pixels == (0, 60, 120)
    assert found.last_results == (56, 116, 176)
    assert found.latency == 57
    assert found.interval == 60
    assert found.ready_dropped == 0
    assert [(each.most, each.depth) for each in found.levels] == [(1, 8)]


def test_one_frame_has_a_latency_and_no_interval() -> None:
    found = run(1, interval=BEATS)
    assert found.bit_exact
    assert (found.latency, found.interval) == (BEATS + 1, None)


@pytest.mark.parametrize(("frame", "row", "column"), [(0, 0, 0), (2, 2, 3)])
def test_a_wrong_value_is_found_and_located(frame: int, row: int, column: int) -> None:
    stimuli = pictures(3)
    expected = sums(stimuli)
    right = int(expected["sum"][frame, 0, row, column])
    expected["sum"][frame, 0, row, column] = -right - 1
    found = run(stimuli=stimuli, expected=expected)
    assert not found.bit_exact
    assert found.whole
    assert found.mismatches == 2
    place = f"frame {frame}, stage sum, channel 0, row {row}, column {column}: {right}"
    cycle = 60 * frame + 5 * (4 * row + column)
    assert list(found.problems()) == [
        f"{place} instead of {-right - 1} in cycle {cycle} (seen at layer/1 add)",
        f"{place} instead of {-right - 1} in cycle {cycle + 1}",
        "layer/1 add: 1 values differ",
        "sum: 1 values differ",
    ]


def test_many_wrong_values_are_counted_and_the_first_sixteen_told() -> None:
    stimuli = pictures(3)
    found = run(stimuli=stimuli, expected={"sum": sums(stimuli)["sum"] ^ 1})
    assert found.mismatches == 2 * 3 * BEATS
    assert [each.stream for each in found.examples] == ["layer/1 add"] * 16 + ["sum"] * 16
    assert found.examples[15].frame == 1


def test_without_probes_results_alone_are_compared() -> None:
    stimuli = pictures(2)
    found = run(2, Options(probes=False), stimuli=stimuli)
    assert found.bit_exact
    assert [each.name for each in found.checked] == ["sum"]


def test_a_pixel_that_must_wait_is_counted() -> None:
    found = run(stimuli=with_pixel(SLOW, 5))
    assert found.bit_exact
    # None is taken for 20 cycles, and the next is there after 5, the first of the 20 among them.
    assert [each.waited for each in found.inputs] == [16, 16]
    assert found.ready_dropped == 32


def test_a_run_without_progress_ends_and_names_every_stream() -> None:
    found = run(options=Options(patience=500), stimuli=with_pixel(HANGS, 2))
    assert not found.bit_exact
    lines = list(found.problems())
    assert lines[-7:] == [
        "sum: 1 of 3 frames are whole",
        f"stuck in cycle {found.cycles}",
        "left: valid 1, ready 0, frame 1, pixel 3 of 12",
        "right: valid 1, ready 0, frame 1, pixel 3 of 12",
        "layer/1 add: valid 0, ready 1, frame 1, value 3 of 12",
        "sum: valid 0, ready 1, frame 1, value 3 of 12",
        "queue: valid 0, ready 1, holds 0 of 8",
    ]
    assert 570 < found.cycles < 590


def test_quiet_until_a_pixel_is_due_is_not_stuck() -> None:
    assert run(2, Options(patience=30), interval=2000).bit_exact


def test_a_missing_tlast_is_found() -> None:
    found = run(stimuli=with_pixel(NO_LAST, BEATS - 1))
    assert list(found.problems()) == ["sum: tlast is wrong in 1 beats"]
    assert not found.bit_exact


def test_values_after_the_last_are_found() -> None:
    found = run(stimuli=with_pixel(TWICE, BEATS - 1, 2))
    assert list(found.problems()) == ["sum: 1 values after the last frame"]
    assert not found.bit_exact


@examples(4)
@given(
    st.integers(1, 4), st.floats(0, 0.9), st.floats(0, 0.9), st.integers(0, 2**31 - 1), st.data()
)
def test_idle_and_backpressure_change_no_value(
    frames: int, idle: float, backpressure: float, seed: int, data: st.DataObject
) -> None:
    interval = data.draw(st.integers(1, 80))
    options = Options(idle, backpressure, seed)
    found = run(frames, options, interval, pictures(frames, seed))
    assert found.bit_exact
    assert found.levels[0].most <= 8
    assert found.first_pixels[0] >= 0


def test_a_seed_gives_the_same_run_and_another_seed_another() -> None:
    same, again, other = (run(4, Options(0.4, 0.4, seed)) for seed in (7, 7, 8))
    assert same.last_results == again.last_results != other.last_results


def test_chances_are_what_they_are_called() -> None:
    found = run(200, Options(backpressure=0.75), interval=1)
    # A result leaves in one cycle of four on average, and as all is full nothing else decides.
    assert found.interval == pytest.approx(4 * BEATS, rel=0.05)
    assert found.levels[0].most == 7
    assert found.bit_exact


def test_progress_is_told_and_python_does_not_slow_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames, interval = 10, 100_000
    stimuli, told = pictures(frames), []
    offers = {name: offered_uniformly(frames, BEATS, interval) for name in stimuli}
    found = simulate(ADDER, stimuli, sums(stimuli), offers, report=lambda *step: told.append(step))
    assert told[0] == ("simulate: build", 0, 1)
    last = int(offers["left"][-1, -1])
    assert told[-1] == ("simulate: cycles", last + 1, last + 1)
    with capsys.disabled():
        print(f" {found.cycles_per_second:,.0f} cycles/s ", end="")
    assert found.cycles_per_second > 50_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": np.zeros((3, 2, 3, 3))}, r"input 'left' has shape \(3, 2, 3, 3\) instead of"),
        ({"right": np.zeros((2, 1, 3, 4))}, r"input 'right' has shape \(2, 1, 3, 4\) instead of"),
    ],
)
def test_pictures_that_do_not_fit(change: dict[str, Array], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(stimuli=pictures(3) | change, expected=sums(pictures(3)))


def test_offers_and_results_that_do_not_fit() -> None:
    stimuli = pictures(2)
    offers = {name: offered_uniformly(2, BEATS, 60) for name in stimuli}
    with pytest.raises(ValueError, match=r"expected of 'sum' has shape \(1, 1, 3, 4\) instead"):
        simulate(ADDER, stimuli, sums(pictures(1)), offers)
    with pytest.raises(ValueError, match="offers of input 'right' fall"):
        simulate(ADDER, stimuli, sums(stimuli), offers | {"right": offers["right"][:, ::-1]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"idle": 1.0}, "idle is a chance from 0 to below 1, not 1.0"),
        ({"backpressure": -0.1}, "backpressure is a chance .* not -0.1"),
        ({"seed": -1}, "seed -1"),
        ({"patience": 0}, "patience 0"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**options)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()  # so that the build is in the cache
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert run().bit_exact
    assert list(tmp_path.iterdir()) == []
