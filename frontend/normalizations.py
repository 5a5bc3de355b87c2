"""Normalizations: batch, per-channel boxes, and Torch7's over all maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from sightline.frontend.checks import Pair, finite, pair, whole
from sightline.frontend.modules import Apply, Layer, Module
from sightline.frontend.place import placed
from sightline.frontend.tracer import Tensor
from sightline.ir.errors import UserError
from sightline.ir.ops import normalization
from sightline.ir.types import Array


class BatchNorm2d(Layer):
    """Batch normalization by its running statistics."""

    def __init__(self, channels: int, *, epsilon: float = 1e-5) -> None:
        channels = whole(channels, "the number of channels")
        self.op = normalization.BatchNorm(epsilon)
        self.weight = np.ones(channels, np.float32)
        self.bias = np.zeros(channels, np.float32)
        self.running_mean = np.zeros(channels, np.float32)
        self.running_variance = np.ones(channels, np.float32)

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(
            self.op,
            x,
            weight=self.weight,
            bias=self.bias,
            running_mean=self.running_mean,
            running_variance=self.running_variance,
        )


class SubtractiveNorm(Apply):
    """x minus the mean of its box, per channel."""

    def __init__(self, size: Pair = 9) -> None:
        super().__init__(normalization.SubtractiveNorm(pair(size, "a size")))


class DivisiveNorm(Apply):
    """x over the root mean square of its box, per channel."""

    def __init__(self, size: Pair = 9, floor: float = 1e-4) -> None:
        super().__init__(normalization.DivisiveNorm(pair(size, "a size"), floor))


class LocalNorm(Apply):
    """Zero mean and unit variance in every box, per channel."""

    def __init__(self, size: Pair = 15, floor: float = 1e-2) -> None:
        super().__init__(normalization.LocalNorm(pair(size, "a size"), floor))


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
        self.op = normalization.TorchDivisiveNorm(threshold)

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(self.op, x, kernel=self.kernel)


class TorchContrastNorm(Module):
    """Torch7's SpatialContrastiveNormalization: the subtractive, then the divisive layer."""

    def __init__(self, kernel: Array, threshold: float = 1e-4) -> None:
        self.subtractive = TorchSubtractiveNorm(kernel)
        self.divisive = TorchDivisiveNorm(kernel, threshold)

    def forward(self, x: Tensor) -> Any:
        return self.divisive(self.subtractive(x))


@placed()
def gaussian_kernel(size: int) -> Array:
    """Torch7's `image.gaussian1D`: exp(-((i - centre) / (size / 4))^2 / 2), not normalized."""
    size = whole(size, "the size of a kernel")
    offset = np.arange(size) - (size - 1) / 2
    kernel: Array = np.exp(-0.5 * np.square(offset / (0.25 * size))).astype(np.float32)
    return kernel


def _two_axes(kernel: Array) -> Array:
    """A kernel of Torch7's layers; one of one axis stands for its product with itself."""
    given = finite(kernel, "the kernel")
    if given.ndim not in (1, 2) or any(side % 2 == 0 for side in given.shape):
        raise UserError(
            "a kernel has one or two axes of odd sizes, to have a centre, found one of shape "
            f"{list(given.shape)}"
        )
    both = given.astype(np.float64)
    both = finite(np.outer(both, both) if given.ndim == 1 else both, "the kernel")
    if both.sum(dtype=np.float64) == 0:
        raise UserError("the kernel sums to zero, and is divided by its sum")
    return both
