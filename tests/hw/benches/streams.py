"""Cocotb: play the cases that the test gave, one after another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import cocotb

from tests.support.cocotb_wires import CocotbWires, cases, leave
from tests.support.streams import Case, play


@cocotb.test()
async def play_all(dut: Any) -> None:
    wires = await CocotbWires.start(dut)
    leave([asdict(await play(wires, Case(**each))) for each in cases()])
