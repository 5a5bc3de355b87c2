"""What a design takes of a chip, counted in a netlist that Yosys synthesizes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sightline.backends.fpga.devices.device import Device, Family
from sightline.backends.fpga.resources import Resources
from sightline.backends.fpga.yosys import require_yosys, run_yosys
from sightline.ir.progress import Report, silent

_XILINX = "synth_xilinx -family {} -flatten -noiopad -noclkbuf -run "
_XILINX_RUNS = tuple(
    _XILINX + run for run in ("begin:map_memory", "map_memory:map_cells", "map_cells:check")
)
_LATTICE = "synth_lattice -family {} -run "
_SCRIPTS: dict[Family, tuple[str, ...]] = {
    "xc6v": _XILINX_RUNS,
    "xc7": _XILINX_RUNS,
    # Yosys' own way to LUTs of this family, abc9, dies of designs with many memories.
    "ecp5": (
        _LATTICE + "begin:map_ram",
        _LATTICE + "map_ram:map_luts",
        "abc -lut 4; opt_clean",
    ),
}
"""A family's commands, a step each: arithmetic, memories, LUTs."""

_STEPS = ("reading the design", "finding arithmetic", "mapping memories", "mapping to LUTs")
_STEP_MARK = "sightline step"

_MULTIPLIERS = {"DSP48E1": 1, "MULT18X18D": 1}
_BLOCKS = {"RAMB36E1": 1.0, "RAMB18E1": 0.5, "DP16KD": 0.5, "PDPW16KD": 0.5}
_FLIP_FLOPS = ("FD", "LD", "TRELLIS_FF")
_LUTS = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    **{"$lut": 1, "INV": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1},
    **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2},
    **{"RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4, "RAM32M": 4, "RAM64M": 4},
    **{"CCU2C": 2, "TRELLIS_DPR16X4": 6},
}
"""The LUTs that each kind of cell takes: logic, shift registers, memories. Two small functions that
a router would put in one LUT count as two, so that this is an upper bound."""


def synthesize(verilog: Path | str, device: Device, report: Report = silent) -> Resources:
    """The resources of a design, given as a file or as text, on a device's family of chips.

    It takes from seconds to minutes. Whatever ends it early ends the synthesis too.
    """
    require_yosys("synthesis")
    with tempfile.TemporaryDirectory(prefix="sightline-") as name:
        folder = Path(name)
        text = verilog if isinstance(verilog, str) else verilog.read_text()
        (folder / "design.v").write_text(text)
        run_yosys(folder, _script(device), lambda log: _tell(log, report))
        report("synthesizing", len(_STEPS), len(_STEPS))
        counts = json.loads((folder / "cells.json").read_text())
    return count_cells(counts["design"]["num_cells_by_type"])


def count_cells(cells: Mapping[str, int]) -> Resources:
    """Resources by the kinds of cells and how many there are of each."""
    return Resources(
        dsp=sum(_MULTIPLIERS.get(kind, 0) * count for kind, count in cells.items()),
        bram36=sum(_BLOCKS.get(kind, 0) * count for kind, count in cells.items()),
        lut=sum(_LUTS.get(kind, 0) * count for kind, count in cells.items()),
        ff=sum(count for kind, count in cells.items() if kind.startswith(_FLIP_FLOPS)),
    )


def _script(device: Device) -> str:
    commands = (step.format(device.family) for step in _SCRIPTS[device.family])
    steps = ["read_verilog design.v", *commands]
    lines = [f"log {_STEP_MARK} {number}\n{step}" for number, step in enumerate(steps)]
    return "\n".join([*lines, "tee -o cells.json stat -json", ""])


def _tell(log: Path, report: Report) -> None:
    begun = log.read_text().count(f"\n{_STEP_MARK}")
    if begun:
        report(f"synthesizing: {_STEPS[begun - 1]}", begun - 1, len(_STEPS))
