"""Artifacts on disk: what is written comes back, and what is broken is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sightline
from sightline.backends.reference import Reference, run
from sightline.backends.target import Executable
from sightline.frontend.model import Model, Picture
from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.graph import Graph
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.progress import Report
from sightline.ir.table import Table
from sightline.ir.types import TensorType
from sightline.passes.fuse import fuse
from tests.support.command_line import names_in, snapshot
from tests.support.examples import examples
from tests.support.integer_networks import IntegerNetwork
from tests.support.small_networks import CLASSES, labeler, two_ends
from tests.support.strange_graphs import constants


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved artifact."""
    sightline.compile(labeler(), ["reference"]).save(tmp_path / "net")
    return tmp_path / "net"


def test_a_round_trip_keeps_all(saved: Path) -> None:
    artifact = sightline.load(saved)
    assert artifact.graph == sightline.compile(labeler(), ["reference"]).graph
    assert artifact.picture == Picture("rgb")
    assert artifact.classes == CLASSES
    assert artifact.targets == ("reference",)
    assert artifact.source == "labeler"


def test_the_folder_holds_what_the_format_says(saved: Path) -> None:
    names = {path.name for path in saved.iterdir()}
    assert names == {"manifest.json", "graph.txt", "constants.npz", "reference"}
    manifest = json.loads((saved / "manifest.json").read_text())
    assert manifest["schema"] == 1
    assert manifest["sightline"] == sightline.__version__
    assert manifest["inputs"] == {"image": "f32[1,3,4,6]"}
    assert manifest["outputs"] == {"scores": "f32[1,3,4,6]"}
    assert manifest["picture"]["colors"] == "rgb"
    assert manifest["targets"]["reference"]["made_by"] == f"numpy {np.__version__}"


def test_saving_twice_writes_the_same(saved: Path) -> None:
    sightline.load(saved).save(saved.with_name("again"))
    assert snapshot(saved.with_name("again")) == snapshot(saved)


def test_the_folder_has_the_usual_permissions(saved: Path) -> None:
    other = saved.with_name("other")
    other.mkdir()
    assert saved.stat().st_mode == other.stat().st_mode


def test_folders_above_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    sightline.compile(labeler(), ["reference"]).save(tmp_path / "deep" / "er" / "net")
    assert names_in(tmp_path) == ["deep"]
    assert names_in(tmp_path / "deep" / "er") == ["net"]


@examples(20)
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_every_float_survives(
    values: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """NaN, infinities, subnormals and signed zeros, inline and in constants.npz."""
    array = np.array(values, np.float32)
    builder = GraphBuilder("floats")
    x = builder.input("x", TensorType(array.shape))
    builder.output(builder.add(Add(), x, builder.constant(array, "c"), name="y"))
    artifact = sightline.compile(Model(builder.finish()), ["reference"])
    folder = tmp_path_factory.mktemp("floats") / "net"
    artifact.save(folder)
    assert sightline.load(folder).graph == artifact.graph


@examples(30)
@given(constant=constants())
def test_every_element_survives(
    constant: Constant, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Integers of any width, and quantized ones, which NumPy has no types for."""
    many = Constant(np.tile(constant.array.reshape(-1), 20), constant.element)
    builder = GraphBuilder("integers")
    builder.output(builder.input("x", TensorType((1,))), "x")
    for value in (constant, many):
        builder.output(builder.constant(value, "c"))
    artifact = sightline.compile(Model(builder.finish()), ["reference"])
    folder = tmp_path_factory.mktemp("integers") / "net"
    artifact.save(folder)
    assert sightline.load(folder).graph == artifact.graph


def test_an_artifact_of_stages_runs_after_a_round_trip(tmp_path: Path) -> None:
    pytest.importorskip("tvm")
    net = IntegerNetwork(0)
    y = net.add(Tanh(), net.rounded(net.bank(net.first, Table.dense(4, 6)), 10))
    graph = fuse(net.finish(net.rounded(y)))
    artifact = sightline.compile(Model(graph), ["cpu", "reference"])
    artifact.save(tmp_path / "net")
    wanted = run(graph, **net.inputs)["y0"]
    for each in (artifact, sightline.load(tmp_path / "net")):
        for target in each.targets:
            np.testing.assert_array_equal(each.run(net.inputs, target=target), wanted)


def test_a_cpu_artifact_runs_after_a_round_trip(tmp_path: Path) -> None:
    pytest.importorskip("tvm")
    artifact = sightline.compile(labeler(), ["cpu", "reference"])
    artifact.save(tmp_path / "net")
    x = np.random.default_rng(0).standard_normal((1, 3, 4, 6)).astype(np.float32)
    wanted = np.asarray(artifact.run(x, target="reference"))
    for each in (artifact, sightline.load(tmp_path / "net")):
        assert each.targets == ("cpu", "reference")
        np.testing.assert_allclose(np.asarray(each.run(x)), wanted, rtol=1e-4, atol=1e-5)


def test_an_existing_folder_is_kept(saved: Path) -> None:
    before = snapshot(saved.parent)
    artifact = sightline.compile(two_ends(), ["reference"])
    with pytest.raises(sightline.UserError, match=r"^the output folder '.*net' exists\. Name "):
        artifact.save(saved)
    assert snapshot(saved.parent) == before


def test_force_replaces_an_artifact_and_an_empty_folder_needs_none(saved: Path) -> None:
    artifact = sightline.compile(two_ends(), ["reference"])
    artifact.save(saved, force=True)
    assert sightline.load(saved).graph.name == "two_ends"
    empty = saved.with_name("empty")
    empty.mkdir()
    artifact.save(empty)
    assert names_in(saved.parent) == ["empty", "net"]


def test_force_replaces_nothing_else(saved: Path) -> None:
    artifact = sightline.load(saved)
    folder = saved.with_name("home")
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    link = saved.with_name("link")
    link.symlink_to(saved)
    reasons = {
        folder: "exists, and it is no artifact",
        folder / "thesis.tex": "is a file",
        link: "is a link",
    }
    for place, reason in reasons.items():
        message = rf"^the output folder '.*' {reason}\. Name another\.$"
        with pytest.raises(sightline.UserError, match=message):
            artifact.save(place, force=True)
    assert (folder / "thesis.tex").read_text() == "years of work"
    assert link.is_symlink()


class Compiled(Reference):
    """A target that writes a file, and runs as the reference does."""

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        (folder / "code").mkdir()
        (folder / "code" / "library.bin").write_bytes(b"machine code")

    def load(self, graph: Graph, folder: Path) -> Executable:  # type: ignore[override]
        assert (folder / "code" / "library.bin").read_bytes() == b"machine code"
        return super().load(graph, folder)


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved artifact whose target has a file of its own."""
    monkeypatch.setattr("sightline.backends.reference.TARGET", Compiled())
    sightline.compile(labeler(), ["reference"]).save(tmp_path / "net")
    return tmp_path / "net"


def test_compiled_files_are_kept_and_checked(compiled: Path) -> None:
    x = np.zeros((1, 3, 4, 6), np.float32)
    sightline.load(compiled).run(x)
    library = compiled / "reference" / "code" / "library.bin"
    library.write_bytes(b"machine c0de")
    with pytest.raises(
        sightline.UserError, match=r"code/library\.bin' .* is not what the compiler"
    ):
        sightline.load(compiled).run(x)
    library.unlink()
    with pytest.raises(sightline.UserError, match=r"code/library\.bin' .* is missing\. Compile"):
        sightline.load(compiled).run(x)


def test_what_lies_beside_compiled_files_is_left_alone(compiled: Path) -> None:
    """As docs/CUDA.md has it, one builds in the folder of a target."""
    beside = compiled / "reference" / "build" / "CMakeCache.txt"
    beside.parent.mkdir()
    beside.write_text("what a user built")
    artifact = sightline.load(compiled)
    artifact.run(np.zeros((1, 3, 4, 6), np.float32))
    artifact.save(compiled.with_name("copy"))
    assert names_in(compiled.with_name("copy") / "reference") == ["code"]
    assert beside.read_text() == "what a user built"


def test_a_library_of_another_compiler_is_not_loaded(compiled: Path) -> None:
    path = compiled / "manifest.json"
    path.write_text(path.read_text().replace(f"numpy {np.__version__}", "numpy 0.1"))
    with pytest.raises(
        sightline.UserError,
        match=r"^the target 'reference' was compiled by numpy 0\.1, but numpy .* is installed\.",
    ):
        sightline.load(compiled).run(np.zeros((1, 3, 4, 6), np.float32))
