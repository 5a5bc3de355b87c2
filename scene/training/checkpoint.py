"""A training in a file, so that it can go on after a kill as if nothing had happened.

A file is an `.npz` of plain arrays, `weight/NAME` and so on for each weight; `about` is JSON: the
format, the settings, the classes, the fingerprints of the frames, the step and the history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.files import failures_named, new_file
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Shape
from sightline.scene.classes import require_equal_classes
from sightline.scene.training.history import History
from sightline.scene.training.settings import ARCHITECTURE, Settings, named

NAME = "checkpoint.npz"
FORMAT = "sightline scene checkpoint 2"
FORMATS = "sightline scene checkpoint "
"""What the formats of all versions begin with."""
KINDS = ("weight", "mean", "square")
"""What a checkpoint has of each weight: itself, and AdamW's means of its gradient and squares."""


@dataclass(frozen=True)
class Checkpoint:
    """A training after some steps, and the fingerprints of what it learns and is measured on."""

    settings: Settings
    classes: tuple[str, ...]
    frames: int
    validation: int
    step: int
    history: History
    arrays: Mapping[str, Array]


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, whole or not at all, over the one that is there."""
    about = {
        "format": FORMAT,
        "settings": checkpoint.settings.to_json(),
        "classes": checkpoint.classes,
        "frames": checkpoint.frames,
        "validation": checkpoint.validation,
        "step": checkpoint.step,
        "history": checkpoint.history.to_json(),
    }
    with new_file(path) as temporary:
        np.savez(temporary, about=np.array(json.dumps(about)), **checkpoint.arrays)  # type: ignore[arg-type]


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; the file has a checksum of each array, so that damage shows."""
    with failures_named(f"cannot read the checkpoint '{path}'"):
        try:
            with np.load(path) as file:
                arrays = {name: file[name] for name in file.files}
            about = json.loads(str(arrays.pop("about")))
            return _checkpoint(about, arrays)
        except _OtherVersion as error:
            raise error.at(where=str(path)) from None
        except Exception as error:  # damage shows in every way there is, as memory for huge sizes
            if isinstance(error, OSError) and error.errno is not None:
                raise
            told = f": {error}" if isinstance(error, UserError) else ""
            raise UserError(
                f"the checkpoint is damaged, or none{told}",
                where=str(path),
                fix="Remove it, and train anew.",
            ) from error


class _OtherVersion(UserError):
    """A checkpoint that is whole, but not ours."""


def _checkpoint(about: dict[str, Any], arrays: dict[str, Array]) -> Checkpoint:
    if about["format"] != FORMAT:
        if str(about["format"]).startswith(FORMATS):
            raise _OtherVersion(
                f"the checkpoint is of another version of Sightline: its format is "
                f"'{about['format']:.60}', not '{FORMAT}'",
                fix="End that training with the version that began it, or train in another folder.",
            )
        raise UserError(f"its format is {about['format']!r:.60}, not '{FORMAT}'")
    settings = Settings.from_json(about["settings"])
    found = {name: array.shape for name, array in arrays.items()}
    if found != _shapes(settings):
        raise UserError("its arrays are not those of its settings")
    return Checkpoint(
        settings,
        tuple(map(str, about["classes"])),
        int(about["frames"]),
        int(about["validation"]),
        int(about["step"]),
        History.from_json(about["history"]),
        arrays,
    )


def _shapes(settings: Settings) -> dict[str, Shape]:
    """The arrays that belong to a network, by name."""
    weights = settings.network().parameters()
    return {f"{kind}/{name}": w.shape for kind in KINDS for name, w in weights.items()}


def require_settings(checkpoint: Checkpoint, settings: Settings, path: Path) -> None:
    """Refuse to go on with another network, or with the same in another way."""
    old, new = checkpoint.settings.to_json(), settings.to_json()
    differing = [name for name in new if old[name] != new[name]]
    if differing:
        told = ", ".join(f"its {named(name)} is {old[name]}, not {new[name]}" for name in differing)
        another = any(name in ARCHITECTURE for name in differing)
        raise UserError(
            f"the checkpoint is of {'another network' if another else 'other settings'}: {told}",
            where=str(path),
            fix="Resume with the settings of the checkpoint, or train in another folder.",
        )


def require_classes(checkpoint: Checkpoint, classes: Sequence[str], path: Path) -> None:
    """Refuse to go on with frames of other classes."""
    require_equal_classes(
        "the checkpoint is of",
        checkpoint.classes,
        "the frames given now have",
        classes,
        fix="Resume with the same frames, or train in another folder.",
        where=str(path),
    )


def require_frames(checkpoint: Checkpoint, frames: int, validation: int, path: Path) -> None:
    """Refuse to go on with frames of other fingerprints."""
    for what, old, new in (
        ("trained", checkpoint.frames, frames),
        ("measured", checkpoint.validation, validation),
    ):
        if old != new:
            raise UserError(
                f"the checkpoint was {what} on frames with the checksum {old:08x}, but those given "
                f"now have {new:08x}",
                where=str(path),
                fix="Resume with the same frames, or train in another folder.",
            )
