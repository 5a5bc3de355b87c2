"""Artifacts that are missing, broken, or in the way."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sightline
from sightline.ir.constant import Constant
from sightline.ir.graph import Const
from sightline.ir.tokens import parse_element
from tests.support.command_line import fails, succeeds
from tests.support.integer_layers import frames, two_banks, weights
from tests.support.small_networks import labeler

NET = Path("net")
MAKER = f"numpy {np.__version__}"
PICTURE = {"colors": "rgb", "range": 1.0, "mean": [0.0], "deviation": [1.0]}


@pytest.fixture(autouse=True)
def _saved() -> None:
    """An artifact, and an input for it."""
    sightline.compile(labeler(), ["reference"]).save(NET)
    np.save("x.npy", np.zeros((1, 3, 4, 6), np.float32))


def change_manifest(**changes: Any) -> None:
    path = NET / "manifest.json"
    whole = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))


def cut(name: str) -> None:
    content = (NET / name).read_bytes()
    (NET / name).write_bytes(content[: len(content) // 2])


def edit(name: str, old: str, new: str) -> None:
    path = NET / name
    path.write_text(path.read_text().replace(old, new))


def with_other_constants(change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> None:
    with np.load(NET / "constants.npz") as constants:
        changed = {key: change(array) for key, array in constants.items()}
    np.savez(NET / "constants.npz", allow_pickle=False, **changed)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda: (NET / "manifest.json").unlink(),
            r"'net' is no artifact: it has no manifest\.json\. Name a folder that 'sightline compi",
        ),
        (lambda: (NET / "graph.txt").unlink(), r"'net' is no artifact: it has no graph\.txt\. "),
        (
            lambda: (NET / "constants.npz").unlink(),
            r"'net' is no artifact: it has no constants\.npz\. Name a folder that 'sight",
        ),
        (lambda: cut("manifest.json"), r"net/manifest\.json: it is no JSON \("),
        (
            lambda: (NET / "manifest.json").write_text("[]"),
            r"net/manifest\.json: its 'schema' is no",
        ),
        (
            lambda: (NET / "manifest.json").write_text("[" * 100_000),
            r"net/manifest\.json: it is no JSON \(",
        ),
        (
            lambda: change_manifest(schema=99, sightline="7.0.0"),
            r"net/manifest\.json: it has schema 99, and this Sightline reads up to 1\. Update Sight"
            r"line: 7\.0\.0 or later reads it\.$",
        ),
        (
            lambda: change_manifest(schema=None),
            r"net/manifest\.json: its 'schema' is not the int that it should be\.$",
        ),
        (
            lambda: change_manifest(targets=None),
            r"net/manifest\.json: its 'targets' is not the dict that it should be\.$",
        ),
        (
            lambda: change_manifest(targets={"reference": 3}),
            r"net/manifest\.json: its 'targets\.reference\.files' is not the dict that it should b",
        ),
        (
            lambda: change_manifest(targets={}),
            r"net/manifest\.json: it names no target\.",
        ),
        (
            lambda: change_manifest(targets={"gpu": {"made_by": "x", "files": {"a": "b"}}}),
            r"there is no target 'gpu'\. Choose from reference, cpu, cuda, fpga\.$",
        ),
        (
            lambda: change_manifest(targets={"/etc": {"made_by": "x", "files": {}}}),
            r"net/manifest\.json: '/etc' is no name of a target\. Compile it again\.$",
        ),
        (
            lambda: change_manifest(targets={"..": {"made_by": "x", "files": {}}}),
            r"net/manifest\.json: '\.\.' is no name of a target\. Compile it again\.$",
        ),
        (
            lambda: change_manifest(
                targets={"reference": {"made_by": MAKER, "files": {"../graph.txt": "x"}}}
            ),
            r".*/net: the file 'reference/\.\./graph\.txt' of the artifact is missing\.",
        ),
        (
            lambda: change_manifest(picture=PICTURE | {"mean": [float("nan")]}),
            r"net/manifest\.json: the mean of pictures is finite, not nan\.$",
        ),
        (
            lambda: change_manifest(picture=PICTURE | {"range": 10**400}),
            r"net/manifest\.json: the description of the picture .* is broken\.$",
        ),
        (
            lambda: change_manifest(picture={"colors": "rgb"}),
            r"net/manifest\.json: the description of the picture .* is broken\.$",
        ),
        (
            lambda: cut("graph.txt"),
            r"the artifact's 'net/graph\.txt' is broken: it is not the graph",
        ),
        (
            lambda: edit("graph.txt", "pads=[1, 1, 1, 1]", "pads=[0, 1, 1, 1]"),
            r"the artifact's 'net/graph\.txt' is broken: it is not the graph that the manifest tel",
        ),
        (
            lambda: (NET / "graph.txt").write_bytes(b"\xff\xfe"),
            r"the artifact's 'net/graph\.txt' is broken: 'utf-8' codec",
        ),
        (
            lambda: cut("constants.npz"),
            r"cannot read 'net/constants\.npz': File is not a zip file\. Comp",
        ),
        (
            lambda: with_other_constants(lambda array: array + 1),
            r"the artifact's 'net/constants\.npz' is broken: the constant '\w+' does not match i",
        ),
        (
            lambda: with_other_constants(lambda array: array.astype(np.float64)),
            r"the artifact's 'net/constants\.npz' is broken: no element stands for arrays of float",
        ),
    ],
)
def test_a_broken_artifact(damage: Callable[[], object], message: str) -> None:
    damage()
    found = fails("run", "net", "x.npy")
    assert re.match(message, found), found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("conv(", "cnov(", r"cannot read .*: no op is named 'cnov'"),
        ("pads=[1, 1, 1, 1]", "pads=[0, 1, 1, 1]", r"labeler: 'bank' is declared .*, but its op"),
        ("return scores=bank", "return scores=bonk", r"labeler: output 'scores' reads 'bonk'"),
        ("f32[1,3,4,6]", "f32[1,3,99999,99999]", r""),
        ("kernel=[3, 3]", "kernel=" + "[" * 10_000, r""),
    ],
)
def test_a_graph_that_was_edited_with_its_hash(old: str, new: str, message: str) -> None:
    edit("graph.txt", old, new)
    change_manifest(graph_sha256=hashlib.sha256((NET / "graph.txt").read_bytes()).hexdigest())
    found = fails("inspect", "net")
    assert re.match(r"the artifact's 'net/graph\.txt' is broken: .*" + message, found), found


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda: edit("original.txt", "tanh(", "relu("),
            r"the artifact's 'net/original\.txt' is broken: it is not the graph that the manifest",
        ),
        (
            lambda: cut("original.txt"),
            r"the artifact's 'net/original\.txt' is broken: it is not the",
        ),
        (
            lambda: (NET / "original.txt").unlink(),
            r"'net' is no artifact: it has no original\.txt\. ",
        ),
        (
            lambda: change_manifest(original_sha256=7),
            r"net/manifest\.json: its 'original_sha256' is not the str that it should be\.$",
        ),
        (
            lambda: with_other_constants(lambda array: array[::-1]),
            r"the artifact's 'net/constants\.npz' is broken: the constant '\w+' does not match i",
        ),
    ],
)
def test_a_broken_float_network_beside_the_integers(
    damage: Callable[[], object], message: str
) -> None:
    """All commands notice it, those that do not need it as well."""
    model = sightline.quantize(two_banks(weights()), frames())
    sightline.compile(model, ["reference"]).save(NET, force=True)
    np.save("frames.npy", frames()[0])
    succeeds("accuracy", "net", "frames.npy")
    damage()
    for command in ("accuracy", "run"):
        found = fails(command, "net", "frames.npy")
        assert re.match(message, found), found


def test_a_float_network_that_was_edited_with_its_hash() -> None:
    model = sightline.quantize(two_banks(weights()), frames())
    sightline.compile(model, ["reference"]).save(NET, force=True)
    edit("original.txt", "return y=last", "return y=lost")
    change_manifest(original_sha256=hashlib.sha256((NET / "original.txt").read_bytes()).hexdigest())
    found = fails("inspect", "net")
    assert re.match(r"the artifact's 'net/original\.txt' is broken: net: output 'y' reads", found)


def test_the_float_network_of_a_manifest_that_forgot_it_is_not_there() -> None:
    model = sightline.quantize(two_banks(weights()), frames())
    sightline.compile(model, ["reference"]).save(NET, force=True)
    change_manifest(original_sha256=None)
    np.save("frames.npy", frames()[0])
    succeeds("run", "net", "frames.npy")
    assert fails("accuracy", "net", "frames.npy").startswith(
        "the artifact does not hold the float network"
    )


@pytest.mark.parametrize(
    ("array", "element", "named", "message"),
    [
        (np.arange(20), "i9", "i9", r""),
        (np.arange(20), "i9", "i10", r"the constant '\w+' does not match its hash"),
        (np.arange(20), "i9", "", r"the constant '\w+' does not match its hash"),
        (np.arange(20), "i9", "i99", r"an integer has 1 to 64 bits, not 99"),
        (np.arange(20), "i9", "i9 i9", r"did not expect 'i9'"),
        (np.arange(20), "i9", "quant(i9,0x0p0,0)", r"a scale is a positive finite number"),
        (np.arange(20), "i9", "i8", r"i8 is stored as int8, not int16"),
        (np.arange(20), "i9", "nine", r"'nine' is no element type"),
        (np.arange(20) + 1000, "i9", "i9", r"the constant '\w+' is beyond i9"),
    ],
)
def test_elements_that_numpy_has_not(
    array: np.ndarray[Any, Any], element: str, named: str, message: str
) -> None:
    """A constant of 9 bits, stored under other names, and with numbers that 9 bits do not hold."""
    constant = Constant(array.astype(np.int16), parse_element(element))
    text = f"graph g\nc = const @{constant.key} : {constant.type}\nreturn c=c\n"
    (NET / "graph.txt").write_text(text)
    change_manifest(graph_sha256=hashlib.sha256(text.encode()).hexdigest())
    arrays = {f"{constant.key} {named}".strip(): constant.array}
    np.savez(NET / "constants.npz", allow_pickle=False, **arrays)
    if not message:
        assert sightline.load(NET).graph["c"].op == Const(constant)
    else:
        found = fails("inspect", "net")
        assert re.match(rf"the artifact's 'net/constants\.npz' is broken: {message}", found), found


def test_an_output_folder_that_exists() -> None:
    arguments = ("compile", "models:lenet5", "-t", "reference", "-o")
    message = (
        "the output folder 'net' exists. Name another, or replace what was written there before "
        "with --force."
    )
    assert fails(*arguments, "net") == message
    assert fails(*arguments, "x.npy") == "the output folder 'x.npy' is a file. Name another."
    message = "there can be no folder 'x.npy/net', since 'x.npy' is a file. Name another."
    assert fails(*arguments, "x.npy/net") == message


def test_force_does_not_reach_beyond_artifacts() -> None:
    Path("home").mkdir()
    (Path("home") / "thesis.tex").write_text("years of work")
    arguments = ("compile", "models:lenet5", "-t", "reference", "--force", "-o")
    message = "the output folder 'home' exists, and it is no artifact. Name another."
    assert fails(*arguments, "home") == message
    assert fails(*arguments, "x.npy") == "the output folder 'x.npy' is a file. Name another."
    assert succeeds(*arguments, "net").startswith("compiled models:lenet5")


def test_a_folder_that_is_no_artifact() -> None:
    Path("empty").mkdir()
    for command in (("inspect", "empty"), ("run", "empty", "x.npy"), ("export", "empty", "y.onnx")):
        assert fails(*command).startswith("'empty' is no artifact: it has no manifest.json.")
    shutil.rmtree(NET)
    assert fails("run", "net", "x.npy").startswith("there is no model 'net'.")


def test_an_export_of_another_suffix() -> None:
    assert fails("export", "net", "net.pb") == "the output 'net.pb' is no .onnx file. Name it so."
    assert fails("export", "net", "gone/net.onnx").startswith("there is no folder 'gone' to write")
