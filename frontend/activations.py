"""Activations: layers that work on each number by itself."""

from __future__ import annotations

from sightline.frontend.modules import Apply
from sightline.ir.ops import pointwise


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
