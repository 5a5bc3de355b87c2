"""The Python interface, as DESIGN's example uses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sightline
from sightline.backends import reference
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
