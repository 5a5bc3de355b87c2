"""Random weights and statistics under which numbers keep their size, however deep the network."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from sightline.frontend import nn

HE = math.sqrt(6)
"""Layers draw weights of variance 1 / (3 fan-in); He et al. take 2 / fan-in before a ReLU."""

OFFSET = 0.1
"""How far means and biases of batch normalization lie from 0."""


Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)


def he(layer: Weighted) -> Weighted:
    """The layer with He's weights: the variance of its sums is twice the mean square it sees."""
    layer.weight *= np.float32(HE)
    return layer


def batch_norm(
    maps: int, rng: np.random.Generator, square: float = 0.5, gain: float = 1.0
) -> nn.BatchNorm2d:
    """Statistics as of training, behind He's filters that see numbers of that mean square.

    Its results have a deviation of about `gain`. The square is 1/2 behind a ReLU of numbers of
    deviation 1. No two maps have the same numbers, as in trained networks.
    """
    layer = nn.BatchNorm2d(maps)
    spread = rng.uniform(0.8, 1.25, (2, maps))
    offset = OFFSET * rng.standard_normal((2, maps))
    layer.weight = (gain * spread[0]).astype(np.float32)
    layer.bias = (gain * offset[0]).astype(np.float32)
    layer.running_mean = offset[1].astype(np.float32)
    layer.running_variance = (2 * square * spread[1]).astype(np.float32)
    return layer


class FilterBank(nn.Module):
    """Filters without bias, batch normalization, and a ReLU or another function, if any."""

    def __init__(
        self,
        channels: int,
        maps: int,
        kernel: int,
        rng: np.random.Generator,
        *,
        stride: int = 1,
        groups: int = 1,
        square: float = 0.5,
        gain: float = 1.0,
        function: nn.Module | None = None,
    ) -> None:
        self.filters = he(
            nn.Conv2d(
                channels,
                maps,
                kernel,
                stride=stride,
                padding=kernel // 2,
                groups=groups,
                bias=False,
            )
        )
        self.norm = batch_norm(maps, rng, square, gain)
        self.function = function

    def forward(self, x: nn.Tensor) -> nn.Tensor:
        y: nn.Tensor = self.norm(self.filters(x))
        return y if self.function is None else self.function(y)
