"""Stanford Background (Gould, Fulton, Koller; ICCV 2009): 715 outdoor pictures, eight classes.

    images/NAME.jpg            the pictures, mostly 320x240
    labels/NAME.regions.txt    a class number for each pixel, rows of numbers between spaces
    labels/NAME.surfaces.txt   geometric classes; not read
    labels/NAME.layers.txt     regions; not read
    horizons.txt               sizes and horizons; not read

A negative number is a pixel that nobody labeled. The authors split nothing; results are told over
five folds. Here frame i in the order of names is for testing in fold i mod 5, so that each fold
takes its share of every source of the pictures, whose names begin alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.models.scene import STANFORD
from sightline.scene.datasets.layout import Files, Split, paired_names, require_folder, split_names
from sightline.scene.datasets.reading import read_rgb, require_same_size, to_labels
from sightline.scene.frame import Frame

LAYOUT = (
    "Unpacked, Stanford Background is a folder with images/NAME.jpg and labels/NAME.regions.txt."
)
FOLDS = 5


class Stanford:
    """The set in a folder: all of it, or what is for training or for testing in a fold."""

    classes: Sequence[str] = STANFORD
    synthetic = False

    def __init__(self, folder: Path, split: Split = "all", fold: int = 0) -> None:
        if not 0 <= fold < FOLDS:
            raise UserError(f"Stanford Background has the folds 0 to {FOLDS - 1}, not {fold}")
        if split == "all" and fold:
            raise UserError(
                f"fold={fold} chooses nothing where split=all",
                fix=f"Say which part of the fold, as split=test,fold={fold}, or leave it out.",
            )
        require_folder(folder, LAYOUT)
        self._pictures = Files(folder / "images", ".jpg")
        self._labels = Files(folder / "labels", ".regions.txt")
        names = paired_names(self._pictures, self._labels, LAYOUT)
        self._names = split_names(names, names[fold::FOLDS], split)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def frame(self, index: int) -> Frame:
        picture_path = self._pictures.of(self._names[index])
        labels_path = self._labels.of(self._names[index])
        picture = read_rgb(picture_path)
        numbers = read_numbers(labels_path)
        require_same_size("table of labels", numbers, labels_path, picture, picture_path)
        return Frame(picture, to_labels(numbers, 0, len(self.classes), labels_path))


def read_numbers(path: Path) -> Array:
    """The table of integers in a text file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about a file without numbers
            return np.loadtxt(path, dtype=np.int64, comments=None, ndmin=2)
    except ValueError as error:
        raise UserError(f"this is no table of class numbers: {error}", where=str(path)) from error
