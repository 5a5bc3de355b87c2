"""Quantized networks to compile for the target fpga, and their artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import sightline
from sightline.frontend import nn
from sightline.frontend.model import Model


class LeNet(nn.Network):
    """Two filter banks of 5x5 with ReLU and pooling, and a linear layer: 361,600 products."""

    name = "lenet"

    def __init__(self) -> None:
        self.inputs = {"image": (1, 1, 32, 32)}
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.output = nn.Linear(16 * 5 * 5, 10)
        self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, image: nn.Tensor) -> Any:
        x = self.pool(self.relu(self.c1(image)))
        return self.output(self.pool(self.relu(self.c2(x))).flatten())


class Small(nn.Network):
    """The same in small, with a table of tanh. Its name is a word of Verilog."""

    name = "small"

    def __init__(self) -> None:
        self.inputs = {"image": (1, 1, 10, 10)}
        self.c1, self.c2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
        self.output = nn.Linear(4 * 2 * 2, 3)
        self.tanh, self.pool = nn.Tanh(), nn.MaxPool2d(2)

    def forward(self, image: nn.Tensor) -> Any:
        x = self.pool(self.tanh(self.c1(image)))
        return self.output(self.tanh(self.c2(x)).flatten())


def quantized(network: type[nn.Network]) -> Model:
    """In int8, by what its values are on a few random pictures."""
    with nn.seeded(3):
        made: Any = network()
    shape = made.inputs["image"]
    frames = np.random.default_rng(4).random((4, *shape[1:]), np.float32)
    return sightline.quantize(made, frames)


def integers(network: type[nn.Network], folder: Path) -> Path:
    """An artifact of the network in integers, for the target reference."""
    sightline.compile(quantized(network), ["reference"]).save(folder)
    return folder
