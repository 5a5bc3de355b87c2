"""`sightline scene train` from the command line: what it writes, prints and refuses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sightline.scene.datasets.folder import write_set
from sightline.scene.frame import ONLY_SYNTHETIC, Frame
from sightline.scene.training.settings import Settings
from tests.support.command_line import fails, invoke, succeeds, succeeds_with_json
from tests.support.scene_sets import Frames, random_frame

LETTERS = "abcdefgh"
CHECK = re.compile(r"step 2 of 2: training, loss .* of classes, 0:00:00 left\n")


@pytest.fixture(autouse=True)
def _prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets of two frames, and no curves, which take longest."""
    pytest.importorskip("torch")
    monkeypatch.setattr("sightline.scene.training.record.draw_curve", lambda *_: None)
    frames = [random_frame(seed, 16, 24, depth=True) for seed in range(4)]
    make("learned", frames[:2])
    make("measured", frames[2:])


def make(
    folder: str, frames: Sequence[Frame], classes: Sequence[str] = LETTERS, synthetic: bool = True
) -> None:
    write_set(Frames(frames, classes, synthetic), Path(folder))


def arguments(*more: str, measured: str = "folder:measured") -> tuple[str, ...]:
    data = ("--data", "folder:learned", "--validation", measured, "--size", "24x16")
    small = ("--scales", "1", "--batch", "1", "--steps", "2")
    return ("scene", "train", "-o", "out", *data, *small, *more)


def lines_of(*more: str) -> tuple[str, str]:
    """What a training that ends well prints, on stdout and stderr."""
    result = invoke(*more)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_a_training_makes_a_network_that_can_be_evaluated() -> None:
    chosen = arguments("--rgbd", "--rate", "0.001", "--balance", "1", "--seed", "5")
    out, err = lines_of(*chosen, "--json")
    done = json.loads(out)
    assert CHECK.fullmatch(err)
    assert done["note"] == ONLY_SYNTHETIC
    assert done["steps"] == 2
    assert Path(done["files"]["weights"]).is_file()
    settings = json.loads(Path("out/history.json").read_text())["settings"]
    assert (settings["channels"], settings["learning_rate"], settings["seed"]) == (4, 0.001, 5)
    assert (settings["class_balance"], settings["warm_up"]) == (1, 0)
    network = ("scene", "evaluate", "-m", "out/scene.onnx", "-t", "reference")
    (found,) = succeeds_with_json(*network, "--data", "folder:measured")["networks"]
    assert found["ways"]["pixel"]["pixel_accuracy"] == pytest.approx(done["pixel_accuracy"])
    assert "Resume it (--resume)" in fails(*chosen)
    assert "its 'learning_rate' (--rate) is 0.001, not 0.006" in fails(
        *arguments("--rgbd", "--balance", "1", "--seed", "5", "--resume")
    )
    text, err = lines_of(*chosen, "--resume")
    assert ONLY_SYNTHETIC in text
    assert "wrote out/weights.npz" in text
    assert err == "", "it was done already"


def test_resuming_nothing_starts_anew_and_says_so() -> None:
    text, err = lines_of(*arguments("--resume", "--steps", "1"))
    assert err.startswith("out holds no checkpoint: starting anew\nstep 1 of 1: ")
    assert text.startswith("trained for 1 step; on the validation frames, pixel accuracy is ")


def test_accuracies_on_real_frames_are_not_called_synthetic() -> None:
    make("real", [random_frame(9, 16, 24)], synthetic=False)
    text, _ = lines_of(*arguments(measured="folder:real"))
    assert ONLY_SYNTHETIC not in text
    assert "note" not in json.loads(Path("out/history.json").read_text())


def test_the_frames_that_are_learned_are_not_measured_on() -> None:
    for same in ("folder:learned", "folder:./learned/"):
        message = fails(*arguments(measured=same))
        assert f"to learn (folder:learned) and to measure on ({same}) begin with the" in message
        assert "--validation" in message
    for data in ("synthetic:validation", "synthetic:validation,seed=0"):
        message = fails("scene", "train", "-o", "out", "--size", "32x16", "--data", data)
        assert f"to learn ({data}) and to measure on (synthetic:validation) begin" in message


def test_frames_that_do_not_fit_each_other() -> None:
    make("renamed", [random_frame(9, 16, 24)], LETTERS[::-1])
    message = fails(*arguments(measured="folder:renamed"))
    assert "8 classes (a, b, c, d, e, f, g, h), but the validation frames have 8 (h, g" in message


def test_validation_frames_that_nobody_labeled() -> None:
    frame = random_frame(9, 16, 24)
    make("bare", [Frame(frame.picture, np.full_like(frame.labels, 255))])
    result = invoke(*arguments(measured="folder:bare"))
    assert result.exit_code == 2
    assert "no pixel of the validation frames has a label" in result.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--rate", "0"), "'--rate': 0.0 is not in the range 0<x<=1"),
        (("--rate", "2"), "'--rate': 2.0 is not in the range 0<x<=1"),
        (("--rate", "nan"), "'learning_rate' (--rate) is a number from 0 to 1, found nan"),
        (("--balance", "1.5"), "'--balance': 1.5 is not in the range 0<=x<=1"),
        (("--balance", "nan"), "'class_balance' (--balance) is a number from 0 to 1, found nan"),
        (("--steps", "0"), "'--steps': 0 is not in the range x>=1"),
    ],
)
def test_numbers_that_cannot_be_name_their_option(given: tuple[str, str], message: str) -> None:
    assert message in fails(*arguments(*given))


def test_help_tells_what_is_so_by_default() -> None:
    text = " ".join(succeeds("scene", "train", "--help").split())
    for option, default in {
        "--scales N": Settings.scales,
        "--block2 N": Settings.block2,
        "--block3 N": Settings.block3,
        "--steps N": Settings.steps,
        "--batch N": Settings.batch,
        "--rate X": Settings.learning_rate,
        "--balance X": Settings.class_balance,
    }.items():
        told = text.partition(option)[2].partition("]")[0]
        assert f"[default: {default};" in told
    assert f"{Settings.width}x{Settings.height}" in text
    assert "0<x<=1" in text
    assert "0<=x<=1" in text


def test_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = fails("scene", "train", "-o", "out", "--data", "folder:learned")
    assert "nothing says which frames" in refused
    assert "--validation" in refused
    for module in [name for name in sys.modules if name.startswith("sightline.scene.training")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    message = fails("scene", "train", "-o", "out")
    assert "training needs the package torch, which is not installed" in message
    assert "pip install 'sightline[train]'" in message
