"""How well labels agree with the truth: counted per pair of classes, then as accuracies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.ir.types import Array
from sightline.scene.frame import UNLABELED


@dataclass
class Confusion:
    """How many pixels of each true class (row) were given each label (column)."""

    classes: int
    counts: Array = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((self.classes, self.classes), np.int64)

    def add(self, truth: Array, labels: Array) -> None:
        """Count a frame. Pixels without a true label do not count."""
        known = truth != UNLABELED
        pairs = truth[known].astype(np.int64) * self.classes + labels[known]
        self.counts += np.bincount(pairs, minlength=self.classes**2).reshape(self.counts.shape)

    @property
    def pixel_accuracy(self) -> float:
        """The part of all pixels whose label is right; NaN where there is none."""
        return _part(np.trace(self.counts), self.counts.sum())

    @property
    def class_accuracies(self) -> list[float]:
        """For each class, the part of its pixels whose label is right; NaN for an absent class."""
        return [_part(row[index], row.sum()) for index, row in enumerate(self.counts)]

    @property
    def class_accuracy(self) -> float:
        """The mean over the classes that occur, so that a rare one counts as much as a common."""
        present = [accuracy for accuracy in self.class_accuracies if not np.isnan(accuracy)]
        return float(np.mean(present)) if present else float("nan")


def _part(right: int, whole: int) -> float:
    return float(right) / float(whole) if whole else float("nan")


def enlarge(scores: Array, size: tuple[int, int]) -> Array:
    """Scores `[classes, h, w]` at a frame's height and width, bilinear between their centres.

    The largest of them is the label of a pixel: borders between classes come out smooth.
    """
    from PIL import Image

    height, width = size
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
        for plane in scores.astype(np.float32)
    ]
    return np.stack(planes)
