"""What the system refuses: room for files, a place to print to, a folder to work from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sightline
from tests.support.command_line import names_in
from tests.support.small_networks import labeler


def told(arguments: str, *, limits: str = "true", output: str = "/dev/null") -> str:
    """What `sightline ARGUMENTS` says when it fails under limits, or with its output elsewhere."""
    command = f"{limits} && exec {sys.executable} -m sightline {arguments} > {output}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(r"error: [^\n]+[.!?]\n", done.stderr), done.stderr
    return done.stderr.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "compile models:lenet5 -t reference -o deep/net",
            r"cannot write the folder 'deep/net': File too large\.$",
        ),
        (
            "export models:lenet5 net.onnx",
            r"cannot write 'net\.onnx': File too large\. Choose another path\.$",
        ),
        (
            "compile models:lenet5 -t reference -o net --dump-passes dumped",
            r"cannot write (the folder 'net'|the graph after each pass to 'dumped'): File too la",
        ),
    ],
)
def test_a_quota_leaves_nothing_half_written(arguments: str, message: str) -> None:
    found = told(arguments, limits="ulimit -f 20")
    assert re.match(message, found), found
    assert set(names_in(Path.cwd())) <= {"dumped"}


def test_results_are_written_all_or_none() -> None:
    sightline.compile(labeler(height=64, width=64), ["reference"]).save("net")
    np.save("x.npy", np.zeros((1, 3, 64, 64), np.float32))
    before = names_in(Path.cwd())
    found = told("run net x.npy -o small.png -o large.npy", limits="ulimit -f 20")
    assert found.startswith("cannot write 'large.npy': "), found
    assert names_in(Path.cwd()) == before


@pytest.mark.parametrize("arguments", ["ops", "inspect models:lenet5 --json", "--help"])
def test_no_room_for_what_is_printed(arguments: str) -> None:
    assert told(arguments, output="/dev/full") == "cannot print: No space left on device."


@pytest.mark.parametrize(
    "arguments",
    [
        "inspect models:lenet5",
        "compile models:lenet5 -t reference -o net",
        "export models:lenet5 net.onnx",
    ],
)
def test_a_current_folder_that_is_gone(arguments: str) -> None:
    limits = "mkdir gone && cd gone && rmdir ../gone"
    assert told(arguments, limits=limits) == (
        "the current folder is gone: No such file or directory. Change into one that exists."
    )


def test_no_room_where_targets_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(Path("gone").absolute()))
    with pytest.raises(sightline.UserError, match=r"^cannot make a temporary folder: No such file"):
        sightline.compile(labeler(), ["reference"])
