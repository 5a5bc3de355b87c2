"""ResNet-18 and ResNet-50 (He, Zhang, Ren, Sun, 2015)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sightline.frontend import nn
from sightline.frontend.model import Picture
from sightline.models.parameters import require_counts
from sightline.models.scaling import FilterBank, he

IMAGENET = Picture("rgb", mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225))
"""Pictures as the networks trained on ImageNet take them."""

STEM = 64
WIDTHS = (64, 128, 256, 512)
"""Maps of the stem, and of the 3x3 filters in each of four stages."""

PIXEL = 1.6
POOLED = 2.2
"""The mean square of pixels, which are of every brightness, and of the largest of nine results."""

BRANCH = 0.5
"""The deviation of what a block adds: numbers grow by a fifth at most from block to block."""


class Block(nn.Module):
    """relu(shortcut(x) + branch(x)), where the shortcut is x itself or 1x1 filters.

    The basic branch is two banks of 3x3 filters. The bottleneck's is 1x1, 3x3 and 1x1 to four times
    the maps; its stride lies in the 3x3 filters, as in most trained networks there are.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        stride: int,
        rng: np.random.Generator,
        square: float,
        *,
        bottleneck: bool,
    ) -> None:
        relu = nn.ReLU()
        if bottleneck:
            self.maps = 4 * width
            banks = [
                FilterBank(channels, width, 1, rng, square=square, function=relu),
                FilterBank(width, width, 3, rng, stride=stride, function=relu),
                FilterBank(width, self.maps, 1, rng, gain=BRANCH),
            ]
        else:
            self.maps = width
            banks = [
                FilterBank(channels, width, 3, rng, stride=stride, square=square, function=relu),
                FilterBank(width, width, 3, rng, gain=BRANCH),
            ]
        self.branch = nn.Sequential(*banks)
        self.shortcut: nn.Module | None = None
        if stride > 1 or channels != self.maps:
            self.shortcut = FilterBank(channels, self.maps, 1, rng, stride=stride, square=square)
            square = 0.5
        self.relu = relu
        self.square = square + BRANCH**2 / 2
        """The mean square of its results, about."""

    def forward(self, x: nn.Tensor) -> Any:
        kept = x if self.shortcut is None else self.shortcut(x)
        return self.relu(self.branch(x) + kept)


class ResNet(nn.Network):
    """7x7 filters, pooling, four stages of blocks, the mean of each map, and a linear layer."""

    picture = IMAGENET

    def __init__(
        self,
        name: str,
        blocks: tuple[int, ...],
        classes: int,
        size: tuple[int, int],
        rng: np.random.Generator,
        *,
        bottleneck: bool,
    ) -> None:
        self.name = name
        self.inputs = {"image": (1, 3, *size)}
        self.classes = tuple(map(str, range(classes)))
        self.stem = FilterBank(3, STEM, 7, rng, stride=2, square=PIXEL, function=nn.ReLU())
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        channels, square = STEM, POOLED
        stages = []
        for stage, (width, count) in enumerate(zip(WIDTHS, blocks, strict=True)):
            made = []
            for number in range(count):
                stride = 2 if stage and not number else 1
                block = Block(channels, width, stride, rng, square, bottleneck=bottleneck)
                channels, square = block.maps, block.square
                made.append(block)
            stages.append(nn.Sequential(*made))
        self.stages = nn.Sequential(*stages)
        self.mean = nn.GlobalAvgPool2d()
        self.classifier = he(nn.Linear(channels, classes))

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        features = self.mean(self.stages(self.pool(self.stem(image))))
        return {"scores": self.classifier(features.flatten())}


def resnet18(classes: int = 1000, height: int = 224, width: int = 224, seed: int = 0) -> nn.Network:
    """ResNet-18 with random weights."""
    return _resnet("resnet18", (2, 2, 2, 2), classes, (height, width), seed, bottleneck=False)


def resnet50(classes: int = 1000, height: int = 224, width: int = 224, seed: int = 0) -> nn.Network:
    """ResNet-50 with random weights; strides lie in the 3x3 filters (version 1.5)."""
    return _resnet("resnet50", (3, 4, 6, 3), classes, (height, width), seed, bottleneck=True)


def _resnet(
    name: str,
    blocks: tuple[int, ...],
    classes: int,
    size: tuple[int, int],
    seed: int,
    *,
    bottleneck: bool,
) -> nn.Network:
    require_counts(classes=classes, height=size[0], width=size[1])
    with nn.seeded(seed):
        rng = np.random.default_rng(seed)
        return ResNet(name, blocks, classes, size, rng, bottleneck=bottleneck)
