"""The networks that other compilers of ConvNets to FPGAs were measured with, on random weights."""

from __future__ import annotations

from collections.abc import Callable

from sightline.frontend import nn
from sightline.frontend.model import Picture


class PeersLenet(nn.Network):
    """32x32 digits: 5x5 filters to 6 maps, then to 16, each with ReLU and max pool 2; 10 scores."""

    name = "lenet"
    picture = Picture("gray")

    def __init__(self) -> None:
        self.inputs = {"image": (1, 1, 32, 32)}
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 10),
        )

    def forward(self, image: nn.Tensor) -> nn.Tensor:
        scores: nn.Tensor = self.layers(image)
        return scores


class PeersScene(nn.Network):
    """64x48 pictures through three banks of 7x7 filters, dense: 16, 64 and 256 maps.

    Without padding the second pooling has an odd size, and the last windows are cut short, as in
    PyTorch's ceil mode: maps of 42x58, 21x29, 15x23, 8x12 and 2x6.
    """

    picture = Picture("rgb")

    def __init__(self, name: str, padding: int) -> None:
        self.name = name
        self.inputs = {"image": (1, 3, 48, 64)}
        at_the_end = 0 if padding else 1
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 7, padding=padding),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 64, 7, padding=padding),
            nn.ReLU(),
            nn.MaxPool2d(2, padding=(0, 0, at_the_end, at_the_end)),
            nn.Conv2d(64, 256, 7, padding=padding),
        )

    def forward(self, image: nn.Tensor) -> nn.Tensor:
        features: nn.Tensor = self.layers(image)
        return features


PEERS: dict[str, Callable[[], nn.Network]] = {
    "lenet": PeersLenet,
    "scene": lambda: PeersScene("scene", 0),
    "scenesame": lambda: PeersScene("scenesame", 3),
}
"""By the names that they were measured under."""


def peer(name: str, seed: int = 0) -> nn.Network:
    """One of them with random weights."""
    with nn.seeded(seed):
        return PEERS[name]()
