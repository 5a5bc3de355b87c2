"""Ctrl-C, termination and sudden death in the middle of work leave nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sightline.backends.reference import Reference
from sightline.ir.graph import Graph
from sightline.ir.progress import Report
from tests.support.command_line import invoke, names_in, snapshot

COMPILE = ("compile", "models:lenet5", "-t", "reference", "-o", "net")

SLOW_COMPILE = """
import time
from pathlib import Path
from sightline.backends.reference import Reference

def compile(self, graph, folder, report):
    (folder / "half").write_text("done")
    print("half way", flush=True)
    time.sleep(60)

Reference.compile = compile
"""
SLOW_SAVE = """
import time
import numpy

def savez(path, **arrays):
    path.write_text("half")
    print("half way", flush=True)
    time.sleep(60)

numpy.savez = savez
"""
SLOW_FACTORY = """
import time

def net():
    print("half way", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's temporary folder lies in sight, so that what is left there is seen."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))


@pytest.mark.usefixtures("_temporary")
def test_ctrl_c_while_a_target_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Reference, graph: Graph, folder: Path, report: Report) -> None:
        (folder / "half").write_text("done")
        raise KeyboardInterrupt

    monkeypatch.setattr(Reference, "compile", interrupted)
    before = snapshot(Path.cwd())
    result = invoke(*COMPILE)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.strip() == "error: interrupted."
    assert snapshot(Path.cwd()) == before


@pytest.mark.usefixtures("_temporary")
def test_ctrl_c_while_the_artifact_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, **arrays: object) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    assert invoke(*COMPILE).exit_code == 130
    assert names_in(Path.cwd()) == ["tmp"]


@pytest.mark.usefixtures("_temporary")
def test_a_bug_while_a_target_compiles_leaves_nothing_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: Reference, graph: Graph, folder: Path, report: Report) -> None:
        (folder / "half").write_text("done")
        raise ZeroDivisionError

    monkeypatch.setattr(Reference, "compile", broken)
    assert isinstance(invoke(*COMPILE).exception, ZeroDivisionError)
    assert snapshot(Path.cwd()) == {"tmp": "folder"}


@pytest.mark.parametrize("slow", [SLOW_COMPILE, SLOW_SAVE])
@pytest.mark.parametrize(
    ("sent", "status", "clean"),
    [
        (signal.SIGINT, 130, True),
        (signal.SIGTERM, 143, True),
        (signal.SIGKILL, -9, False),
    ],
)
def test_a_signal_half_way(sent: signal.Signals, status: int, clean: bool, slow: str) -> None:
    """Even where no code can run any more, the folder that was asked for does not appear."""
    Path("tmp").mkdir()
    Path("work").mkdir()
    program = f"{slow}\nimport sys; from sightline.cli import main\n"
    program += f"sys.argv[1:] = {list(COMPILE)!r}\nmain()"
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="work",
        env={"TMPDIR": str(Path("tmp").absolute())},
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "half way\n"
    running.send_signal(sent)
    _, told = running.communicate(timeout=30)
    assert running.returncode == status
    assert "Traceback" not in told
    assert not Path("work", "net").exists()
    if clean:
        assert names_in(Path("work")) == names_in(Path("tmp")) == []


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_users_code_is_no_failure_of_it(sent: signal.Signals, status: int) -> None:
    Path("slow.py").write_text(SLOW_FACTORY)
    running = subprocess.Popen(
        [sys.executable, "-m", "sightline", "inspect", "slow:net"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    assert running.stderr.readline() == "half way\n"
    running.send_signal(sent)
    printed, told = running.communicate(timeout=30)
    assert (running.returncode, printed) == (status, "")
    assert told.strip() == "error: interrupted."
