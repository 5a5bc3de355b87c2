"""`train`: step after step until the schedule ends, as the settings and the frames decide alone."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sightline.files import failures_named
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array
from sightline.scene.classes import require_equal_classes
from sightline.scene.frame import FrameSet
from sightline.scene.training import checkpoint as checkpoints
from sightline.scene.training.checkpoint import Checkpoint
from sightline.scene.training.export import Result, export
from sightline.scene.training.frames import PackedFrames, pack, planes_input
from sightline.scene.training.history import History
from sightline.scene.training.jitter import jitter
from sightline.scene.training.lock import locked
from sightline.scene.training.loss import class_weights, soft_targets, weighted_cross_entropy
from sightline.scene.training.network import TorchScene
from sightline.scene.training.record import write_record
from sightline.scene.training.settings import OPTIONS, Settings
from sightline.scene.training.validation import Validation

STEEPEST = 1.0
"""Gradients longer than this are shortened to it, so that no single batch leads astray."""

Tell = Callable[[str], None]
"""Told a line now and then, for those who read what is long past."""


def untold(line: str) -> None:
    """Lines that nobody reads."""


def train(
    settings: Settings,
    train_frames: FrameSet,
    validation_frames: FrameSet,
    folder: Path,
    report: Report = silent,
    resume: bool = False,
    tell: Tell = untold,
) -> Result:
    """Train a network, and write what `export` tells into a folder, which is made if need be.

    The weights follow from the settings and the frames, bit by bit on one machine. With `resume`,
    a training that was stopped goes on from the folder's checkpoint to the very same weights.
    """
    _require_frames(train_frames, validation_frames, settings)
    with failures_named(f"cannot make the folder '{folder}'"):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        path = folder / checkpoints.NAME
        stopped = _stopped(path, settings, resume)
        if stopped is not None:
            checkpoints.require_classes(stopped, train_frames.classes, path)
        elif resume:
            tell(f"{folder} holds no checkpoint: starting anew")
        packed = _all_of(train_frames, settings, report)
        validation = Validation.of(validation_frames, settings, report)
        training = Training(settings, packed, validation)
        if stopped is not None:
            checkpoints.require_frames(stopped, *training.fingerprints, path)
            training.restore(stopped)
        with _all_cores():
            _run(training, folder, report, tell)
            return export(training.network, settings, training.history, validation, folder)


def _all_of(frames: FrameSet, settings: Settings, report: Report) -> PackedFrames:
    return pack(frames, range(len(frames)), settings, "reading training frames", report)


def _require_frames(learned: FrameSet, measured: FrameSet, settings: Settings) -> None:
    """Refuse frames that no network of these settings is trained on."""
    for frames, what in ((learned, "training"), (measured, "validation")):
        if not len(frames):
            raise UserError(f"there are no {what} frames", fix="Give at least one.")
    if len(learned.classes) != settings.classes:
        raise UserError(
            f"the training frames have {len(learned.classes)} classes, but the network is trained "
            f"on {settings.classes}",
            fix=f"Train with the setting 'classes' at {len(learned.classes)}.",
        )
    require_equal_classes(
        "the training frames have",
        learned.classes,
        "the validation frames have",
        measured.classes,
        fix="Measure on frames with the classes that are learned.",
    )


def _stopped(path: Path, settings: Settings, resume: bool) -> Checkpoint | None:
    """The checkpoint to go on from; None if the training was killed before its first."""
    if not path.exists():
        return None
    if not resume:
        raise UserError(
            f"the folder '{path.parent}' holds the checkpoint of a training",
            fix="Resume it (--resume), or train in another folder.",
        )
    checkpoint = checkpoints.load(path)
    checkpoints.require_settings(checkpoint, settings, path)
    return checkpoint


@contextlib.contextmanager
def _all_cores() -> Iterator[None]:
    """PyTorch on as many threads as there are cores; then as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(training: Training, folder: Path, report: Report, tell: Tell) -> None:
    """Take the steps that are left, with checks and checkpoints in between."""
    settings, history = training.settings, training.history
    start = time.perf_counter() - history.seconds
    while training.step < settings.steps:
        training.take_step()
        last = training.step == settings.steps
        due = last or training.step % settings.check_every == 0
        if due:
            training.check()
        history.seconds = time.perf_counter() - start
        if last or training.step % settings.save_every == 0:
            checkpoints.save(training.checkpoint(), folder / checkpoints.NAME)
        if due:
            if not last:  # then it is part of what `export` writes
                write_record(history, settings, training.validation.synthetic, folder)
            tell(_line(history, settings))
        report(_told(history), training.step, settings.steps)


def _told(history: History) -> str:
    recent = history.losses[-20:]
    told = f"training, loss {sum(recent) / len(recent):.3f}"
    if history.checks:
        last = history.checks[-1]
        told += f", {last.pixel_accuracy:.1%} of pixels, {last.class_accuracy:.1%} of classes"
    return told


def _line(history: History, settings: Settings) -> str:
    """Where a training is at a check."""
    step = len(history.losses)
    left = timedelta(seconds=round(history.seconds / step * (settings.steps - step)))
    return f"step {step} of {settings.steps}: {_told(history)}, {left} left"


class Training:
    """A network on its way: its weights, its optimizer and what was measured."""

    def __init__(self, settings: Settings, frames: PackedFrames, validation: Validation) -> None:
        self.settings = settings
        self.frames = frames
        self.validation = validation
        self.fingerprints = frames.fingerprint(), validation.frames.fingerprint()
        self.step = 0
        self.history = History()
        self.network = TorchScene(settings.network())
        self.weights = torch.from_numpy(
            class_weights(frames.labels, settings.classes, settings.class_balance)
        )
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), weight_decay=settings.weight_decay
        )

    def take_step(self) -> None:
        """One batch forward and backward, and one step of the optimizer."""
        images, targets = self.batch()
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.step)
        loss = weighted_cross_entropy(self.network(images), targets, self.weights)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        length = torch.nn.utils.clip_grad_norm_(self.network.parameters(), STEEPEST)
        self._require_finite(loss.item(), length.item())
        self.optimizer.step()
        self.history.losses.append(loss.item())
        self.step += 1

    def check(self) -> None:
        """Measure the network as it is now."""
        found = self.validation.check(self.network, self.weights, self.step)
        self.history.checks.append(found)

    def batch(self) -> tuple[Tensor, Tensor]:
        """The inputs and targets of this step; its number alone decides them."""
        images, targets = [], []
        first = self.step * self.settings.batch
        for draw in range(first, first + self.settings.batch):
            rng = np.random.default_rng((self.settings.seed, 1, draw))
            frame = jitter(self.frames.frame(self._drawn(draw)), rng)
            images.append(planes_input(frame.picture, frame.depth, self.settings.channels))
            targets.append(soft_targets(frame.labels, self.settings.classes))
        return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.stack(targets))

    def _drawn(self, draw: int) -> int:
        """Which frame a draw takes: in each epoch all of them, in another order."""
        epoch, place = divmod(draw, len(self.frames))
        order = np.random.default_rng((self.settings.seed, 0, epoch))
        return int(order.permutation(len(self.frames))[place])

    def _require_finite(self, loss: float, length: float) -> None:
        if math.isfinite(loss) and math.isfinite(length):
            return
        before = f", and was {self.history.losses[-1]:g}" if self.history.losses else ""
        raise UserError(
            f"the training came apart at step {self.step + 1}: its loss is {loss:g} and its "
            f"gradient's length {length:g}{before}",
            fix=f"Train with a learning rate below {self.settings.learning_rate:g} "
            f"({OPTIONS['learning_rate']}); the last checkpoint is kept.",
        )

    def checkpoint(self) -> Checkpoint:
        """All that the steps ahead depend on."""
        arrays: dict[str, Array] = {}
        for name, parameter in self.network.named_parameters():
            state = self.optimizer.state[parameter]
            arrays[f"weight/{name}"] = parameter.detach().numpy()
            arrays[f"mean/{name}"] = state["exp_avg"].numpy()
            arrays[f"square/{name}"] = state["exp_avg_sq"].numpy()
        return Checkpoint(
            self.settings,
            self.validation.classes,
            *self.fingerprints,
            self.step,
            self.history,
            arrays,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Be where a checkpoint was."""
        for name, parameter in self.network.named_parameters():
            parameter.data.copy_(torch.from_numpy(checkpoint.arrays[f"weight/{name}"]))
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(checkpoint.step)),
                "exp_avg": torch.from_numpy(checkpoint.arrays[f"mean/{name}"]),
                "exp_avg_sq": torch.from_numpy(checkpoint.arrays[f"square/{name}"]),
            }
        self.step = checkpoint.step
        self.history = checkpoint.history
