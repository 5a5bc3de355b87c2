"""The example network of Torch7's tutorials, in two stages of filters, tanh, L2 pooling, norm."""

from __future__ import annotations

from typing import Any

from sightline.frontend import nn, tables
from sightline.frontend.model import Picture
from sightline.models.parameters import require_counts


class Torch7(nn.Network):
    """32x32 colour pictures (the SVHN network): 16 and 256 maps, then 128 hidden units.

    Each map of the first stage sees one colour plane, each of the second four maps of the first.
    """

    name = "torch7"
    picture = Picture("yuv")

    def __init__(self, classes: int, seed: int) -> None:
        self.inputs = {"image": (1, 3, 32, 32)}
        self.classes = tuple(map(str, range(classes)))
        kernel = nn.gaussian_kernel(7)
        first = tables.random(3, 16, 1, seed=seed)
        second = tables.random(16, 256, 4, seed=seed)
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 5, table=first),
            nn.Tanh(),
            nn.LPPool2d(2, 2),
            nn.TorchSubtractiveNorm(kernel),
            nn.Conv2d(16, 256, 5, table=second),
            nn.Tanh(),
            nn.LPPool2d(2, 2),
            nn.TorchSubtractiveNorm(kernel),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(256 * 5 * 5, 128), nn.Tanh(), nn.Linear(128, classes)
        )

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        return {"scores": self.classifier(self.features(image))}


def torch7(classes: int = 10, seed: int = 0) -> nn.Network:
    """The Torch7 example network with random tables and weights."""
    require_counts(classes=classes)
    with nn.seeded(seed):
        return Torch7(classes, seed)
