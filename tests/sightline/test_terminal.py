"""What a terminal sees that a file does not: progress, and errors folded to its width."""

from __future__ import annotations

import errno
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from sightline.terminal import Commands, Guarded


def on_a_terminal(*arguments: str, columns: int = 60) -> tuple[int, str, str]:
    """Exit status, stdout through a pipe, and what stderr shows on a terminal, without colours."""
    master, slave = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "sightline", *arguments],
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm"},
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not part:
            break
        shown += part
    printed, _ = running.communicate(timeout=60)
    os.close(master)
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")
    return running.returncode, printed, text


def test_progress_is_shown_and_stdout_stays_pure(tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, printed, shown = on_a_terminal(
        "compile", "models:scene,height=48,width=64", "-o", str(out), "-t", "reference"
    )
    assert status == 0
    assert "reading" in shown
    assert re.search(r"\d+/\d+", shown)
    assert printed.startswith("compiled models:scene")


def test_the_time_left_is_shown_while_frames_are_gone_through(tmp_path: Path) -> None:
    frames, out = tmp_path / "frames.npy", tmp_path / "out"
    np.save(frames, np.random.default_rng(0).random((40, 1, 32, 32), np.float32))
    for command in (
        ("quantize", "models:lenet5", str(frames), "-o", str(out)),
        ("accuracy", str(out), str(frames)),
    ):
        status, printed, shown = on_a_terminal(*command, columns=80)
        assert status == 0
        assert printed
        what = "calibrating" if command[0] == "quantize" else "comparing"
        assert re.search(rf"{what} .*\d+/40 \d:\d\d:\d\d", shown), shown


def test_errors_are_folded_to_the_terminal() -> None:
    status, printed, shown = on_a_terminal("inspect", "models:scene,clases=3")
    lines = shown[shown.index("error: ") :].strip("\n").splitlines()
    assert (status, printed) == (2, "")
    assert len(lines) > 2
    assert all(0 < len(line) <= 60 for line in lines)
    assert " ".join(lines).startswith("error: models:scene has no parameter 'clases'. Did you mean")


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            2,
            "error: x: Permission denied.\n",
        ),
        (OSError(errno.ENOSPC, "No space"), 2, "error: cannot print: No space.\n"),
        (MemoryError(), 2, "error: there is not enough memory for this.\n"),
        (EOFError(), 130, "\nerror: interrupted.\n"),
    ],
)
def test_failures_of_the_system_are_told_in_a_line(
    failure: BaseException, status: int, message: str
) -> None:
    @click.command(cls=Guarded)
    def command() -> None:
        raise failure

    result = CliRunner().invoke(command)
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", message)


@pytest.mark.parametrize("failure", [ValueError("a bug"), OSError("without a file")])
def test_bugs_are_not_hidden(failure: Exception) -> None:
    @click.command(cls=Guarded)
    def command() -> None:
        raise failure

    assert CliRunner().invoke(command).exception is failure


def test_a_lazy_command_is_imported_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late.py").write_text(
        "import click\n@click.command()\ndef told():\n    click.echo('here')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    group = Commands("group", lazy={"late": "late:told"})
    group.add_command(click.Command("early"))
    assert group.list_commands(click.Context(group)) == ["early", "late"]
    assert "late" not in sys.modules
    assert CliRunner().invoke(group, ["late"]).output == "here\n"
    monkeypatch.delitem(sys.modules, "late")
    assert CliRunner().invoke(group, ["never"]).exit_code == 2
    assert "late" not in sys.modules
