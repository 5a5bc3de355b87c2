"""The cocotb side of a bench: it waits until the bench is done, and tells how far it is."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

CYCLE = 2
"""Nanoseconds of a cycle of the bench."""

TOLD_EVERY = 0.5
"""Seconds."""

PROGRESS = Path("progress.txt")


@cocotb.test()
async def runs_to_its_end(dut: Any) -> None:
    """The bench does all in HDL; Python runs once in many cycles."""
    started, told = time.monotonic(), 0.0
    while not dut.done.value:
        await Timer(CYCLE * int(os.environ["CYCLES_AT_ONCE"]), "ns")
        now = time.monotonic() - started
        if now - told >= TOLD_EVERY:
            told = now
            tell(int(dut.cycle.value), now)
    tell(int(dut.cycle.value), time.monotonic() - started)


def tell(cycle: int, seconds: float) -> None:
    """What the process that started the simulation reads; never half a line."""
    fresh = PROGRESS.with_suffix(".new")
    fresh.write_text(f"{cycle} {seconds:.3f}\n")
    fresh.replace(PROGRESS)
