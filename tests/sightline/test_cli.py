"""The command line when all goes well; tests/errors has the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sightline
from sightline.ir.op import OPS
from sightline.ir.parse import parse
from sightline.ir.text import constants_of
from tests.support.command_line import (
    fails,
    invoke,
    names_in,
    snapshot,
    succeeds,
    succeeds_with_json,
)
from tests.support.small_networks import CLASSES, labeler, two_ends

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _prepared() -> None:
    """An artifact, a picture, and the input that the picture is."""
    sightline.compile(labeler(), ["reference"]).save("net")
    Image.fromarray(PIXELS).save("photo.png")
    np.save("input.npy", (PIXELS.transpose(2, 0, 1)[None] / 255).astype(np.float32))


def test_help_lists_the_commands() -> None:
    text = succeeds("--help")
    for command in ("compile", "export", "inspect", "ops", "run", "scene"):
        assert f"\n  {command} " in text
        assert succeeds(command, "--help").startswith(f"Usage: cli {command} ")
    assert succeeds("--version") == f"sightline {sightline.__version__}\n"
    assert invoke().exit_code == 2


def test_compile_then_run() -> None:
    text = succeeds("compile", "models:lenet5", "-o", "lenet", "-t", "reference")
    assert text.startswith("compiled models:lenet5 for reference into lenet: ")
    assert "multiply-accumulates" in text
    np.save("digit.npy", np.zeros((1, 1, 32, 32), np.float32))
    text = succeeds("run", "lenet", "digit.npy")
    assert text.startswith("ran on reference in ")
    assert "scores: float32[1, 10], largest first" in text


def test_compile_as_json_and_with_force() -> None:
    made = succeeds_with_json("compile", "models:lenet5", "-o", "net", "-t", "reference", "--force")
    assert made["artifact"] == "net"
    assert made["targets"] == ["reference"]
    assert made["outputs"] == {"scores": "f32[1,10]"}
    assert sightline.load("net").source == "models:lenet5"


def test_dump_passes_writes_a_text_for_each() -> None:
    succeeds("compile", "models:lenet5", "-o", "x", "-t", "reference", "--dump-passes", "dump")
    names = names_in(Path("dump"))
    assert names[0] == "00-input.txt"
    graph = sightline.read("models:lenet5").graph
    assert parse((Path("dump") / names[0]).read_text(), constants_of(graph)) == graph


def test_a_picture_and_its_array_mean_the_same() -> None:
    one = succeeds_with_json("run", "net", "photo.png", "-o", "a.npy")
    succeeds("run", "net", "image=input.npy", "-o", "b.npy", "-o", "c.npz", "-o", "d.png")
    a, b = np.load("a.npy"), np.load("b.npy")
    np.testing.assert_allclose(a, b, rtol=1e-5)
    np.testing.assert_array_equal(np.load("c.npz")["scores"], b)
    np.testing.assert_array_equal(np.asarray(Image.open("d.png")), b[0].argmax(0))
    assert one["target"] == "reference"
    assert one["files"] == ["a.npy"]
    assert {row["class"] for row in one["outputs"]["scores"]["labels"]} <= set(CLASSES)


def test_run_tells_the_histogram_of_labels() -> None:
    text = succeeds("run", "net", "photo.png")
    assert "scores: float32[1, 3, 4, 6], labels" in text
    counts = np.bincount(
        np.asarray(sightline.load("net").run(np.load("input.npy")))[0].argmax(0).ravel()
    )
    assert f"{counts.max()}  {100 * counts.max() / 24:.1f}%" in text.replace("   ", "  ")


def test_threads_are_of_the_target_cpu() -> None:
    told = fails("run", "net", "photo.png", "--threads", "1")
    assert "the target 'reference' cannot be told how many threads it has" in told


def test_profile_times_each_stage() -> None:
    stages = succeeds_with_json("run", "net", "photo.png", "--profile")["stages"]
    assert [row["stage"] for row in stages] == ["bank"]
    assert "all stages" in succeeds("run", "net", "photo.png", "--profile")


def test_resize_and_picture_options() -> None:
    Image.fromarray(PIXELS.repeat(3, 0)).save("tall.png")
    succeeds("run", "net", "tall.png", "--resize")
    options = ("--colors", "bgr", "--range", "255", "--mean", "1,2,3", "--deviation", "-2")
    succeeds("run", "net", "photo.png", *options, "-o", "changed.npy")
    planes = PIXELS.transpose(2, 0, 1)[::-1].astype(np.float32)
    x = (planes - np.reshape([1, 2, 3], (3, 1, 1)).astype(np.float32)) / -2
    wanted = np.asarray(sightline.load("net").run(x[None]))
    np.testing.assert_allclose(np.load("changed.npy"), wanted, rtol=1e-4)


def test_compile_remembers_picture_options() -> None:
    succeeds("compile", "models:lenet5", "-o", "dark", "-t", "reference", "--mean", "0.5")
    picture = sightline.load("dark").picture
    assert picture is not None
    assert (picture.colors, picture.mean) == ("gray", (0.5,))


def test_several_inputs_and_results() -> None:
    sightline.compile(two_ends(), ["reference"]).save("two")
    a, b = (RNG.standard_normal((1, 2, 3, 4)).astype(np.float32) for _ in range(2))
    np.save("a.npy", a)
    np.save("b.npy", b.astype(np.float64))
    np.savez("both.npz", a=a, b=b)
    succeeds("run", "two", "b=b.npy", "a=a.npy", "-o", "labels=labels.png", "-o", "sum=sum.npy")
    found = succeeds_with_json("run", "two", "both.npz")["outputs"]
    assert list(found) == ["sum", "labels", "mean"]
    np.testing.assert_array_equal(np.load("sum.npy"), np.maximum(a + b, 0))
    assert np.asarray(Image.open("labels.png")).shape == (3, 4)


def test_a_model_runs_without_an_artifact() -> None:
    np.save("digit.npy", np.zeros((1, 1, 32, 32), np.float32))
    before = snapshot(Path.cwd())
    assert succeeds_with_json("run", "models:lenet5", "digit.npy")["target"] == "reference"
    assert snapshot(Path.cwd()) == before


def test_inspect() -> None:
    text = succeeds("inspect", "models:lenet5")
    assert text.startswith("lenet5: image f32[1,1,32,32] -> scores f32[1,10]\n")
    assert text.rstrip().endswith("18 nodes, 326,520 multiply-accumulates, 60,850 parameters")
    assert succeeds_with_json("inspect", "models:lenet5")["macs"] == 326_520
    assert succeeds_with_json("inspect", "net")["name"] == "labeler"
    graph = labeler().graph
    assert parse(succeeds("inspect", "net", "--text"), constants_of(graph)) == graph
    fewer = succeeds_with_json("inspect", "models:scene,height=48,width=64", "--optimized")["macs"]
    assert fewer <= succeeds_with_json("inspect", "models:scene,height=48,width=64")["macs"]


def test_export_writes_what_read_reads() -> None:
    assert succeeds("export", "net", "net.onnx") == "wrote net.onnx\n"
    x = np.load("input.npy")
    exported = sightline.compile("net.onnx", ["reference"]).run(x)
    np.testing.assert_array_equal(exported, sightline.load("net").run(x))


def test_a_dense_export_has_one_bank_for_each_table() -> None:
    succeeds("export", "models:lenet5", "split.onnx")
    succeeds("export", "models:lenet5", "dense.onnx", "--dense")
    split, dense = (sightline.read(f"{name}.onnx").graph for name in ("split", "dense"))
    assert [sum(n.op.kind == "conv" for n in g.operations) for g in (split, dense)] == [5, 3]
    assert dense.total_macs - split.total_macs == 36 * 25 * 100, "planes that C3 leaves out"


def test_ops_lists_every_op() -> None:
    pytest.importorskip("tvm")
    rows = succeeds_with_json("ops")
    assert [row["op"] for row in rows] == list(OPS)
    text = succeeds("ops")
    assert all(f"\n{kind} " in text for kind in OPS)


def test_the_program_as_users_start_it() -> None:
    program = Path(sys.executable).with_name("sightline")
    for command in ([str(program)], [sys.executable, "-m", "sightline"]):
        done = subprocess.run(
            [*command, "run", "net", "photo.png", "--json"], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["target"] == "reference"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m sightline inspect models:scene --text | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("graph scene\n", "")


def test_a_bug_of_ours_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("sightline.inspection.inspect_graph", broken)
    assert isinstance(invoke("inspect", "net").exception, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        fails("inspect", "net")
