"""Training: it learns, is the same every time, and goes on after a kill as if nothing had been."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sightline.ir.errors import UserError
from sightline.ir.progress import silent
from sightline.scene.frame import Frame
from sightline.scene.training.checkpoint import load
from sightline.scene.training.export import Result
from sightline.scene.training.frames import pack
from sightline.scene.training.lock import NAME, locked
from sightline.scene.training.loop import Training
from sightline.scene.training.settings import Settings
from sightline.scene.training.validation import Validation
from tests.support.painted_scenes import SHORT, Painted, train_quickly

ROOT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("undrawn")


class Unlabeled(Painted):
    def frame(self, index: int) -> Frame:
        return dataclasses.replace(super().frame(index), labels=np.full((16, 24), 255, np.uint8))


class Purple(Painted):
    classes = ("red", "green", "purple")


def packed_training(settings: Settings, count: int) -> Training:
    packed = pack(Painted(count), range(count), settings, "reading", silent)
    return Training(settings, packed, Validation.of(Painted(3, seed=1), settings, silent))


@pytest.fixture
def uninterrupted(trained: Result) -> Path:
    return trained.weights.parent


def killed_at(moment: str, folder: Path) -> int:
    """Train in a process that is killed with no chance to clean up; its exit status."""
    command = [sys.executable, "-m", "tests.support.painted_scenes", str(folder), moment]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


@pytest.mark.parametrize("channels", [3, 4])
def test_a_network_learns_simple_scenes_in_few_steps(tmp_path: Path, channels: int) -> None:
    settings = dataclasses.replace(
        SHORT, channels=channels, steps=40, learning_rate=1e-2, check_every=20
    )
    result = train_quickly(settings, Painted(8), Painted(3, seed=1), tmp_path)
    history = result.history
    assert len(history.losses) == 40
    assert [check.step for check in history.checks] == [20, 40]
    assert np.mean(history.losses[-5:]) < 0.5 * np.mean(history.losses[:3])
    assert history.checks[-1].pixel_accuracy > 0.8
    assert history.checks[-1].loss < 0.5
    assert history.seconds > 0


def test_checks_come_as_often_as_the_settings_say_and_at_the_end(uninterrupted: Path) -> None:
    told: list[tuple[str, int, int]] = []
    result = train_quickly(
        SHORT,
        Painted(),
        Painted(seed=1),
        uninterrupted,
        lambda *step: told.append(step),
        resume=True,
    )
    assert [check.step for check in result.history.checks] == [10, 20, 23]
    assert [what for what, _, _ in told].count("reading training frames") == 5
    assert not any(what.startswith("training") for what, _, _ in told), "it was done already"


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    lines: list[str] = []
    train_quickly(
        SHORT,
        Painted(),
        Painted(4, seed=1),
        tmp_path / "f",
        lambda *step: told.append(step),
        tell=lines.append,
    )
    pattern = (
        r"step {} of 23: training, loss [\d.]+, [\d.]+% of pixels, [\d.]+% of classes, {} left"
    )
    for line, step in zip(lines, (10, 20, 23), strict=True):
        assert re.fullmatch(pattern.format(step, r"\d+:\d\d:\d\d"), line)
    assert lines[-1].endswith(" 0:00:00 left")
    assert [step[1:] for step in told[:5]] == [(n, 5) for n in range(1, 6)]
    assert [step[1:] for step in told[5:8]] == [(n, 3) for n in range(1, 4)]
    assert [step[1:] for step in told[8:]] == [(n, 23) for n in range(1, 24)]
    assert told[8][0].startswith("training, loss ")
    assert "% of pixels" in told[-1][0]


def test_the_record_is_there_to_look_at_from_the_first_check(tmp_path: Path) -> None:
    steps = []

    def report(what: str, done: int, total: int) -> None:
        if what.startswith("training") and done in (9, 10, 15, 22):
            path = tmp_path / "history.json"
            found = json.loads(path.read_text())["history"]["checks"] if path.exists() else []
            steps.append([check["step"] for check in found])

    train_quickly(SHORT, Painted(), Painted(seed=1), tmp_path, report)
    assert steps == [[], [10], [10], [10, 20]]


def test_a_folder_is_of_one_training_at_a_time(tmp_path: Path) -> None:
    refused: list[str] = []

    def report(what: str, done: int, total: int) -> None:
        if not refused:
            with pytest.raises(UserError) as caught:
                train_quickly(SHORT, Painted(), Painted(seed=1), tmp_path, resume=True)
            refused.append(str(caught.value))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_quickly(SHORT, Painted(), Painted(seed=1), tmp_path, report)
    assert refused[0].startswith(f"another training is running in the folder '{tmp_path}'. Wait")
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(UserError, match=r"cannot lock the folder '.*': Is a directory"):
        train_quickly(SHORT, Painted(), Painted(seed=1), tmp_path)


@pytest.mark.parametrize("moment", ["step", "checkpoint"])
def test_killed_and_resumed_gives_the_same_weights_bit_by_bit(
    tmp_path: Path, uninterrupted: Path, moment: str
) -> None:
    assert killed_at(moment, tmp_path) == -signal.SIGKILL
    assert not (tmp_path / "weights.npz").exists()
    result = train_quickly(SHORT, Painted(), Painted(seed=1), tmp_path, resume=True)
    assert result.weights.read_bytes() == (uninterrupted / "weights.npz").read_bytes()
    assert len(result.history.losses) == SHORT.steps
    assert [check.step for check in result.history.checks] == [10, 20, 23]


def test_a_training_killed_before_its_first_checkpoint_begins_anew(
    tmp_path: Path, uninterrupted: Path
) -> None:
    lines: list[str] = []
    result = train_quickly(
        SHORT, Painted(), Painted(seed=1), tmp_path, resume=True, tell=lines.append
    )
    assert result.weights.read_bytes() == (uninterrupted / "weights.npz").read_bytes()
    assert lines[0] == f"{tmp_path} holds no checkpoint: starting anew"


def test_other_seeds_give_other_weights() -> None:
    trainings = [packed_training(dataclasses.replace(SHORT, seed=seed), 5) for seed in (0, 1)]
    images = [training.batch()[0] for training in trainings]
    assert not torch.equal(*images)
    weights = [training.network.weights()["classifier.bias"] for training in trainings]
    assert (weights[0] != weights[1]).any()


def test_each_epoch_takes_every_frame_once_in_another_order() -> None:
    training = packed_training(SHORT, 5)
    draws = [training._drawn(draw) for draw in range(50)]
    epochs = [tuple(draws[first : first + 5]) for first in range(0, 50, 5)]
    assert all(sorted(epoch) == list(range(5)) for epoch in epochs)
    assert len(set(epochs)) > 5


def test_a_training_that_comes_apart_is_told_what_to_change() -> None:
    training = packed_training(SHORT, 3)
    training.take_step()
    with torch.no_grad():
        training.network.classifier.weight.fill_(float("inf"))
    with pytest.raises(UserError) as caught:
        training.take_step()
    message = str(caught.value)
    assert "the training came apart at step 2: its loss is " in message
    assert f"was {training.history.losses[0]:g}. Train with a learning rate below 0.006" in message
    assert training.step == 1


def test_the_last_checkpoint_of_a_training_that_came_apart_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "rate", lambda self, step: 1e30 if step > 8 else 1e-3)
    with pytest.raises(UserError, match=r"the training came apart at step 1\d"):
        train_quickly(SHORT, Painted(), Painted(seed=1), tmp_path)
    assert not (tmp_path / "weights.npz").exists()
    kept = load(tmp_path / "checkpoint.npz")
    assert kept.step == 7
    assert all(np.isfinite(array).all() for array in kept.arrays.values())


def test_what_stands_in_the_folder_is_not_lost(uninterrupted: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds the checkpoint of a training\. Resume it"):
        train_quickly(SHORT, Painted(), Painted(), uninterrupted)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot make the folder"):
        train_quickly(SHORT, Painted(), Painted(), tmp_path / "file")


def test_another_training_is_not_resumed(uninterrupted: Path) -> None:
    other = dataclasses.replace(SHORT, block3=6)
    with pytest.raises(UserError, match="of another network: its 'block3' is 24, not 6"):
        train_quickly(other, Painted(), Painted(), uninterrupted, resume=True)
    with pytest.raises(UserError, match="trained on frames with the checksum"):
        train_quickly(SHORT, Painted(6), Painted(seed=1), uninterrupted, resume=True)
    with pytest.raises(UserError, match="measured on frames with the checksum"):
        train_quickly(SHORT, Painted(), Painted(seed=2), uninterrupted, resume=True)
    with pytest.raises(UserError, match=r"of 3 classes \(red, green, blue\), but the frames given"):
        train_quickly(SHORT, Purple(), Purple(seed=1), uninterrupted, resume=True)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ((Painted(0), Painted()), "there are no training frames"),
        ((Painted(), Painted(0)), "there are no validation frames"),
        ((Painted(width=32), Painted()), "a frame has 32x16 pixels"),
        ((Painted(), Painted(height=32)), "a frame has 24x32 pixels"),
        ((Painted(), Unlabeled()), "no pixel of the validation frames has a label. Give"),
        ((Unlabeled(), Painted()), "no pixel of the training frames has a label. Give"),
        (
            (Painted(), Purple()),
            r"the training frames have 3 classes \(red, green, blue\), but the validation frames "
            r"have 3 \(red, green, purple\)\. Measure",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    tmp_path: Path, lists: tuple[Painted, Painted], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        train_quickly(SHORT, *lists, tmp_path)


def test_frames_of_other_classes_are_refused(tmp_path: Path) -> None:
    settings = dataclasses.replace(SHORT, classes=8)
    with pytest.raises(UserError, match="have 3 classes, but the network is trained on 8"):
        train_quickly(settings, Painted(), Painted(), tmp_path)


def test_the_threads_of_pytorch_are_as_before(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        train_quickly(dataclasses.replace(SHORT, steps=3), Painted(), Painted(), tmp_path)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
