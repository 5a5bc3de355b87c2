"""The figures in the documents hold here and now: every bar is met, or the test fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import cpu, cuda, fpga
from benchmarks.figure import Figure
from sightline.scene.frame import ONLY_SYNTHETIC
from tests.support.copies import ROOT


def figures_of(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missed" not in done.stdout
    return done.stdout


def test_every_figure_meets_its_bar() -> None:
    assert figures_of("benchmarks.figures").count("\n| ") >= 12


def test_the_trained_networks_meet_theirs() -> None:
    """On a part of the frames that `make scenes` takes."""
    printed = figures_of("benchmarks.scenes", "40")
    assert printed.count("\n| ") >= 24
    assert ONLY_SYNTHETIC in printed


def test_quantization_costs_no_more_than_its_bars_say() -> None:
    """On a few frames, and on the reference, whose integers are those of every target."""
    printed = figures_of("benchmarks.quantization", "10")
    assert printed.count("\n| ") >= 22
    assert ONLY_SYNTHETIC in printed
    for bar in (
        "at most +0.500 points",
        "at most +0.050 points",
        "at most 6.00 s",
        "at most 1.050",
    ):
        assert f"| {bar} |" in printed


def test_a_figure_tells_whether_it_meets_its_bar() -> None:
    assert str(Figure("time", 1.5, 1.0, "{} s")) == "| time | 1.5 s **missed** | at most 1.0 s |"
    assert Figure("rate", 21, 20, "{}", "at least").is_met
    assert not Figure("rate", 19, 20, "{}", "at least").is_met
    assert not Figure("kernels", 61, 60, "{}", "exactly").is_met
    assert str(Figure("time", 1.5, None, "{} s")) == "| time | 1.5 s | stated |"


@pytest.mark.parametrize("benchmark", [fpga, cpu, cuda], ids=["fpga", "cpu", "cuda"])
def test_the_figures_in_the_document_are_those_that_were_kept(benchmark: ModuleType) -> None:
    """What `make bench-fpga`, `-cpu` and `-cuda` found: all bars met, and none left out.

    But for the times of frames on a GPU, where none was at hand.
    """
    results: Path = benchmark.RESULTS
    kept = json.loads(results.read_text())["figures"]
    missing = set(benchmark.SECTIONS) - set(kept)
    assert missing <= ({"frames"} if benchmark is cuda else set())
    assert set(kept) <= set(benchmark.SECTIONS)
    figures = [
        Figure(**{name: value for name, value in row.items() if name != "is_met"})
        for rows in kept.values()
        for row in rows
    ]
    assert [figure.what for figure in figures if not figure.is_met] == []
    document = (ROOT / "docs" / "FIGURES.md").read_text()
    assert [row for row in map(str, figures) if row not in document] == []
