"""MobileNet, the first (Howard and others, 2017): each map by itself, then all maps of a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from sightline.frontend import nn
from sightline.frontend.model import Picture
from sightline.models.parameters import require_counts
from sightline.models.scaling import FilterBank, he

STEM = 32
LAYERS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
"""Maps and stride of each pair of filter banks, as in the paper's table 1."""

LIMIT = 6.0


class MobileNet(nn.Network):
    """3x3 filters to 32 maps, then thirteen pairs of 3x3 filters map by map and 1x1 filters.

    Its functions hold numbers within 0 and 6, as in the networks that its authors published.
    """

    name = "mobilenet"
    picture = Picture("rgb", mean=(0.5,), deviation=(0.5,))

    def __init__(self, classes: int, size: tuple[int, int], rng: np.random.Generator) -> None:
        self.inputs = {"image": (1, 3, *size)}
        self.classes = tuple(map(str, range(classes)))
        limit = nn.Clip(0.0, LIMIT)
        banks = [FilterBank(3, STEM, 3, rng, stride=2, square=1 / 3, function=limit)]
        channels = STEM
        for maps, stride in LAYERS:
            banks += [
                FilterBank(
                    channels, channels, 3, rng, stride=stride, groups=channels, function=limit
                ),
                FilterBank(channels, maps, 1, rng, function=limit),
            ]
            channels = maps
        self.features = nn.Sequential(*banks)
        self.mean = nn.GlobalAvgPool2d()
        self.classifier = he(nn.Linear(channels, classes))

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        return {"scores": self.classifier(self.mean(self.features(image)).flatten())}


def mobilenet(
    classes: int = 1000, height: int = 224, width: int = 224, seed: int = 0
) -> nn.Network:
    """MobileNet v1 of full width with random weights."""
    require_counts(classes=classes, height=height, width=width)
    with nn.seeded(seed):
        return MobileNet(classes, (height, width), np.random.default_rng(seed))
