"""Poolings; the stride is the kernel unless given."""

from __future__ import annotations

from sightline.frontend.checks import Pair, whole, window
from sightline.frontend.modules import Apply, Layer
from sightline.frontend.tracer import Tensor
from sightline.frontend.weights import uniform
from sightline.ir.ops import pooling


class MaxPool2d(Apply):
    """The largest of each window; the stride is the kernel unless given."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0) -> None:
        super().__init__(pooling.MaxPool(window(kernel, stride, padding)))


class AvgPool2d(Apply):
    """The mean of each window, over the cells that lie in the map."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0) -> None:
        super().__init__(pooling.AveragePool(window(kernel, stride, padding)))


class SumPool2d(Apply):
    """The sum of each window."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0) -> None:
        super().__init__(pooling.SumPool(window(kernel, stride, padding)))


class LPPool2d(Apply):
    """Torch7's SpatialLPPooling: (the sum of |x|^p)^(1/p) of each window."""

    def __init__(
        self, p: float, kernel: Pair, stride: Pair | None = None, *, padding: Pair = 0
    ) -> None:
        super().__init__(pooling.LPPool(window(kernel, stride, padding), p))


class SubSampling2d(Layer):
    """Torch7's SpatialSubSampling: the sum of each window times a learned weight, plus a bias."""

    def __init__(self, channels: int, kernel: Pair, stride: Pair | None = None) -> None:
        channels = whole(channels, "the number of channels")
        self.window = window(kernel, stride, 0)
        self.weight = uniform(self.window.taps, 1, channels, 1, 1)
        self.bias = uniform(self.window.taps, 1, channels, 1, 1)

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
