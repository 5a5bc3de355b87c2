"""The target `fpga`: an accelerator in Verilog, with its plan and its own testbench.

fpga/NAME.v              the accelerator
fpga/plan.json           its plan, and where in the graph it begins
fpga/NAME_testbench.v    one frame through it, for Verilator and Icarus
fpga/*.hex               that frame, and what is expected of it
fpga/README.md           ports, orders and integers, for whoever has no Sightline
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sightline.backends.fpga.assemble import to_verilog
from sightline.backends.fpga.coverage import support
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.frames import random_frame, values_in
from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.plan_file import PLAN, plan_from_json, plan_to_json
from sightline.backends.fpga.plan_options import FpgaOptions
from sightline.backends.fpga.planner import make_plan
from sightline.backends.fpga.readme import readme
from sightline.backends.fpga.testbench import hex_files, testbench
from sightline.backends.target import StageTime, Support
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.progress import Report
from sightline.ir.types import Array

NOTHING_ASKED = FpgaOptions()

SEED = 1
"""Of the frame that the testbench offers."""


@dataclass(frozen=True)
class Fpga:
    """The target `fpga`, with what the user asks of the accelerator."""

    options: FpgaOptions = NOTHING_ASKED
    name: str = "fpga"

    def support(self, op: type[Op]) -> Support:
        return support(op)

    def check(self, graph: Graph) -> None:
        extract(graph, self.options.begin)

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        network = extract(graph, self.options.begin)
        plan = make_plan(network, self.options, report)
        top = hardware_name(network.name)
        report("fpga: writing Verilog", 0, 2)
        texts = {
            f"{top}.v": to_verilog(network, plan),
            PLAN: plan_to_json(self.options.begin, plan),
            f"{top}_testbench.v": testbench(network, plan),
            "README.md": readme(graph, network, plan),
        }
        report("fpga: computing a frame", 1, 2)
        wanted = {source.name for source in network.sources} | set(network.outputs)
        values = values_in(graph, network, wanted, random_frame(graph, SEED))
        for name, text in (texts | dict(hex_files(network, values))).items():
            (folder / name).write_text(text, encoding="utf-8")
        report("fpga: computing a frame", 2, 2)

    def load(self, graph: Graph, folder: Path) -> Accelerated:
        begin, plan = plan_from_json((folder / PLAN).read_text(encoding="utf-8"))
        network = extract(graph, begin)
        verilog = (folder / f"{hardware_name(network.name)}.v").read_text(encoding="utf-8")
        return Accelerated(graph, network, plan, verilog)


@dataclass(frozen=True, eq=False)
class Accelerated:
    """A network as an accelerator: what it computes, its plan, and its Verilog."""

    graph: Graph
    network: Network
    plan: Plan
    verilog: str

    def run(self, inputs: Mapping[str, Array]) -> NoReturn:
        raise _not_here()

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        raise _not_here()


def _not_here() -> UserError:
    return UserError(
        "an accelerator does not run on this machine",
        fix="Simulate it with 'sightline simulate DIR'; its integers are those of -t reference.",
    )


TARGET = Fpga()
