"""Modules in the manner of Torch7 and PyTorch, to write networks with.

    class Net(nn.Network):
        name, inputs = "net", {"image": (1, 3, 32, 32)}

        def __init__(self) -> None:
            self.features = nn.Sequential(nn.Conv2d(3, 16, 5), nn.Tanh(), nn.MaxPool2d(2))
            self.classifier = nn.Linear(16 * 14 * 14, 10)

        def forward(self, image: Tensor) -> Tensor:
            return self.classifier(self.features(image).flatten())

A module that is applied several times shares its weights: they are one constant in the graph.
"""

from sightline.frontend.activations import (
    Abs,
    Clip,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SoftShrink,
    Tanh,
)
from sightline.frontend.layers import (
    ArgMax,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    PyramidDown,
    PyramidUp,
    Softmax,
    Upsample,
    cat,
    pad,
)
from sightline.frontend.modules import Apply, Layer, Module, Network, Sequential
from sightline.frontend.normalizations import (
    BatchNorm2d,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchContrastNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
    gaussian_kernel,
)
from sightline.frontend.poolings import (
    AvgPool2d,
    GlobalAvgPool2d,
    GlobalMaxPool2d,
    LPPool2d,
    MaxPool2d,
    SubSampling2d,
    SumPool2d,
)
from sightline.frontend.tracer import Tensor
from sightline.frontend.weights import (
    seeded,
)

__all__ = [
    "Abs",
    "Apply",
    "ArgMax",
    "AvgPool2d",
    "BatchNorm2d",
    "Clip",
    "Conv2d",
    "DivisiveNorm",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2d",
    "GlobalMaxPool2d",
    "LPPool2d",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LocalNorm",
    "MaxPool2d",
    "Module",
    "Network",
    "PyramidDown",
    "PyramidUp",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SoftShrink",
    "Softmax",
    "SubSampling2d",
    "SubtractiveNorm",
    "SumPool2d",
    "Tanh",
    "Tensor",
    "TorchContrastNorm",
    "TorchDivisiveNorm",
    "TorchSubtractiveNorm",
    "Upsample",
    "cat",
    "gaussian_kernel",
    "pad",
    "seeded",
]
