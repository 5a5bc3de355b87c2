"""U-Net (Ronneberger, Fischer, Brox, 2015): down to few pixels of many maps, and up again."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from sightline.frontend import nn
from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.models.parameters import require_counts
from sightline.models.scaling import FilterBank, he

LEVELS = 4
"""Poolings by 2, each followed by twice the maps."""

PIXEL = 1 / 3
POOLED = 1.5
"""The mean square of pixels, which are of every brightness, and of the largest of four results."""


class UNet(nn.Network):
    """Scores for each pixel, from features of all sizes.

        maps ──── banks ────────────────────────── concat ─ banks ─ linear ─ scores
                    └ pool ─ … banks of 16 maps … ─ upsample ┘

    Each pair of banks is 3x3 filters, batch normalization and ReLU, twice. Filters are padded, so
    that scores are as many as pixels, and maps are upsampled by repeating pixels; the paper's were
    neither.
    """

    name = "unet"
    picture = Picture("rgb", mean=(0.5,), deviation=(0.5,))

    def __init__(
        self, classes: int, maps: int, size: tuple[int, int], rng: np.random.Generator
    ) -> None:
        self.inputs = {"image": (1, 3, *size)}
        self.classes = tuple(map(str, range(classes)))
        widths = [maps << level for level in range(LEVELS + 1)]
        channels = [3, *widths]
        self.down = [
            Banks(before, after, rng, square=POOLED if level else PIXEL)
            for level, (before, after) in enumerate(zip(channels, widths, strict=False))
        ]
        self.up = [
            Banks(coarse + fine, fine, rng, square=0.5)
            for fine, coarse in itertools.pairwise(widths)
        ]
        self.pool = nn.MaxPool2d(2)
        self.classifier = he(nn.Conv2d(maps, classes, 1))

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        kept = [self.down[0](image)]
        for banks in self.down[1:]:
            kept.append(banks(self.pool(kept[-1])))
        x = kept.pop()
        for banks in reversed(self.up):
            finer = kept.pop()
            x = banks(nn.cat([nn.Upsample(finer.shape[2:])(x), finer]))
        return {"scores": self.classifier(x)}


class Banks(nn.Module):
    """Two banks of 3x3 filters, each with batch normalization and a ReLU."""

    def __init__(self, channels: int, maps: int, rng: np.random.Generator, square: float) -> None:
        self.first = FilterBank(channels, maps, 3, rng, square=square, function=nn.ReLU())
        self.second = FilterBank(maps, maps, 3, rng, function=nn.ReLU())

    def forward(self, x: nn.Tensor) -> Any:
        return self.second(self.first(x))


def unet(
    classes: int = 2, maps: int = 32, height: int = 256, width: int = 256, seed: int = 0
) -> nn.Network:
    """U-Net with random weights: `maps` at full size (the paper's has 64), 16 times as many below.

    At 256x256 and 32 maps a frame takes 14 G multiply-accumulates.
    """
    require_counts(classes=classes, maps=maps, height=height, width=width)
    grid = 1 << LEVELS
    if height % grid or width % grid:
        raise UserError(
            f"a picture of {width}x{height} does not divide by 2 as often as U-Net pools",
            fix=f"Its sides must be multiples of {grid}.",
        )
    with nn.seeded(seed):
        return UNet(classes, maps, (height, width), np.random.default_rng(seed))
