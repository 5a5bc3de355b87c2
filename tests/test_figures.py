"""The figures in the documents hold here and now: every bar is met, or the test fails."""

from __future__ import annotations

import subprocess
import sys

from tests.support.copies import ROOT


def test_every_figure_meets_its_bar() -> None:
    command = [sys.executable, "benchmarks/figures.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n| ") >= 12
    assert "missed" not in done.stdout
