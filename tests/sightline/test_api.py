"""The Python interface, as DESIGN's example uses it."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sightline
from sightline.backends import reference
from sightline.ir.types import Array
from sightline.passes import pipeline
from tests.support.small_networks import labeler, two_ends

RNG = np.random.default_rng(0)


def test_every_public_name_is_there_and_nothing_else() -> None:
    for name in sightline.__all__:
        assert getattr(sightline, name) is not None
        assert name in dir(sightline)
    with pytest.raises(AttributeError, match=r"^module 'sightline' has no attribute 'frobnicate'$"):
        sightline.frobnicate  # noqa: B018


def test_read_compile_run_save_load(tmp_path: Path) -> None:
    net = sightline.read("models:lenet5")
    artifact = sightline.compile(net, targets=["reference"])
    x = RNG.standard_normal((1, 1, 32, 32)).astype(np.float32)
    y = artifact.run(x)
    assert isinstance(y, np.ndarray)
    assert y.shape == (1, 10)
    np.testing.assert_array_equal(y, reference.run(pipeline.run(net.graph), image=x)["scores"])
    artifact.save(tmp_path / "build")
    np.testing.assert_array_equal(sightline.load(tmp_path / "build").run(x), y)


def test_one_output_is_an_array_and_several_are_a_dict() -> None:
    artifact = sightline.compile(two_ends(), ["reference"])
    a, b = (RNG.standard_normal((1, 2, 3, 4)).astype(np.float32) for _ in range(2))
    outputs = artifact.run(a=a, b=b)
    assert isinstance(outputs, dict)
    assert list(outputs) == ["sum", "labels", "mean"]
    np.testing.assert_array_equal(outputs["sum"], np.maximum(a + b, 0))
    again = artifact.run({"a": a, "b": b}, target="reference")
    assert isinstance(again, dict)
    for name, array in again.items():
        np.testing.assert_array_equal(array, outputs[name])


def test_compile_takes_what_read_takes_and_one_target_by_name() -> None:
    artifact = sightline.compile("models:lenet5,seed=3", "reference")
    assert artifact.targets == ("reference",)
    assert artifact.source == "models:lenet5,seed=3"
    assert artifact.classes == tuple("0123456789")
    assert artifact.picture is not None
    assert artifact.picture.colors == "gray"


def test_profile_names_each_stage_once() -> None:
    artifact = sightline.compile(two_ends(), ["reference"])
    zeros = np.zeros((1, 2, 3, 4), np.float32)
    stages = artifact.profile(a=zeros, b=zeros)
    assert [stage.stage for stage in stages] == [node.name for node in artifact.graph.operations]
    assert all(stage.seconds >= 0 for stage in stages)


def test_progress_is_told_to_whoever_asks() -> None:
    told: list[tuple[str, int, int]] = []
    sightline.compile(labeler(), ["reference"], report=lambda *step: told.append(step))
    assert told[-1] == ("reference", 1, 1)
    assert all(0 <= done <= total for _, done, total in told)


def test_the_temporary_folder_goes_with_the_artifact() -> None:
    artifact = sightline.compile(labeler(), ["reference"])
    folder = artifact._folder
    assert folder.is_dir()
    del artifact
    assert not folder.exists()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_the_temporary_folder_stays_for_copies(
    copied: Callable[[sightline.Artifact], sightline.Artifact], tmp_path: Path
) -> None:
    artifact = sightline.compile(labeler(), ["reference"])
    folder = artifact._folder
    other = copied(artifact)
    del artifact
    assert folder.is_dir()
    other.save(tmp_path / "net")
    del other
    assert not folder.exists()


def test_a_loaded_artifact_outlives_its_folder() -> None:
    sightline.compile(labeler(), ["reference"]).save("net")
    artifact = sightline.load("net")
    shutil.rmtree("net")
    artifact.save("again")
    assert sightline.load("again").graph == artifact.graph


def test_a_loaded_artifact_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tvm")
    sightline.compile(labeler(), ["cpu"]).save("net")
    artifact = sightline.load("net")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert np.asarray(artifact.run(np.zeros((1, 3, 4, 6), np.float32))).shape == (1, 3, 4, 6)


def test_passes_are_dumped_into_a_folder_named_by_a_text_or_a_path(tmp_path: Path) -> None:
    for folder in (str(tmp_path / "text"), tmp_path / "path"):
        sightline.compile(labeler(), ["reference"], dump_passes=folder)
        assert (Path(folder) / "00-input.txt").is_file()


def test_wrong_inputs_are_refused() -> None:
    artifact = sightline.compile(two_ends(), ["reference"])
    zeros = np.zeros((1, 2, 3, 4), np.float32)
    with pytest.raises(sightline.UserError, match=r"^the network takes a, b, but was given one"):
        artifact.run(zeros)
    with pytest.raises(sightline.UserError, match=r"^the network takes a, b, but was given a\. "):
        artifact.run(a=zeros)
    with pytest.raises(sightline.UserError, match=r"^the input 'b' is f32\[1,2,3,4\] .*float64"):
        artifact.run(a=zeros, b=zeros.astype(np.float64))
    with pytest.raises(sightline.UserError, match=r"^the artifact of 'two_ends' has no target 'x'"):
        artifact.run(a=zeros, b=zeros, target="x")
    with pytest.raises(sightline.UserError, match=r"^no target is named\. Choose from reference"):
        sightline.compile(two_ends(), [])
    with pytest.raises(sightline.UserError, match=r"^no target is named\. Choose from reference"):
        sightline.compile(two_ends(), targets=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "element", "step"),
    [
        ((3, 4, 6), np.float32, "x[None]"),
        ((4, 6, 3), np.float32, "x.transpose(2, 0, 1)[None]"),
        ((1, 4, 6, 3), np.float32, "x.transpose(0, 3, 1, 2)"),
        ((4, 6, 3), np.float64, "x.transpose(2, 0, 1)[None].astype('float32')"),
        ((1, 3, 4, 6), np.uint8, "x.astype('float32')"),
    ],
)
def test_an_input_that_almost_fits_is_told_how_it_does(
    shape: tuple[int, ...], element: type[Any], step: str
) -> None:
    artifact = sightline.compile(labeler(), ["reference"])
    x = np.zeros(shape, element)
    with pytest.raises(sightline.UserError) as caught:
        artifact.run(x)
    fix = caught.value.fix.removeprefix("Of an array x, give ").removesuffix(".")
    assert fix.removesuffix(", if its numbers mean the same") == step
    artifact.run(eval(step, {"x": x}))


def test_options_of_another_type() -> None:
    for tune in ("2", 2.0, True):
        with pytest.raises(
            sightline.UserError, match=r"^('2'|2\.0|True) is no number of candidate"
        ):
            sightline.compile(labeler(), "cpu", tune=tune)  # type: ignore[arg-type]
    for half in ("yes", 1, None):
        with pytest.raises(sightline.UserError, match=r"^half is .*\. Choose True or False\.$"):
            sightline.compile(labeler(), "cuda", half=half)  # type: ignore[arg-type]


def test_inputs_that_are_no_arrays_or_have_no_names() -> None:
    artifact = sightline.compile(labeler(), ["reference"])
    x = np.zeros((1, 3, 4, 6), np.float32)
    with pytest.raises(sightline.UserError, match=r"^the network takes image, but was given 1\."):
        artifact.run({1: x})
    with pytest.raises(sightline.UserError, match=r"^the input 'image' is no array: setting an ar"):
        artifact.run([[1], [1, 2]])
    with pytest.raises(sightline.UserError, match=r"^the input 'image' is f32\[1,3,4,6\] .*object"):
        artifact.run_all({"image": object()})
    np.testing.assert_array_equal(artifact.run_all({"image": x})["scores"], artifact.run(x))


@pytest.mark.parametrize("first", [lambda x: x, lambda x: {"image": x}])
def test_an_input_that_is_given_twice(first: Callable[[Array], Any]) -> None:
    artifact = sightline.compile(labeler(), ["reference"])
    x = np.zeros((1, 3, 4, 6), np.float32)
    for method in (artifact.run, artifact.profile):
        with pytest.raises(sightline.UserError, match=r"^the input 'image' is given twice\. Give "):
            method(first(x), image=x + 1)
