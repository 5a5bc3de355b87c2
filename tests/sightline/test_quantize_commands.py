"""`quantize`, `compile --calibrate`, `accuracy` and what `inspect` tells of integers."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sightline
from sightline.frontend import nn, onnx
from sightline.frontend.model import Model
from sightline.inspection import InFloat
from sightline.ir.graph import Graph
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Quant
from sightline.tell import tell_in_float
from tests.support.command_line import fails, succeeds, succeeds_with_json
from tests.support.integer_layers import frames, two_banks, weights
from tests.support.pass_checks import graph_of
from tests.support.small_networks import labeler

FRAMES = frames(4)
RNG = np.random.default_rng(0)
ELSEWHERE = """
import sightline
from tests.support.integer_layers import frames, two_banks, weights

def net():
    return sightline.quantize(two_banks(weights()), frames())
"""


@pytest.fixture(autouse=True)
def _prepared() -> None:
    """Float artifacts, and frames of each kind."""
    sightline.compile(two_banks(weights(), [0.1, -0.2, 0.3]), ["reference"]).save("net")
    sightline.compile(labeler(), ["reference"]).save("labeler")
    np.save("frames.npy", np.concatenate(FRAMES))
    np.save("x.npy", FRAMES[0])
    Path("pictures").mkdir()
    for name in "abc":
        pixels = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(f"pictures/{name}.png")


def graph(folder: str) -> Graph:
    return sightline.load(folder).graph


def softmax_net() -> Graph:
    return graph_of("""
        x = input : f32[1,2,8,8]
        w = const [1.0, 0.5, -0.5, 1.0] : f32[4,1,1]
        a = conv(x, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,8,8]
        s = softmax(a, axis=1) : f32[1,2,8,8]
        return y=s
    """)


def test_quantize_then_compile_then_run_gives_the_integers_of_the_reference() -> None:
    text = succeeds("quantize", "net", "frames.npy", "-o", "q")
    assert text.startswith("quantized net into q: ")
    assert text.count("\n") == 1
    succeeds("compile", "q", "-t", "cpu", "-t", "reference", "-o", "both")
    for folder, target in (("q", "reference"), ("both", "reference"), ("both", "cpu")):
        succeeds("run", folder, "x.npy", "-t", target, "-o", f"{folder}-{target}.npy")
    wanted = np.load("q-reference.npy")
    np.testing.assert_array_equal(np.load("both-reference.npy"), wanted)
    np.testing.assert_array_equal(np.load("both-cpu.npy"), wanted)
    element = graph("q")["last"].type.element
    assert isinstance(element, Quant)
    steps = wanted / np.float32(element.scale)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-2)


def test_compile_quantizes_in_one_go() -> None:
    words = ("--precision", "int8", "--precision", "act=int16", "--calibration", "minmax")
    succeeds("quantize", "net", "frames.npy", "-o", "q", *words)
    succeeds("compile", "q", "-t", "reference", "-o", "two")
    succeeds("compile", "net", "-t", "reference", "-o", "one", "--calibrate", "frames.npy", *words)
    assert graph("one") == graph("two")
    assert sightline.load("one").model.original == sightline.load("q").model.original
    succeeds("accuracy", "one", "frames.npy")


@pytest.mark.parametrize(
    ("words", "bits"),
    [
        ((), {"act": 8, "last": 16}),
        (("--precision", "int16"), {"act": 16, "last": 16}),
        (("--precision", "q8.8"), {"act": 16, "last": 16}),
        (("--precision", "act=int16"), {"act": 16, "last": 16}),
        (("--precision", "int16", "--precision", "act=int8"), {"act": 8, "last": 16}),
    ],
)
def test_precisions(words: tuple[str, ...], bits: dict[str, int]) -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q", *words)
    elements = {name: graph("q")[name].type.element for name in bits}
    found = {n: e.storage.bits for n, e in elements.items() if isinstance(e, Quant)}
    assert found == bits
    if "q8.8" in words:
        assert {e.scale for e in elements.values() if isinstance(e, Quant)} == {2.0**-8}


@pytest.mark.parametrize("method", ["mse", "minmax", "percentile", "percentile=90"])
def test_calibration_methods_are_those_of_python(method: str) -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q", "--calibration", method)
    model = sightline.quantize(sightline.load("net").model, FRAMES, calibration=method)
    assert graph("q") == sightline.compile(model, "reference").graph


def test_the_first_frames_alone() -> None:
    np.save("two.npy", np.concatenate(FRAMES[:2]))
    succeeds("quantize", "net", "two.npy", "-o", "two")
    succeeds("quantize", "net", "frames.npy", "-o", "first", "--frames", "2")
    succeeds("quantize", "net", "frames.npy", "-o", "all")
    assert graph("first") == graph("two") != graph("all")
    assert succeeds_with_json("accuracy", "all", "frames.npy", "--frames", "3")["frames"] == 3


def test_frames_of_every_kind_are_the_same() -> None:
    np.savez("frames.npz", x=np.concatenate(FRAMES))
    Path("arrays").mkdir()
    for number, frame in enumerate(FRAMES):
        np.save(f"arrays/{number}.npy", frame)
    graphs = []
    for source in ("frames.npy", "frames.npz", "arrays"):
        succeeds("quantize", "net", source, "-o", f"{source}-q")
        graphs.append(graph(f"{source}-q"))
    assert graphs[0] == graphs[1] == graphs[2]


def test_pictures_and_their_size() -> None:
    succeeds("quantize", "labeler", "pictures", "-o", "q")
    found = succeeds_with_json("accuracy", "q", "pictures")
    assert found["frames"] == 3
    Image.fromarray(RNG.integers(0, 256, (8, 12, 3)).astype(np.uint8)).save("large.png")
    succeeds("quantize", "labeler", "large.png", "-o", "large", "--resize")
    succeeds("accuracy", "q", "large.png", "--resize")
    assert sightline.load("q").picture == labeler().picture
    assert sightline.load("q").classes == labeler().classes


def test_a_network_that_says_nothing_of_pictures_is_told() -> None:
    onnx.write(dataclasses.replace(labeler(), picture=None), Path("labeler.onnx"))
    command = ("quantize", "labeler.onnx", "pictures", "-o", "q")
    assert fails(*command).endswith("--mean and --deviation, or give a .npy file.")
    succeeds(*command, "--colors", "rgb", "--mean", "0.5")
    picture = sightline.load("q").picture
    assert picture is not None
    assert (picture.colors, picture.mean) == ("rgb", (0.5,))


def test_force_replaces_an_artifact() -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q")
    assert "exists" in fails("quantize", "net", "frames.npy", "-o", "q")
    made = succeeds_with_json("quantize", "labeler", "pictures", "-o", "q", "--force")
    assert made["source"] == "labeler"
    assert made["targets"] == ["reference"]
    assert made["in_float"] == []


def test_what_is_left_in_float_is_told_by_each_command() -> None:
    sightline.compile(softmax_net(), ["reference"]).save("soft")
    line = "in float: softmax (node s)"
    rows = [{"node": "s", "op": "softmax"}]
    quantize = ("quantize", "soft", "frames.npy", "-o", "q")
    assert succeeds(*quantize).splitlines()[1:] == [line]
    assert succeeds_with_json(*quantize, "--force")["in_float"] == rows
    assert succeeds("inspect", "q").splitlines()[-1] == line
    assert succeeds_with_json("inspect", "q")["in_float"] == rows
    compile_ = ("compile", "q", "-t", "reference", "-o", "c")
    assert succeeds(*compile_).splitlines()[1:] == [line]
    assert succeeds_with_json(*compile_, "--force")["in_float"] == rows


def test_nothing_is_told_of_float_networks_and_of_integers_alone() -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q")
    for folder in ("net", "q"):
        assert "in float" not in succeeds("inspect", folder)
    assert succeeds_with_json("inspect", "net")["in_float"] is None
    made = succeeds_with_json("compile", "net", "-t", "reference", "-o", "again")
    assert made["in_float"] is None


def test_of_many_ops_in_float_the_first_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    tell_in_float([InFloat(f"n{number}", "add") for number in range(9)])
    told = capsys.readouterr().out
    assert told.startswith("in float: add (node n0), add (node n1), ")
    assert told.endswith("add (node n5), and 3 more\n")


class Classifier(nn.Network):
    """A bank, a tanh, pooling, and a bank over what is left."""

    name = "classifier"

    def __init__(self) -> None:
        self.inputs = {"x": (1, 2, 8, 8)}
        self.bank = nn.Conv2d(2, 3, 3)
        self.tanh = nn.Tanh()
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Linear(3 * 3 * 3, 4)

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        y: nn.Tensor = self.last(self.pool(self.tanh(self.bank(x))).flatten())
        return y


def test_inspect_shows_the_stages_of_integers() -> None:
    sightline.compile(Model(sightline.read(Classifier()).graph), ["reference"]).save("float")
    succeeds("quantize", "float", "frames.npy", "-o", "q")
    found = succeeds_with_json("inspect", "q")
    rows = {row["name"]: row for row in found["rows"]}
    first, last = (row for row in found["rows"] if row["ops"])
    assert first["ops"] == ["integer_conv", "max_pool", "requantize", "lookup"]
    assert (first["element"], first["shape"]) == ("i8", [1, 3, 3, 3])
    # Sums of 18 products of 8 bits. Weights and bias, multipliers and shifts, a table of 10 bits.
    assert 16 <= first["sum_bits"] <= 21
    assert first["constant_bytes"] in (54 + 3 * width + 3 * 5 + 1024 for width in (2, 4))
    assert first["result_bytes"] == 27
    assert last["result_bytes"] == 2 * 4
    assert sum(row["constant_bytes"] for row in rows.values()) == found["constant_bytes"]
    text = succeeds("inspect", "q")
    shown = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "integer_conv, max_pool, requantize, lookup" in shown[first["name"]]
    assert f"{first['scale']:.4g}" in shown[first["name"]].split()
    assert f"i{first['sum_bits']}" in shown[first["name"]].split()
    assert f"{len(rows)} nodes, 2 of them stages" in text
    assert f"{found['constant_bytes']:,} bytes of constants" in text


def test_inspect_makes_integers_of_a_model_that_was_quantized_elsewhere() -> None:
    Path("elsewhere.py").write_text(ELSEWHERE)
    assert succeeds_with_json("inspect", "elsewhere:net")["in_float"] is None
    stages = succeeds_with_json("inspect", "elsewhere:net", "--optimized")
    assert [bool(row["ops"]) for row in stages["rows"]] == [False, True, True, False]


def test_accuracy_shows_the_layers_and_what_to_do() -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q")
    text = succeeds("accuracy", "q", "frames.npy")
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["act", "last", "y:", "act"]
    assert lines[-1].endswith("; try --precision bank=int16 --precision act=int16")
    found = succeeds_with_json("accuracy", "q", "frames.npy")
    assert found["loses_most"] == "act"
    assert found["try"] == ["bank=int16", "act=int16"]


def test_what_accuracy_proposes_helps() -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q")
    before = succeeds_with_json("accuracy", "q", "frames.npy")
    _, _, told = succeeds("accuracy", "q", "frames.npy").rpartition("; try ")
    succeeds("quantize", "net", "frames.npy", "-o", "better", *shlex.split(told))
    after = succeeds_with_json("accuracy", "better", "frames.npy")
    old, new = (
        next(row for row in found["layers"] if row["name"] == before["loses_most"])
        for found in (before, after)
    )
    assert new["own_snr_db"] > old["own_snr_db"] + 12
    assert after["outputs"][0]["snr_db"] > before["outputs"][0]["snr_db"]


def test_accuracy_proposes_nothing_where_all_have_16_bits() -> None:
    succeeds("quantize", "net", "frames.npy", "-o", "q", "--precision", "int16")
    assert succeeds("accuracy", "q", "frames.npy").rstrip().endswith("over 4 frames")
    assert succeeds_with_json("accuracy", "q", "frames.npy")["try"] == []


def test_where_nothing_is_lost_nothing_is_proposed() -> None:
    sightline.compile(two_banks(0 * weights()), ["reference"]).save("dead")
    succeeds("quantize", "dead", "frames.npy", "-o", "q")
    lines = succeeds("accuracy", "q", "frames.npy").splitlines()
    assert lines[-1].startswith("y: exact, the largest is the same at 100.00%")
    assert succeeds_with_json("accuracy", "q", "frames.npy")["loses_most"] is None


def test_names_that_a_shell_would_split_are_quoted() -> None:
    text = to_text(two_banks(weights())).replace("act", '"my act"')
    sightline.compile(parse(text, constants_of(two_banks(weights()))), ["reference"]).save("odd")
    succeeds("quantize", "odd", "frames.npy", "-o", "q")
    told = succeeds("accuracy", "q", "frames.npy")
    assert told.rstrip().endswith("try --precision bank=int16 --precision 'my act=int16'")


def test_what_a_layer_loses_of_what_stays_in_float_before_it_is_told() -> None:
    """The layer is given the integers that the softmax is rounded to."""
    early = graph_of("""
        x = input : f32[1,2,8,8]
        s = softmax(x, axis=1) : f32[1,2,8,8]
        w = const [1.0, 0.5, -0.5, 1.0] : f32[4,1,1]
        a = conv(s, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,8,8]
        t = tanh(a) : f32[1,2,8,8]
        v = const [1.0, 0.7, -0.3, 1.0] : f32[4,1,1]
        y = conv(t, v, kernel=[1, 1], maps=[2, 2]) : f32[1,2,8,8]
        return y=y
    """)
    sightline.compile(early, ["reference"]).save("early")
    assert "in float: softmax (node s)" in succeeds("quantize", "early", "frames.npy", "-o", "q")
    layers = succeeds_with_json("accuracy", "q", "frames.npy")["layers"]
    assert [layer["name"] for layer in layers] == ["t", "y"]
    assert all(30 < layer["own_snr_db"] < 100 for layer in layers)
