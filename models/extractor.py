"""The one-stage feature extractor: contrast normalization, filter bank, shrinkage, L2 pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sightline.frontend import nn
from sightline.frontend.model import Picture
from sightline.ir.types import Array
from sightline.models.parameters import require_counts

KERNEL = 9


class Extractor(nn.Network):
    """Gray pictures to oriented edges: `orientations` pairs of an even and an odd Gabor filter.

    The filters are designed, not trained, so that the features mean something as they are.
    """

    name = "extractor"
    picture = Picture("gray")

    def __init__(self, orientations: int, height: int, width: int) -> None:
        self.inputs = {"image": (1, 1, height, width)}
        filters = nn.Conv2d(1, 2 * orientations, KERNEL, padding=KERNEL // 2, bias=False)
        filters.weight = gabor_filters(orientations)
        self.stages = nn.Sequential(
            nn.TorchContrastNorm(nn.gaussian_kernel(KERNEL), threshold=0.05),
            filters,
            nn.SoftShrink(0.5),
            nn.LPPool2d(2, 4),
        )

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        return {"features": self.stages(image)}


def gabor_filters(orientations: int) -> Array:
    """`[2 * orientations, 9, 9]`: an even and an odd filter for each angle, of no mean."""
    rows, columns = np.mgrid[:KERNEL, :KERNEL] - KERNEL // 2
    envelope = np.exp(-(rows**2 + columns**2) / (2 * 2.0**2))
    filters = []
    for index in range(orientations):
        angle = math.pi * index / orientations
        phase = 2 * math.pi * (columns * math.cos(angle) + rows * math.sin(angle)) / 6.0
        for wave in (np.cos(phase), np.sin(phase)):
            kernel = envelope * (wave - np.sum(envelope * wave) / np.sum(envelope))
            filters.append(kernel / np.abs(kernel).sum())
    return np.stack(filters).astype(np.float32)


def extractor(orientations: int = 8, height: int = 240, width: int = 320) -> nn.Network:
    """The one-stage extractor with its Gabor filters."""
    require_counts(orientations=orientations, height=height, width=width)
    return Extractor(orientations, height, width)
