"""Times as NumPy has them, whose turn it is, and what the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline import machine as on
from sightline import measuring
from sightline.frame_checks import Frame
from sightline.measuring import PAUSE, Times, interleaved, settle, warm_up
from tests.support.examples import examples

SECONDS = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=50)


@given(SECONDS)
@examples(50)
def test_statistics_are_numpys(seconds: list[float]) -> None:
    times = Times(tuple(seconds))
    assert times.median == pytest.approx(np.median(seconds))
    assert times.percentile(95) == pytest.approx(np.quantile(seconds, 0.95))
    low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    assert times.spread == pytest.approx((high - low) / middle)


def test_one_slow_frame_moves_neither_the_median_nor_the_spread() -> None:
    quiet = Times((1.0,) * 20)
    disturbed = Times((*(1.0,) * 19, 50.0))
    assert (quiet.median, quiet.spread) == (disturbed.median, disturbed.spread) == (1.0, 0.0)
    assert disturbed.percentile(99) > 1.0


class Played:
    """A clock that moves when something runs, and what was done in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []

    def run(self, name: str, seconds: float) -> Callable[[Frame], object]:
        def run(frame: Frame) -> None:
            self.now += seconds
            self.done.append(f"{name}{int(frame['x'][0])}")

        return run

    def rest(self) -> None:
        self.now += 100.0
        self.done.append("rest")


def frames(count: int) -> list[Frame]:
    return [{"x": np.array([number])} for number in range(count)]


def test_all_take_turns_on_the_same_frame_and_another_begins_each_round() -> None:
    played = Played()
    runs = [played.run("a", 1.0), played.run("b", 2.0)]
    found = list(interleaved(runs, frames(2), range(3), rest=played.rest, clock=lambda: played.now))
    assert " ".join(played.done) == (
        "rest a0 a0 rest b0 b0 rest b1 b1 rest a1 a1 rest a0 a0 rest b0 b0"
    )
    assert found == [(0, 1.0), (1, 2.0), (1, 2.0), (0, 1.0), (0, 1.0), (1, 2.0)]


def test_every_one_begins_as_often_as_the_others() -> None:
    played = Played()
    runs = [played.run(name, 1.0) for name in "abc"]
    found = [which for which, _ in interleaved(runs, frames(1), range(6), rest=lambda: None)]
    rounds = [found[start : start + 3] for start in range(0, 18, 3)]
    assert all(sorted(each) == [0, 1, 2] for each in rounds)
    assert sorted(each[0] for each in rounds) == [0, 0, 1, 1, 2, 2]


def test_what_is_measured_alone_needs_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[int] = []
    monkeypatch.setattr(measuring, "settle", lambda: rests.append(1))
    played = Played()
    assert len(list(interleaved([played.run("a", 1.0)], frames(1), range(4)))) == 4
    assert not rests
    two = [played.run("a", 1.0), played.run("b", 1.0)]
    assert len(list(interleaved(two, frames(1), range(4)))) == 8
    assert len(rests) == 8


def test_warming_up_is_for_each() -> None:
    played = Played()
    runs = [played.run("a", 1.0), played.run("b", 1.0)]
    assert len(list(warm_up(runs, frames(1)[0], 2))) == 4
    assert played.done == ["a0", "a0", "b0", "b0"]


@pytest.mark.parametrize(("spinning", "looks"), [(0, 1), (7, 8), (10**6, 80)])
def test_a_rest_lasts_as_long_as_threads_spin(
    spinning: int, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process computes during so many pauses, and then no more; a rest has an end."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "process_time", lambda: PAUSE * min(len(slept), spinning))
    settle()
    assert slept == [PAUSE] * looks


def test_a_machine_is_told_as_far_as_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, governor = tmp_path / "cpuinfo", tmp_path / "governor"
    info.write_text(
        "processor\t: 0\nmodel name\t: A Fast One\nmodel name\t: Another\n"
        "flags\t\t: fpu avx avx2 avx512_vnni avx512bw\n"
    )
    governor.write_text("performance\n")
    monkeypatch.setattr(on, "CPU_INFO", info)
    monkeypatch.setattr(on, "GOVERNOR", governor)
    found = on.machine()
    assert (found["processor"], found["governor"]) == ("A Fast One", "performance")
    assert found["instructions"] == "avx512_vnni"
    assert isinstance(found["cores"], int)
    assert found["cores"] >= 1
    governor.unlink()
    info.unlink()
    assert on.machine()["governor"] is on.machine()["instructions"] is None
    assert on.machine()["processor"]


def test_versions_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = on.versions()
    assert found["numpy"] == np.__version__
    assert {"sightline", "python", "apache-tvm", "onnxruntime", "torch"} <= set(found)
    monkeypatch.setattr(on, "PACKAGES", ("numpy", "no-such-package"))
    assert set(on.versions()) == {"sightline", "python", "numpy"}
