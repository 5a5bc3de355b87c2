"""What `sightline scene train` does: the options as settings, and what came of the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.scene.datasets import open_frames
from sightline.scene.extras import installed_by
from sightline.scene.frame import ONLY_SYNTHETIC, FrameSet

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
    measured = open_validation(data, validation, size, report)
    learned = open_frames(data, frames, size, report)
    settings = settings_of(choices, len(learned.classes))
    result = train(settings, learned, measured, folder, report=report, resume=resume)
    return Trained(result, settings.steps, measured.synthetic)


def open_validation(
    data: str, validation: str | None, size: tuple[int, int], report: Report = silent
) -> FrameSet:
    """The frames to measure on: of other worlds than those to learn, or as the user says."""
    if validation is None and not data.startswith("synthetic:"):
        raise UserError(
            f"nothing says which frames a training on '{data}' is measured on",
            fix="Name them with --validation, as --validation stanford:DIR,split=test.",
        )
    return open_frames(validation or "synthetic:validation", None, size, report)


def settings_of(choices: Mapping[str, Any], classes: int) -> Settings:
    """The settings that the options stand for; what is not given stays as it is by default."""
    from sightline.scene.training.settings import Settings

    height, width = choices["size"]
    optional = {
        "block2": choices["block2"],
        "block3": choices["block3"],
        "steps": choices["steps"],
        "batch": choices["batch"],
        "learning_rate": choices["rate"],
        "class_balance": choices["balance"],
    }
    given = {name: value for name, value in optional.items() if value is not None}
    if "steps" in given:  # a short training warms up in a tenth of it
        given["warm_up"] = min(Settings.warm_up, given["steps"] // 10)
    return Settings(
        scales=choices["scales"],
        channels=4 if choices["rgbd"] else 3,
        classes=classes,
        height=height,
        width=width,
        seed=choices["seed"],
        **given,
    )


def tell(trained: Trained) -> None:
    last = trained.result.history.checks[-1]
    click.echo(
        f"trained for {trained.steps} steps; on the validation frames, pixel accuracy is "
        f"{last.pixel_accuracy:.1%} and class accuracy {last.class_accuracy:.1%}"
    )
    if trained.synthetic:
        click.echo(ONLY_SYNTHETIC)
    for path in trained.files.values():
        click.echo(f"wrote {path}")
