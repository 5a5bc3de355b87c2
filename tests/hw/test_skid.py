"""The skid buffer."""

from __future__ import annotations

from pathlib import Path

from sightline.hw.skid import Skid
from tests.support.gateware import play_in_verilog
from tests.support.streams import Case, paced


def test_skid(tmp_path: Path) -> None:
    values = [k * 7 % 256 for k in range(300)]
    cases = paced(Case({"i": values}, {"o": len(values)}, watch=("i__ready",)), seeds=2)
    results = play_in_verilog(Skid(8), cases, tmp_path)
    for case, played in zip(cases, results, strict=True):
        assert played.values["o"] == values, case
        held = 0
        for cycle, ready in enumerate(played.watched["i__ready"]):
            assert ready == (held < 2), (case, cycle)
            held += (cycle in played.cycles["i"]) - (cycle in played.cycles["o"])
    assert results[0].latency("i", 0, "o", 0) == Skid.latency
    assert results[0].span("o") == len(values)
