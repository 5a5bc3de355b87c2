"""What a training leaves: files that other parts read, that agree, and say what they are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import sightline
from sightline.scene.frame import ONLY_SYNTHETIC
from sightline.scene.training import record
from sightline.scene.training.curve import smoothed
from sightline.scene.training.export import Result, require_agreement
from sightline.scene.training.frames import network_input
from sightline.scene.training.network import TorchScene
from tests.support.painted_scenes import SHORT, Painted, train_quickly


class Photographed(Painted):
    synthetic = False


TINY = dataclasses.replace(SHORT, steps=2, warm_up=0, check_every=1)


@pytest.fixture
def result(trained: Result) -> Result:
    return trained


def test_the_folder_holds_whole_files_and_nothing_else(result: Result) -> None:
    names = {path.name for path in result.weights.parent.iterdir()}
    assert names == {
        *("weights.npz", "scene.onnx", "curve.png", "history.json", "checkpoint.npz"),
        "training.lock",
    }


def test_weights_load_into_the_network_of_the_models(result: Result) -> None:
    network = SHORT.network()
    initial = network.classifier.weight.copy()
    with np.load(result.weights) as weights:
        network.load(weights)
        assert {weights[name].dtype for name in weights.files} == {np.dtype(np.float32)}
    assert (network.classifier.weight != initial).any()


def test_the_onnx_file_gives_the_trained_scores_and_names_the_classes(result: Result) -> None:
    network = SHORT.network()
    with np.load(result.weights) as weights:
        network.load(weights)
    image = network_input(Painted(seed=2).frame(0), 3)
    with torch.no_grad():
        wanted = TorchScene(network)(torch.from_numpy(image)).numpy()
    session = onnxruntime.InferenceSession(result.onnx, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"image": image})[0], wanted, atol=1e-4)
    model = sightline.read(str(result.onnx))
    assert model.classes == Painted.classes
    assert model.picture is not None
    assert model.picture.colors == "yuv"


def test_the_record_tells_settings_and_history_and_that_scenes_are_synthetic(
    result: Result,
) -> None:
    told = json.loads(result.record.read_text())
    assert told["note"] == ONLY_SYNTHETIC
    assert told["settings"] == SHORT.to_json()
    assert told["history"]["losses"] == result.history.losses
    assert [check["step"] for check in told["history"]["checks"]] == [10, 20, 23]


def test_the_curve_is_a_picture(result: Result) -> None:
    with Image.open(result.curve) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 400


@pytest.mark.parametrize(
    ("learned", "measured"), [(Photographed, Painted), (Painted, Photographed)]
)
def test_scenes_are_called_synthetic_if_those_measured_on_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    learned: type[Painted],
    measured: type[Painted],
) -> None:
    notes = []
    monkeypatch.setattr(record, "draw_curve", lambda *given: notes.append(given[-1]))
    result = train_quickly(TINY, learned(), measured(seed=1), tmp_path)
    assert (ONLY_SYNTHETIC in result.record.read_text()) == measured.synthetic
    assert notes == 2 * [ONLY_SYNTHETIC if measured.synthetic else ""]


def test_a_network_that_is_not_the_trained_one_is_never_written() -> None:
    network = SHORT.network()
    trained = TorchScene(network)
    image = network_input(Painted().frame(0), 3)
    require_agreement(trained, network, image)
    weights = network.parameters()
    network.load(weights | {"classifier.bias": weights["classifier.bias"] + np.float32(0.01)})
    with pytest.raises(AssertionError, match=r"PyTorch and the reference differ by 0\.01"):
        require_agreement(trained, network, image)


def test_losses_are_smoothed_over_as_many_steps_as_there_are() -> None:
    losses = np.random.default_rng(0).uniform(size=120).tolist()
    steps, smooth = smoothed(losses)
    wanted = [np.mean(losses[max(0, step - 50) : step]) for step in range(1, 121)]
    np.testing.assert_array_equal(steps, np.arange(1, 121))
    np.testing.assert_allclose(smooth, wanted)
