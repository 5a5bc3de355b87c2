"""What `sightline scene train` does: the options as settings, and what came of the training."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.scene.datasets import open_frames
from sightline.scene.extras import installed_by
from sightline.scene.frame import ONLY_SYNTHETIC, Frame, FrameSet

if TYPE_CHECKING:
    from sightline.scene.training.export import Result
    from sightline.scene.training.settings import Settings


@dataclass(frozen=True)
class Trained:
    """A training that is done: its files, and how the network did on the validation frames."""

    result: Result
    steps: int
    synthetic: bool

    @property
    def files(self) -> dict[str, Path]:
        found = self.result
        return {
            "weights": found.weights,
            "onnx": found.onnx,
            "curve": found.curve,
            "history": found.record,
        }

    def to_dict(self) -> dict[str, Any]:
        last = self.result.history.checks[-1]
        told = {
            "steps": self.steps,
            "seconds": self.result.history.seconds,
            "pixel_accuracy": last.pixel_accuracy,
            "class_accuracy": last.class_accuracy,
            "files": {name: str(path) for name, path in self.files.items()},
        }
        return told | ({"note": ONLY_SYNTHETIC} if self.synthetic else {})


def run(
    folder: Path,
    data: str,
    validation: str | None,
    frames: int | None,
    choices: Mapping[str, Any],
    *,
    resume: bool = False,
    report: Report = silent,
) -> Trained:
    """Train on the data (its first `frames`), with the options of the command as `choices`."""
    with installed_by("train", "training"):
        from sightline.scene.training.loop import train
    size = choices["size"]
    learned = open_frames(data, frames, size, report)
    measured = open_validation(data, validation, learned, size, report)
    settings = settings_of(choices, len(learned.classes))
    result = train(
        settings, learned, measured, folder, report=report, resume=resume, tell=tell_line
    )
    return Trained(result, settings.steps, measured.synthetic)


def tell_line(line: str) -> None:
    """Print a line of a training that runs on; a bar of progress, if there is one, stays below."""
    print(line, file=sys.stderr, flush=True)


def open_validation(
    data: str,
    validation: str | None,
    learned: FrameSet,
    size: tuple[int, int],
    report: Report = silent,
) -> FrameSet:
    """The frames to measure on: of other worlds than those to learn, or as the user says.

    Sets that begin with the same frame are refused: they are the same, however they are named.
    """
    if validation is None and not data.startswith("synthetic:"):
        raise UserError(
            f"nothing says which frames a training on '{data}' is measured on",
            fix="Name them with --validation, as --validation stanford:DIR,split=test.",
        )
    name = validation or "synthetic:validation"
    measured = open_frames(name, None, size, report)
    if len(learned) and len(measured) and _same(learned.frame(0), measured.frame(0)):
        raise UserError(
            f"the frames to learn ({data}) and to measure on ({name}) begin with the same frame",
            fix="Name frames with --validation that are not learned.",
        )
    return measured


def _same(one: Frame, other: Frame) -> bool:
    pairs = (one.picture, other.picture), (one.labels, other.labels)
    return all(np.array_equal(a, b) for a, b in pairs)


def settings_of(choices: Mapping[str, Any], classes: int) -> Settings:
    """The settings that the options stand for."""
    from sightline.scene.training.settings import Settings

    height, width = choices["size"]
    steps = choices["steps"]
    return Settings(
        scales=choices["scales"],
        channels=4 if choices["rgbd"] else 3,
        classes=classes,
        height=height,
        width=width,
        y_maps=choices["y_maps"],
        block2=choices["block2"],
        block3=choices["block3"],
        seed=choices["seed"],
        steps=steps,
        batch=choices["batch"],
        learning_rate=choices["rate"],
        warm_up=min(Settings.warm_up, steps // 10),  # a short training warms up in a tenth of it
        class_balance=choices["balance"],
    )


def tell(trained: Trained) -> None:
    last = trained.result.history.checks[-1]
    unit = "step" if trained.steps == 1 else "steps"
    click.echo(
        f"trained for {trained.steps} {unit}; on the validation frames, pixel accuracy is "
        f"{last.pixel_accuracy:.1%} and class accuracy {last.class_accuracy:.1%}"
    )
    if trained.synthetic:
        click.echo(ONLY_SYNTHETIC)
    for path in trained.files.values():
        click.echo(f"wrote {path}")
