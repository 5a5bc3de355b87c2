"""`compile -t fpga` and `simulate`: what they print, what is found, what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sightline
from sightline.artifact_files import file_hash
from tests.support.chips import Small, integers, quantized
from tests.support.command_line import fails, invoke, succeeds, succeeds_with_json

MULTIPLIERS = ("--max-multipliers", "9")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small network in integers, and its accelerator."""
    place = tmp_path_factory.mktemp("artifacts")
    integers(Small, place / "small")
    succeeds("compile", place / "small", "-t", "fpga", *MULTIPLIERS, "-o", place / "made")
    return place


def test_the_plan_is_told_when_it_is_made(folder: Path, tmp_path: Path) -> None:
    asked = ("compile", folder / "small", "-t", "fpga", *MULTIPLIERS)
    printed = succeeds(*asked, "-o", tmp_path / "told")
    assert re.search(r" \d+ x \d+ +(packed|single|fabric) +[\d.]+% ", printed)
    assert re.search(r"^image\.q +\d+ +8$", printed, re.MULTILINE)
    assert re.search(r"^DSP blocks +\d+ +768$", printed, re.MULTILINE)
    assert "planned for Virtex-6 LX240T (ML605): " in printed
    plan = succeeds_with_json(*asked, "-o", tmp_path / "as_json")["plan"]
    assert f"a frame every {plan['predicted_cycles_per_frame']:,} cycles" in printed
    assert (plan["device"], plan["clock_mhz"]) == ("xc6vlx240t", 200)
    assert set(plan["estimate"]) == {"dsp", "bram36", "lut", "ff"}


def test_what_is_told_to_people(folder: Path) -> None:
    printed = succeeds("simulate", folder / "made")
    assert re.search(r"a frame every +[\d,]+ +[\d,]+", printed)
    assert re.search(r"fifo_image_q +\d+ +\d+", printed)
    assert "2 frames of " in printed
    assert printed.endswith("all values are equal to the reference's\n")


def test_idle_and_backpressure_by_seed(folder: Path) -> None:
    disturbed = ("simulate", folder / "made", "--idle", "0.3", "--backpressure", "0.5")
    np.save("x.npy", frames(2))
    same, again, other = (
        succeeds_with_json(*disturbed, "--seed", seed, "--input", "x.npy")
        for seed in ("7", "7", "8")
    )
    assert same["bit_exact"]
    assert same == again
    assert same != other


def frames(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(5).random((count, 1, 10, 10), np.float32)


def test_frames_of_a_file_come_in_turn(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "three.npy", frames(3))
    given = ("simulate", folder / "made", "--input", tmp_path / "three.npy")
    assert succeeds_with_json(*given)["frames"] == 3
    assert succeeds_with_json(*given, "--frames", "5")["frames"] == 5
    alone = succeeds_with_json(*given, "--frames", "1")
    assert (alone["cycles_per_frame"], alone["mac_utilization"]) == (None, None)
    assert alone["bit_exact"]


def changed(made: Path, place: Path, change: Callable[[str], str]) -> Path:
    """A copy of an artifact with other Verilog, which its manifest knows of."""
    made = Path(shutil.copytree(made, place))
    verilog, manifest = made / "fpga" / "small_.v", made / "manifest.json"
    before = file_hash(verilog)
    verilog.write_text(change(verilog.read_text()))
    assert "'fpga/small_.v' of the artifact is not what the compiler wrote" in fails(
        "simulate", made
    )
    manifest.write_text(manifest.read_text().replace(before, file_hash(verilog)))
    return made


def with_another_weight(verilog: str) -> str:
    lines = verilog.split("\n")
    module = next(k for k, line in enumerate(lines) if re.match(r"module \S*\.weights_0 ", line))
    word = next(k for k in range(module, len(lines)) if lines[k].startswith("    words[0] = "))
    head, digit, last = lines[word][:-3], lines[word][-3], lines[word][-2]
    lines[word] = f"{head}{int(digit, 16) ^ 4:x}{last};"
    return "\n".join(lines)


def test_a_changed_weight_is_found_and_its_waveform_written(folder: Path, tmp_path: Path) -> None:
    made = changed(folder / "made", tmp_path / "changed", with_another_weight)
    result = invoke("simulate", made, "--trace", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["bit_exact"]
    assert found["mismatches"] > 0
    assert re.match(
        r"frame \d, stage \S+, channel \d+, row \d+, column \d+: -?\d+ instead of -?\d+ in cycle",
        result.stderr,
    )
    assert (tmp_path / "small.vcd").read_text().startswith("$version")


def without_results(verilog: str) -> str:
    """The last component sends nothing."""
    ((name, last),) = re.findall(r"\.axi__tvalid\((\w+__)tvalid\)(,?)", verilog)
    blocked = verilog.replace(f".axi__tvalid({name}tvalid){last}", f".axi__tvalid(){last}")
    blocked = blocked.replace(f".o__ready({name}tready)", ".o__ready(1'h0)")
    return blocked.replace(f"wire {name}tvalid;", f"wire {name}tvalid = 1'h0;")


def test_what_hangs_ends_by_itself_and_names_where(folder: Path, tmp_path: Path) -> None:
    made = changed(folder / "made", tmp_path / "stuck", without_results)
    result = invoke("simulate", made, "--frames", "3")
    assert result.exit_code == 1
    assert re.search(r"stuck at fifo_output_: valid 1, ready 0, holds \d of 3\n$", result.stdout)
    assert "output_: 0 of 3 frames are whole" in result.stderr


def test_what_is_no_accelerator_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "has no target 'fpga'; it has reference" in fails("simulate", folder / "small")
    assert "no artifact folder" in fails("simulate", tmp_path / "nothing")
    np.save(tmp_path / "x.npy", frames(1))
    message = fails("run", folder / "made", tmp_path / "x.npy", "-t", "fpga")
    assert "Simulate it with 'sightline simulate DIR'" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--idle", "1"), "--idle is a chance from 0 to below 1, not 1."),
        (("--backpressure", "-0.5"), "--backpressure is a chance from 0 to below 1, not -0.5."),
        (("--seed", "-1"), "--seed is a number from 0 to 2147483647, not -1."),
        (("--frames", "0"), "0 is not in the range x>=1"),
        (("--input", "nothing.npy"), "there is no file or folder 'nothing.npy'"),
        (("--trace-file", "nowhere/x.vcd"), "there is no folder 'nowhere'"),
    ],
)
def test_options_that_make_no_sense(folder: Path, options: tuple[str, str], message: str) -> None:
    assert message in fails("simulate", folder / "made", *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--device", "xc2"), "there is no device 'xc2'. Choose from xc6vlx240t, xc7z020"),
        (("--objective", "size"), "there is no objective 'size'. Choose from interval, latency."),
        (("--max-multipliers", "0"), "0 multipliers is asked for, and 1 is the least"),
        (("--fps", "-3"), "-3 frames a second are asked for"),
        (("--clock-mhz", "inf"), "inf MHz are asked for"),
        (("--from", "c9"), "the accelerator cannot begin at 'c9': the graph has no such value"),
    ],
)
def test_plans_that_make_no_sense(folder: Path, options: tuple[str, str], message: str) -> None:
    assert message in fails("compile", folder / "small", "-t", "fpga", *options, "-o", "out")


def test_options_of_another_target_are_refused(folder: Path) -> None:
    message = fails("compile", folder / "small", "-t", "reference", "--fps", "30", "-o", "out")
    assert message == (
        "options of the target fpga are given, but the target is reference. Add the target: "
        "-t fpga."
    )
    with pytest.raises(sightline.UserError, match=r"^options of the target fpga are given"):
        sightline.compile(quantized(Small), ["cpu"], fpga=sightline.FpgaOptions(fps=30.0))


def test_a_network_in_float_is_refused(tmp_path: Path) -> None:
    message = fails("compile", "models:lenet5", "-t", "fpga", "-o", tmp_path / "out")
    assert "computes with integers" in message
    assert "add --calibrate FRAMES" in message


def test_an_accelerator_that_begins_later(folder: Path) -> None:
    graph = sightline.load(folder / "small").graph
    later = next(node.name for node in graph.operations if node.op.kind == "stage")
    options = sightline.FpgaOptions(max_multipliers=9, begin=(later,))
    artifact = sightline.compile(quantized(Small), ["fpga"], fpga=options)
    (source,) = artifact.executable("fpga").network.sources  # type: ignore[attr-defined]
    assert source.name == later
