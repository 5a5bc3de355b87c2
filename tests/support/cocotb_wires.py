"""What cocotb benches share: the clock, the ports by name, cases in and results out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from tests.support.gateware import CASES


def cases() -> list[Any]:
    """The cases that the test gave to `gateware.run`."""
    return list(json.loads(Path(os.environ[CASES]).read_text()))


def leave(results: list[Any]) -> None:
    """Hand results back to the test."""
    Path(os.environ[CASES]).with_suffix(".results").write_text(json.dumps(results))


class CocotbWires:
    """Inputs change at the falling edge, and are looked at when settled, before the rising one."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.found: dict[str, Any] = {}
        self.held: dict[str, int] = {}

    @classmethod
    async def start(cls, dut: Any) -> CocotbWires:
        """With a clock that runs."""
        Clock(dut.clk, 10, unit="ns").start()
        await FallingEdge(dut.clk)
        return cls(dut)

    def _wire(self, name: str) -> Any:
        if name not in self.found:
            self.found[name] = getattr(self.dut, name)
        return self.found[name]

    def set(self, name: str, value: int) -> None:
        if self.held.get(name) != value:  # a write costs as much as a cycle
            self._wire(name).value = self.held[name] = value

    def get(self, name: str) -> int:
        return int(self._wire(name).value)

    async def settle(self) -> None:
        await ReadOnly()

    async def tick(self) -> None:
        await FallingEdge(self.dut.clk)
