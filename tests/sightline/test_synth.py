"""`sightline synth`: what it prints beside the budget. tests/backends/fpga/test_synthesize.py has
Yosys itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sightline
from sightline.backends.fpga.devices.device import Device
from sightline.backends.fpga.resources import Resources
from sightline.ir.progress import Report
from tests.support.chips import Small, integers, quantized
from tests.support.command_line import fails, invoke, succeeds, succeeds_with_json

USED = Resources(7, 12.5, 4_321, 1_234)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "small"
    options = sightline.FpgaOptions(max_multipliers=9)
    sightline.compile(quantized(Small), ["fpga"], fpga=options).save(folder)
    return folder


@pytest.fixture(autouse=True)
def _synthesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A synthesis that is done at once."""

    def synthesize(verilog: str, device: Device, report: Report) -> Resources:
        assert verilog.count("endmodule") > 10
        assert device.name == "xc6vlx240t"
        return USED

    monkeypatch.setattr("sightline.backends.fpga.synthesize.synthesize", synthesize)


def test_counts_beside_estimate_and_budget(made: Path) -> None:
    found = succeeds_with_json("synth", made)
    assert found["device"] == "xc6vlx240t"
    kinds = ("dsp", "bram36", "lut", "ff")
    assert [found[kind] for kind in kinds] == [7, 12.5, 4_321, 1_234]
    assert [found["budget"][kind] for kind in kinds] == [768, 416, 150_720, 301_440]
    assert all(found["estimate"][kind] > 0 for kind in ("lut", "ff"))
    assert found["fits"] is True


def test_a_table_for_people(made: Path) -> None:
    lines = [" ".join(line.split()) for line in succeeds("synth", made).splitlines()]
    assert lines[0].startswith("synthesized estimated on xc6vlx240t")
    assert any(line.startswith("block RAMs of 36 kbit 12.5 ") for line in lines)
    assert any(line.startswith("LUTs 4,321 ") and line.endswith(" 150,720") for line in lines)
    assert lines[-1] == "It fits Virtex-6 LX240T (ML605)."


def test_what_does_not_fit_exits_with_1(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    too_many = Resources(769, 0.0, 0, 0)
    monkeypatch.setattr("sightline.backends.fpga.synthesize.synthesize", lambda *given: too_many)
    result = invoke("synth", made, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["fits"] is False
    assert invoke("synth", made).stdout.endswith("It does not fit Virtex-6 LX240T (ML605).\n")


def test_what_is_no_accelerator_is_refused(tmp_path: Path) -> None:
    assert "has no target 'fpga'" in fails("synth", integers(Small, tmp_path / "small"))
