"""The layers, with weights made at random: each is one op, or the few that Torch7's layer was."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from sightline.frontend.modules import Apply, Layer, Module
from sightline.frontend.trace import Tensor, caller
from sightline.ir.errors import UserError
from sightline.ir.ops import classify, movement, normalization, pointwise, pooling, pyramid
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.conv import Linear as LinearOp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.ir.window import Window

Pair = int | tuple[int, int]

_rng: ContextVar[np.random.Generator | None] = ContextVar("rng", default=None)
_default_rng = np.random.default_rng(0)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Weights made within are drawn from this seed, so that a network is the same every time."""
    token = _rng.set(np.random.default_rng(seed))
    try:
        yield
    finally:
        _rng.reset(token)


def _uniform(fan_in: int, *shape: int) -> Array:
    """Torch7's initial weights: uniform within 1 / sqrt(fan-in)."""
    bound = 1 / math.sqrt(fan_in)
    rng = _rng.get() or _default_rng
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _window(kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = 1) -> Window:
    return Window(_pair(kernel), _pair(stride), _pair(padding) * 2, _pair(dilation))


class Conv2d(Layer):
    """A filter bank. `table` says which inputs each map sees; without one, `groups` does."""

    def __init__(
        self,
        channels: int,
        maps: int,
        kernel: Pair,
        *,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        table: Table | None = None,
    ) -> None:
        self.window = _window(kernel, stride, padding, dilation)
        self.table = table or Table.grouped(channels, maps, groups)
        if (self.table.channels, self.table.maps) != (channels, maps):
            raise UserError(
                f"the table joins {self.table.channels} inputs to {self.table.maps} maps, but the "
                f"layer has {channels} and {maps}",
                where=caller(),
            )
        taps = self.window.taps
        kernels = [
            _uniform(len(block.inputs) * taps, block.maps * len(block.inputs), *self.window.kernel)
            for block in self.table.blocks()
        ]
        self.weight = np.concatenate(kernels)
        mean_fan_in = self.table.pairs * taps // maps
        self.bias = _uniform(mean_fan_in, maps) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(Conv(self.window, self.table), x, weight=self.weight, bias=self.bias)


class Linear(Layer):
    """A fully connected layer on `[N, features]`."""

    def __init__(self, features: int, outputs: int, *, bias: bool = True) -> None:
        self.weight = _uniform(features, outputs, features)
        self.bias = _uniform(features, outputs) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(LinearOp(), x, weight=self.weight, bias=self.bias)


class MaxPool2d(Apply):
    """The largest of each window; the stride is the kernel unless given."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0) -> None:
        super().__init__(
            pooling.MaxPool(_window(kernel, kernel if stride is None else stride, padding))
        )


class AvgPool2d(Apply):
    """The mean of each window, over the cells that lie in the map."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0) -> None:
        super().__init__(
            pooling.AveragePool(_window(kernel, kernel if stride is None else stride, padding))
        )


class SumPool2d(Apply):
    """The sum of each window."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0) -> None:
        super().__init__(
            pooling.SumPool(_window(kernel, kernel if stride is None else stride, padding))
        )


class LPPool2d(Apply):
    """Torch7's SpatialLPPooling: (the sum of |x|^p)^(1/p) of each window."""

    def __init__(
        self, p: float, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0
    ) -> None:
        super().__init__(
            pooling.LPPool(_window(kernel, kernel if stride is None else stride, padding), float(p))
        )


class SubSampling2d(Layer):
    """Torch7's SpatialSubSampling: the sum of each window times a learned weight, plus a bias."""

    def __init__(self, channels: int, kernel: Pair, stride: Pair | None = None) -> None:
        self.window = _window(kernel, kernel if stride is None else stride, 0)
        self.weight = _uniform(self.window.taps, 1, channels, 1, 1)
        self.bias = _uniform(self.window.taps, 1, channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        sums = self.apply(pooling.SumPool(self.window), x)
        return sums * self.constant("weight") + self.constant("bias")


class GlobalAvgPool2d(Apply):
    """The mean of each map."""

    def __init__(self) -> None:
        super().__init__(pooling.GlobalAveragePool())


class GlobalMaxPool2d(Apply):
    """The largest of each map."""

    def __init__(self) -> None:
        super().__init__(pooling.GlobalMaxPool())


class ReLU(Apply):
    """max(x, 0)."""

    def __init__(self) -> None:
        super().__init__(pointwise.Relu())


class LeakyReLU(Apply):
    """x where it is positive, slope * x elsewhere."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__(pointwise.LeakyRelu(slope))


class Clip(Apply):
    """x held within low and high."""

    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        super().__init__(pointwise.Clip(low, high))


class Tanh(Apply):
    """tanh(x)."""

    def __init__(self) -> None:
        super().__init__(pointwise.Tanh())


class Sigmoid(Apply):
    """1 / (1 + exp(-x))."""

    def __init__(self) -> None:
        super().__init__(pointwise.Sigmoid())


class SoftShrink(Apply):
    """x brought nearer to zero by the threshold."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__(pointwise.SoftShrink(threshold))


class Abs(Apply):
    """|x|: rectification."""

    def __init__(self) -> None:
        super().__init__(pointwise.Abs())


class Dropout(Apply):
    """Nothing, once training is over."""

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__(movement.Identity())
        self.probability = probability


class BatchNorm2d(Layer):
    """Batch normalization by its running statistics."""

    def __init__(self, channels: int, *, epsilon: float = 1e-5) -> None:
        self.epsilon = epsilon
        self.weight = np.ones(channels, np.float32)
        self.bias = np.zeros(channels, np.float32)
        self.running_mean = np.zeros(channels, np.float32)
        self.running_variance = np.ones(channels, np.float32)

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(
            normalization.BatchNorm(self.epsilon),
            x,
            weight=self.weight,
            bias=self.bias,
            running_mean=self.running_mean,
            running_variance=self.running_variance,
        )


class SubtractiveNorm(Apply):
    """x minus the mean of its box, per channel."""

    def __init__(self, size: Pair = 9) -> None:
        super().__init__(normalization.SubtractiveNorm(_pair(size)))


class DivisiveNorm(Apply):
    """x over the root mean square of its box, per channel."""

    def __init__(self, size: Pair = 9, floor: float = 1e-4) -> None:
        super().__init__(normalization.DivisiveNorm(_pair(size), floor))


class LocalNorm(Apply):
    """Zero mean and unit variance in every box, per channel."""

    def __init__(self, size: Pair = 15, floor: float = 1e-2) -> None:
        super().__init__(normalization.LocalNorm(_pair(size), floor))


class TorchSubtractiveNorm(Layer):
    """Torch7's SpatialSubtractiveNormalization, over all maps, by a kernel of one or two axes."""

    def __init__(self, kernel: Array) -> None:
        self.kernel = _two_axes(kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(normalization.TorchSubtractiveNorm(), x, kernel=self.kernel)


class TorchDivisiveNorm(Layer):
    """Torch7's SpatialDivisiveNormalization, over all maps, by a kernel of one or two axes."""

    def __init__(self, kernel: Array, threshold: float = 1e-4) -> None:
        self.kernel = _two_axes(kernel)
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        op = normalization.TorchDivisiveNorm(self.threshold)
        return self.apply(op, x, kernel=self.kernel)


class TorchContrastNorm(Module):
    """Torch7's SpatialContrastiveNormalization: the subtractive, then the divisive layer."""

    def __init__(self, kernel: Array, threshold: float = 1e-4) -> None:
        self.subtractive = TorchSubtractiveNorm(kernel)
        self.divisive = TorchDivisiveNorm(kernel, threshold)

    def forward(self, x: Tensor) -> Any:
        return self.divisive(self.subtractive(x))


class PyramidDown(Apply):
    """The next coarser scale of a Gaussian pyramid."""

    def __init__(self) -> None:
        super().__init__(pyramid.PyramidDown())


class PyramidUp(Apply):
    """The next finer scale, as far as a coarser one tells it, at the size to reach."""

    def __init__(self, size: Pair) -> None:
        super().__init__(pyramid.PyramidUp(_pair(size)))


class Upsample(Module):
    """Maps at another size: "nearest" repeats pixels, "bilinear" interpolates (half-pixel)."""

    def __init__(self, size: Pair, mode: str = "nearest") -> None:
        if mode not in ("nearest", "bilinear"):
            raise UserError(
                f"the mode '{mode}' of Upsample is unknown",
                where=caller(),
                fix="Use nearest or bilinear.",
            )
        op = ResizeNearest if mode == "nearest" else ResizeBilinear
        self.resize = Apply(op(_pair(size)))

    def forward(self, x: Tensor) -> Any:
        return self.resize(x)


class Flatten(Apply):
    """`[N, ...]` as `[N, features]`."""

    def __init__(self) -> None:
        super().__init__(movement.Flatten())


class Softmax(Apply):
    """Probabilities along an axis."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__(classify.Softmax(axis))


class ArgMax(Apply):
    """The index of the largest along an axis."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__(classify.ArgMax(axis))


def cat(tensors: list[Tensor], axis: int = 1) -> Tensor:
    """The tensors one after the other along an axis."""
    first, *others = tensors
    return first.apply(movement.Concat(axis), *others)


def pad(x: Tensor, padding: Pair, mode: str = "constant", value: float = 0.0) -> Tensor:
    """Rows and columns around maps: of a value, or the border repeated ("edge") or mirrored."""
    rows, columns = _pair(padding)
    return x.apply(movement.Pad((0, 0, rows, columns) * 2, mode, value))


def gaussian_kernel(size: int) -> Array:
    """Torch7's `image.gaussian1D`: exp(-((i - centre) / (size / 4))^2 / 2), not normalized."""
    offset = np.arange(size) - (size - 1) / 2
    kernel: Array = np.exp(-0.5 * np.square(offset / (0.25 * size))).astype(np.float32)
    return kernel


def _two_axes(kernel: Array) -> Array:
    """A kernel of one axis stands for its product with itself."""
    kernel = np.asarray(kernel, np.float32)
    both: Array = np.outer(kernel, kernel) if kernel.ndim == 1 else kernel
    return both
