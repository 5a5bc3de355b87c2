"""Pictures and class numbers out of files, held to one size and to the classes of their set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.picture import read_planes
from sightline.scene.frame import UNLABELED


def read_rgb(path: Path) -> Array:
    """A picture file as `[H, W, 3]` in uint8; a gray one has three equal channels."""
    planes = np.rint(read_planes(path) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:])).transpose(1, 2, 0))


def to_labels(numbers: Array, first: int, classes: int, path: Path) -> Array:
    """Labels `[H, W]` of a file's class numbers: `first` is class 0, and less is unlabeled."""
    if numbers.ndim != 2 or not numbers.size or numbers.dtype.kind not in "iuf":
        raise UserError(
            f"the labels have the shape {list(numbers.shape)} and the type {numbers.dtype}, and "
            "not one class number for each pixel",
            where=str(path),
        )
    last = first + classes - 1
    wrong = (numbers > last) | (numbers != np.floor(numbers))  # NaN too is not its own floor
    if wrong.any():
        raise UserError(
            f"a pixel is of class {numbers[wrong][0]}, but the classes of this set are numbered "
            f"from {first} to {last}",
            where=str(path),
        )
    return np.where(numbers < first, UNLABELED, numbers - first).astype(np.uint8)


def require_same_size(
    what: str, plane: Array, path: Path, picture: Array, picture_path: Path
) -> None:
    """Refuse labels or depth that do not lie on their picture pixel by pixel."""
    if plane.shape != picture.shape[:2]:
        raise UserError(
            f"the {what} has {_size(plane)} pixels, but its picture '{picture_path}' "
            f"{_size(picture)}",
            where=str(path),
        )


def _size(array: Array) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
