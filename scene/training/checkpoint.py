"""A training in a file, so that it can go on after a kill as if nothing had happened.

A file is an `.npz` of plain arrays, `weight/NAME` and so on for each weight; `about` is JSON: the
format, the settings, the fingerprint of the training frames, the step and the history.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.files import failures_named, new_file
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Shape
from sightline.scene.training.history import History
from sightline.scene.training.settings import ARCHITECTURE, Settings

NAME = "checkpoint.npz"
FORMAT = "sightline scene checkpoint 1"
KINDS = ("weight", "mean", "square")
"""What a checkpoint has of each weight: itself, and AdamW's means of its gradient and squares."""


@dataclass(frozen=True)
class Checkpoint:
    """A training after some steps. `frames` is the fingerprint of what it is trained on."""

    settings: Settings
    frames: int
    step: int
    history: History
    arrays: Mapping[str, Array]


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, whole or not at all, over the one that is there."""
    about = {
        "format": FORMAT,
        "settings": checkpoint.settings.to_json(),
        "frames": checkpoint.frames,
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
            return _checkpoint(arrays)
        except _DAMAGE as error:
            raise UserError(
                f"the checkpoint is damaged, or none: {error}",
                where=str(path),
                fix="Remove it, and train anew.",
            ) from error


_DAMAGE = (
    AttributeError,  # what `load` makes of a lone array is no archive
    EOFError,
    KeyError,
    NotImplementedError,
    TypeError,
    ValueError,
    UserError,
    zipfile.BadZipFile,
    zlib.error,
)


def _checkpoint(arrays: dict[str, Array]) -> Checkpoint:
    about: dict[str, Any] = json.loads(str(arrays.pop("about")))
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {about['format']!r:.60}, not '{FORMAT}'")
    settings = Settings.from_json(about["settings"])
    found = {name: array.shape for name, array in arrays.items()}
    if found != _shapes(settings):
        raise ValueError("its arrays are not those of its settings")
    history = History.from_json(about["history"])
    return Checkpoint(settings, int(about["frames"]), int(about["step"]), history, arrays)


def _shapes(settings: Settings) -> dict[str, Shape]:
    """The arrays that belong to a network, by name."""
    weights = settings.network().parameters()
    return {f"{kind}/{name}": w.shape for kind in KINDS for name, w in weights.items()}


def require_settings(checkpoint: Checkpoint, settings: Settings, path: Path) -> None:
    """Refuse to go on with another network, or with the same in another way."""
    old, new = checkpoint.settings.to_json(), settings.to_json()
    differing = [name for name in new if old[name] != new[name]]
    if differing:
        told = ", ".join(f"its '{name}' is {old[name]}, not {new[name]}" for name in differing)
        another = any(name in ARCHITECTURE for name in differing)
        raise UserError(
            f"the checkpoint is of {'another network' if another else 'other settings'}: {told}",
            where=str(path),
            fix="Resume with the settings of the checkpoint, or train in another folder.",
        )


def require_frames(checkpoint: Checkpoint, frames: int, path: Path) -> None:
    """Refuse to go on with frames of another fingerprint."""
    if checkpoint.frames != frames:
        raise UserError(
            f"the checkpoint was trained on frames with the checksum {checkpoint.frames:08x}, but "
            f"those given now have {frames:08x}",
            where=str(path),
            fix="Resume with the same frames, or train in another folder.",
        )
