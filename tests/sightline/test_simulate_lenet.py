"""LeNet from its integers to an accelerator whose cycles were foretold, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chips import LeNet, integers
from tests.support.command_line import succeeds, succeeds_with_json

KEYS = [
    *("bit_exact", "frames", "mismatches", "cycles_per_frame", "latency_cycles"),
    *("predicted_cycles_per_frame", "predicted_latency_cycles", "macs_per_frame"),
    *("multipliers", "mac_utilization", "ready_dropped", "depths"),
]


def test_lenet_from_the_command_line(tmp_path: Path) -> None:
    source, made = integers(LeNet, tmp_path / "integers"), tmp_path / "lenet"
    succeeds("compile", source, "-t", "fpga", "--max-multipliers", "9", "-o", made)
    found = succeeds_with_json("simulate", made, "--frames", "3")
    assert list(found) == KEYS
    assert found["bit_exact"]
    assert (found["frames"], found["mismatches"], found["ready_dropped"]) == (3, 0, 0)
    assert found["macs_per_frame"] == 361_600
    assert found["multipliers"] <= 9
    assert found["cycles_per_frame"] == found["predicted_cycles_per_frame"]
    assert found["latency_cycles"] == pytest.approx(found["predicted_latency_cycles"], rel=0.01)
    busy = found["macs_per_frame"] / (found["multipliers"] * found["cycles_per_frame"])
    assert found["mac_utilization"] == pytest.approx(busy)
    assert all(each["measured"] <= each["computed"] for each in found["depths"])
