"""The waveform of one instance, in the cycles that were asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sightline.sim.run import Options, Waveform, simulate
from tests.support.adder import ADDER, BEATS, offered_uniformly, pictures, sums


def test_a_waveform_shows_one_instance_around_one_frame(tmp_path: Path) -> None:
    stimuli = pictures(3)
    offers = {name: offered_uniformly(3, BEATS, 60) for name in stimuli}
    file = tmp_path / "queue.vcd"
    trace = Waveform(file, "queue", first=60, last=100)
    found = simulate(ADDER, stimuli, sums(stimuli), offers, Options(trace=trace))
    assert found.cycles == 100
    text = file.read_text()
    assert re.findall(r"\$scope module (\w+)", text) == ["bench", "dut", "queue"]
    assert {"put", "take", "level", "slots[7]"} <= set(
        re.findall(r"\$var wire +\d+ \S+ (\S+)", text)
    )
    times = [int(time) for time in re.findall(r"^#(\d+)$", text, re.MULTILINE)]
    assert (times[-1] - times[0]) // 2 == pytest.approx(100 - 60, abs=15)
    assert list(tmp_path.iterdir()) == [file]

    late = Options(trace=Waveform(file, "queue", first=5000))
    with pytest.raises(ValueError, match="the run ended before cycle 5000"):
        simulate(ADDER, stimuli, sums(stimuli), offers, late)
