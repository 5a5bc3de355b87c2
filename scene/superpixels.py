"""One class for each segment of a picture, so that labels end where things do.

A network's scores are coarse: a pixel of them stands for 4x4 of the picture. Segments follow the
picture's own edges, and all pixels of one take the class that most of them have (`majority`), or
whose probability is the largest on average (`mean_distribution`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.scene.extras import installed_by


class Way(StrEnum):
    """How a pixel gets its label: by its own scores, or by those of its segment."""

    PIXEL = "pixel"
    MAJORITY = "majority"
    MEAN = "mean"


@dataclass(frozen=True)
class Superpixels:
    """The graph segmentation of Felzenszwalb and Huttenlocher (2004), chosen for 320x240.

    The picture is smoothed by a Gaussian of `sigma` pixels. A larger `scale` makes larger segments,
    and none has fewer than `min_size` pixels.
    """

    scale: float = 30.0
    sigma: float = 0.8
    min_size: int = 50

    def __post_init__(self) -> None:
        for name, value in (("scale", self.scale), ("sigma", self.sigma)):
            if not 0 <= value < math.inf:
                raise UserError(f"the {name} of superpixels is 0 or more, not {value:g}")
        if self.min_size < 1:
            raise UserError(f"a superpixel has at least 1 pixel, not {self.min_size}")

    def segments(self, picture: Array) -> Array:
        """The number of the segment, from 0, that each pixel of `[H, W, 3]` in uint8 lies in."""
        with installed_by("scene", "a superpixel"):
            from skimage.segmentation import felzenszwalb
        found: Array = felzenszwalb(picture, self.scale, self.sigma, self.min_size)
        return found


def per_pixel(scores: Array) -> Array:
    """The label in uint8 whose score, of `[classes, …]`, is the largest."""
    labels: Array = scores.argmax(0).astype(np.uint8)
    return labels


def per_segment(scores: Array, segments: Array, way: Way) -> Array:
    """The labels of whole segments, by one of the two ways to have them."""
    if way is Way.MEAN:
        return mean_distribution(scores, segments)
    return majority(per_pixel(scores), segments, len(scores))


def majority(labels: Array, segments: Array, classes: int) -> Array:
    """Each pixel's label as most pixels of its segment have it; of equally many, the lowest."""
    count = int(segments.max()) + 1
    pairs = segments.ravel() * classes + labels.ravel()
    votes = np.bincount(pairs, minlength=count * classes).reshape(count, classes)
    winners: Array = votes.argmax(1).astype(np.uint8)
    return winners[segments]


def mean_distribution(scores: Array, segments: Array) -> Array:
    """The label whose probability, by the softmax of `[classes, H, W]`, is largest on average.

    A segment of unsure pixels bows to the few that are sure, which a vote would not hear.
    """
    shifted = np.exp(scores - scores.max(0))
    shares = (shifted / shifted.sum(0)).reshape(len(scores), -1)
    places, count = segments.ravel(), int(segments.max()) + 1
    sums = np.stack([np.bincount(places, plane, count) for plane in shares])
    return per_pixel(sums)[segments]
