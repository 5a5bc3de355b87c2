"""Small networks of the field, quantized by onnxruntime in each of its forms."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime import quantization as ort
from onnxruntime.quantization import QuantFormat, QuantType

from sightline.frontend import nn
from sightline.frontend.nn import Tensor
from sightline.frontend.onnx import to_onnx
from sightline.frontend.trace import trace
from sightline.ir.types import Array
from sightline.models.lenet import lenet5
from tests.support.onnxruntime import run_onnx

CLASSES = 10
GAIN = np.float32(6**0.5)
"""Drawn weights have a variance of 1/3 over the fan-in; through ReLUs, 2 keeps the contrast."""


class Residual(nn.Network):
    """As in ResNet: a sum around two filter banks, then the mean of each map."""

    name = "residual"

    def __init__(self, side: int = 16, maps: int = 8) -> None:
        self.inputs = {"image": (1, 3, side, side)}
        self.stem = nn.Conv2d(3, maps, 3, padding=1)
        self.first = nn.Conv2d(maps, maps, 3, padding=1)
        self.second = nn.Conv2d(maps, maps, 3, padding=1)
        self.wider = nn.Conv2d(maps, 2 * maps, 3, stride=2, padding=1)
        self.shortcut = nn.Conv2d(maps, 2 * maps, 1, stride=2)
        self.output = nn.Linear(2 * maps, CLASSES)
        self.relu = nn.ReLU()
        self.mean = nn.GlobalAvgPool2d()

    def forward(self, image: Tensor) -> Any:
        x = self.relu(self.stem(image))
        x = self.relu(self.second(self.relu(self.first(x))) + x)
        x = self.relu(self.wider(x) + self.shortcut(x))
        return self.output(self.mean(x).flatten())


class Depthwise(nn.Network):
    """As in MobileNet: each map by itself, then all maps of each pixel; limits of 0 and 6."""

    name = "depthwise"

    def __init__(self, side: int = 16, maps: int = 8) -> None:
        self.inputs = {"image": (1, 3, side, side)}
        self.stem = nn.Conv2d(3, maps, 3, stride=2, padding=1)
        self.spatial = nn.Conv2d(maps, maps, 3, padding=1, groups=maps)
        self.pixels = nn.Conv2d(maps, 2 * maps, 1)
        self.next = nn.Conv2d(2 * maps, 2 * maps, 3, stride=2, padding=1, groups=2 * maps)
        self.output = nn.Conv2d(2 * maps, CLASSES, 1)
        self.limit = nn.Clip(0.0, 6.0)
        self.mean = nn.GlobalAvgPool2d()

    def forward(self, image: Tensor) -> Any:
        x = image
        for layer in (self.stem, self.spatial, self.pixels, self.next):
            x = self.limit(layer(x))
        return self.mean(self.output(x)).flatten()


class Joined(nn.Network):
    """As in SqueezeNet and Inception: branches joined into one list of maps; both poolings."""

    name = "joined"

    def __init__(self, side: int = 16, maps: int = 8) -> None:
        self.inputs = {"image": (1, 3, side, side)}
        self.stem = nn.Conv2d(3, maps, 3, padding=1)
        self.small = nn.Conv2d(maps, maps, 1)
        self.large = nn.Conv2d(maps, maps, 3, padding=1)
        self.pooled = nn.Conv2d(maps, maps, 1)
        self.output = nn.Linear(3 * maps * (side // 4) ** 2, CLASSES)
        self.relu = nn.ReLU()
        self.half = nn.MaxPool2d(2)
        self.around = nn.AvgPool2d(3, 1, padding=1)

    def forward(self, image: Tensor) -> Any:
        x = self.half(self.relu(self.stem(image)))
        branches = (self.small(x), self.large(x), self.pooled(self.around(x)))
        x = nn.cat([self.relu(branch) for branch in branches])
        return self.output(self.half(x).flatten())


class Curved(nn.Network):
    """Functions that are no limits, and a product of two values."""

    name = "curved"

    def __init__(self, side: int = 16, maps: int = 8) -> None:
        self.inputs = {"image": (1, 3, side, side)}
        self.stem = nn.Conv2d(3, maps, 5)
        self.gate = nn.Conv2d(maps, maps, 1)
        self.output = nn.Conv2d(maps, CLASSES, side - 4)
        self.leaky, self.sigmoid = nn.LeakyReLU(0.1), nn.Sigmoid()

    def forward(self, image: Tensor) -> Any:
        x = self.leaky(self.stem(image))
        return self.output(x * self.sigmoid(self.gate(x))).flatten()


NETWORKS: dict[str, Callable[[], nn.Network]] = {
    "lenet5": lenet5,
    "residual": Residual,
    "depthwise": Depthwise,
    "joined": Joined,
    "curved": Curved,
}


@dataclass(frozen=True)
class Form:
    """One way in which onnxruntime quantizes."""

    format: QuantFormat
    activations: QuantType
    weights: QuantType
    per_channel: bool = False
    reduce_range: bool = False

    def __str__(self) -> str:
        how = "per channel" if self.per_channel else "per tensor"
        reduced = ", reduced" if self.reduce_range else ""
        types = f"{self.activations.name[1:]}/{self.weights.name[1:]}".lower()
        return f"{self.format.name} {types} {how}{reduced}"


def forms() -> Iterator[Form]:
    """All that onnxruntime's own kernels take, as it names them: activations / weights."""
    u8, s8, s16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QInt16
    for per_channel in (False, True):
        for format_ in (QuantFormat.QDQ, QuantFormat.QOperator):
            for activations, weights in ((u8, s8), (u8, u8), (s8, s8)):
                yield Form(format_, activations, weights, per_channel)
            yield Form(format_, u8, s8, per_channel, reduce_range=True)
        yield Form(QuantFormat.QDQ, s16, s8, per_channel)


def frames(shape: tuple[int, ...], count: int, seed: int) -> list[Array]:
    """Noise whose mean and contrast differ from frame to frame, and from channel to channel."""
    rng = np.random.default_rng(seed)
    per_channel = (*shape[:2], 1, 1)
    return [
        (
            rng.standard_normal(shape) * rng.uniform(0.3, 1.5, per_channel)
            + rng.standard_normal(per_channel)
        ).astype(np.float32)
        for _ in range(count)
    ]


class _Frames(ort.CalibrationDataReader):
    def __init__(self, name: str, arrays: list[Array]) -> None:
        self._left = iter([{name: array} for array in arrays])

    def get_next(self) -> dict[str, Array] | None:
        return next(self._left, None)


def float_model(name: str, seed: int = 0) -> onnx.ModelProto:
    """A network of random weights that keep the contrast of what goes through them.

    Its last bias makes the mean of all scores 0, so that each class is the best of some frames.
    """
    with nn.seeded(seed):
        model = to_onnx(trace(NETWORKS[name]()))
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.ndim > 1:
            tensor.CopyFrom(numpy_helper.from_array(array * GAIN, tensor.name))
    image, shape = input_of(model)
    scores = [run_onnx(model, {image: frame}) for frame in frames(shape, 50, seed=4)]
    mean = np.mean([next(iter(found.values())) for found in scores], axis=0).ravel()
    (bias,) = (t for t in model.graph.initializer if t.name == "output.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) - mean, bias.name))
    return model


def input_of(model: onnx.ModelProto) -> tuple[str, tuple[int, ...]]:
    """The name and shape of the one input."""
    (info,) = model.graph.input
    return info.name, tuple(size.dim_value for size in info.type.tensor_type.shape.dim)


def quantized_model(model: onnx.ModelProto, form: Form, folder: Path) -> Path:
    """The file of a model that onnxruntime quantized, calibrated on a few frames."""
    name, shape = input_of(model)
    path = folder / f"{model.graph.name}-{form}.onnx".replace("/", "-").replace(" ", "-")
    own = onnx.ModelProto()
    own.CopyFrom(model)  # quantize_static moves the weights of what it is given into a file
    logging.disable(logging.WARNING)
    try:
        ort.quantize_static(
            own,
            path,
            _Frames(name, frames(shape, 8, seed=1)),
            quant_format=form.format,
            per_channel=form.per_channel,
            reduce_range=form.reduce_range,
            activation_type=form.activations,
            weight_type=form.weights,
        )
    finally:
        logging.disable(logging.NOTSET)
    return path
