"""Networks that accelerators are tried on: random chains of filter banks, and two scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sightline.frontend import nn, tables
from sightline.frontend.nn import Tensor
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.table import Table


class Chain(nn.Network):
    """Two to four filter banks of any form, each with a nonlinearity or none, pooled or not."""

    name = "chain"

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        channels = int(rng.integers(1, 5))
        size = [int(rng.integers(9, 20)), int(rng.integers(9, 20))]
        self.inputs = {"image": (1, channels, *size)}
        layers: list[nn.Module] = []
        with nn.seeded(seed):
            for _ in range(rng.integers(2, 5)):
                bank = random_bank(rng, channels, size)
                channels, size = bank.table.maps, list(bank.window.slide(tuple(size)))
                layers.append(bank)
                if rng.random() < 0.6:
                    pool = random_pool(rng, size)
                    assert isinstance(pool.op, MaxPool)
                    size = list(pool.op.window.slide(tuple(size)))
                    layers.append(pool)
                layers.append((nn.ReLU(), nn.Tanh(), nn.Dropout())[rng.integers(3)])
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Any:
        return self.layers(image)


def random_bank(rng: np.random.Generator, channels: int, size: Sequence[int]) -> nn.Conv2d:
    """A kernel of 1 to 5, strides of 1 or 2, other paddings on each side, and any table."""
    maps = int(rng.integers(1, 9))
    kernel = [int(rng.integers(1, min(5, each) + 1)) for each in size]
    pads = [int(rng.integers(0, each)) for each in (*kernel, *kernel)]
    strides = [int(rng.integers(1, 3)) if each > 6 else 1 for each in size]
    table = Table.dense(channels, maps)
    if channels > 1 and rng.random() < 0.5:
        seen, block = int(rng.integers(1, channels + 1)), int(rng.integers(1, maps + 1))
        table = tables.random(channels, maps, seen, block=block, seed=int(rng.integers(1000)))
    return nn.Conv2d(channels, maps, kernel, stride=strides, padding=pads, table=table)


def random_pool(rng: np.random.Generator, size: Sequence[int]) -> nn.MaxPool2d:
    """Windows of 1 to 3, apart, touching or overlapping; the last may be cut short by the end."""
    kernel = [int(rng.integers(1, min(3, each) + 1)) for each in size]
    strides = [int(rng.integers(2, 4)) for _ in size]
    ends = [int(rng.integers(0, min(a, b))) for a, b in zip(kernel, strides, strict=True)]
    return nn.MaxPool2d(kernel, strides, padding=[0, 0, *ends])


class Tied(nn.Network):
    """One filter bank, three times over."""

    name = "tied"

    def __init__(self) -> None:
        self.inputs = {"image": (1, 4, 12, 12)}
        with nn.seeded(0):
            self.conv, self.relu = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()

    def forward(self, image: Tensor) -> Any:
        return self.conv(self.relu(self.conv(self.relu(self.conv(image)))))


class Beside(nn.Network):
    """Two pictures of different sizes, each with one or two filter banks and a result of its own.

    Engines compute both, and so both are written through one port.
    """

    name = "beside"

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        sizes = [[int(size) for size in rng.integers(3, 14, 2)] for _ in range(2)]
        channels = [int(count) for count in rng.integers(1, 4, 2)]
        self.inputs = {
            name: (1, count, *size)
            for name, count, size in zip(("left", "right"), channels, sizes, strict=True)
        }
        with nn.seeded(seed):
            self.left = self.branch(rng, channels[0], sizes[0])
            self.right = self.branch(rng, channels[1], sizes[1])

    def branch(self, rng: np.random.Generator, channels: int, size: list[int]) -> nn.Sequential:
        first = random_bank(rng, channels, size)
        layers: list[nn.Module] = [first, nn.ReLU()]
        if rng.random() < 0.5:
            size = list(first.window.slide(tuple(size)))
            layers.append(random_bank(rng, first.table.maps, size))
        return nn.Sequential(*layers)

    def forward(self, left: Tensor, right: Tensor) -> Any:
        return self.left(left), self.right(right)


class TwoScales(nn.Network):
    """The scene network in small: one extractor at two scales, its scores summed; or labels."""

    name = "two_scales"

    def __init__(self, labels: bool = False, normalized: bool = False) -> None:
        self.inputs = {"fine": (1, 2, 16, 24), "coarse": (1, 2, 8, 12)}
        self.labels = labels
        self.norm = nn.LocalNorm(5) if normalized else nn.Dropout()
        with nn.seeded(0):
            self.features = nn.Sequential(
                nn.Conv2d(2, 4, 5, padding=2),
                nn.Tanh(),
                nn.MaxPool2d(2),
                nn.Conv2d(4, 8, 3, padding=1, table=tables.random(4, 8, 2, block=4)),
                nn.Tanh(),
            )
            self.classifier = nn.Conv2d(16, 4, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Any:
        fine, coarse = (self.features(self.norm(each)) for each in (fine, coarse))
        scores = self.classifier(nn.cat([fine, nn.Upsample((8, 12))(coarse)]))
        return nn.ArgMax(1)(scores) if self.labels else scores
