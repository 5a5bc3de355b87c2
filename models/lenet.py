"""LeNet-5 (LeCun, Bottou, Bengio, Haffner, 1998)."""

from __future__ import annotations

from typing import Any

from sightline.frontend import nn, tables
from sightline.frontend.model import Picture


class LeNet5(nn.Network):
    """32x32 digits: C1 6 maps, S2, C3 16 maps by the table of 60 kernels, S4, C5 120, F6 84, 10.

    Subsampling is a learned weight times the sum, plus a bias, as published; the outputs are
    linear instead of radial basis functions.
    """

    name = "lenet5"
    picture = Picture("gray")
    classes = tuple("0123456789")

    def __init__(self) -> None:
        self.inputs = {"image": (1, 1, 32, 32)}
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = nn.SubSampling2d(6, 2)
        self.c3 = nn.Conv2d(6, 16, 5, table=tables.lenet_c3())
        self.s4 = nn.SubSampling2d(16, 2)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, 10)
        self.tanh = nn.Tanh()

    def forward(self, image: nn.Tensor) -> dict[str, Any]:
        x = image
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = self.tanh(layer(x))
        return {"scores": self.output(self.tanh(self.f6(x.flatten())))}


def lenet5(seed: int = 0) -> nn.Network:
    """LeNet-5 with random weights."""
    with nn.seeded(seed):
        return LeNet5()
