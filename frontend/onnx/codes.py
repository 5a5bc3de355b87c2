"""Constants that a file keeps as integers with scales: weights and biases of quantized models."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sightline.ir import fixed
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.movement import Flatten, Identity, Reshape, Transpose
from sightline.ir.types import Array


@dataclass(frozen=True, eq=False)
class Codes:
    """Real numbers as integers times scales.

    The integers have their zero point taken off. There is one scale for all of them, or one for
    each index along `axis`. `name` is that of the integers in the file.
    """

    integers: Array
    scales: Array
    axis: int | None
    name: str

    @property
    def real(self) -> Array:
        """What they stand for, in single precision."""
        rank = self.integers.ndim
        shape = [-1 if axis == self.axis else 1 for axis in range(rank)]
        real: Array = self.integers.astype(np.float32) * self.scales.reshape(shape)
        return real

    def times(self, factor: float) -> Codes:
        return replace(self, scales=self.scales * np.float32(factor))

    def moved(self, op: Op) -> Codes | None:
        """The integers after an op that moves data; None if the scales do not follow it."""
        match op:
            case Identity():
                axis = self.axis
            case Transpose(order):
                axis = None if self.axis is None else order.index(self.axis)
            case Reshape() | Flatten() if self.axis is None:
                axis = None
            case _:
                return None
        return replace(self, integers=op.evaluate(self.integers), axis=axis)

    def scales_along(self, axis: int, what: str) -> Array:
        """One scale for each index along an axis, that of the output maps."""
        if self.axis not in (None, axis):
            raise UserError(
                f"{what} have a scale for each index of axis {self.axis}, and what is supported "
                f"is one for each output map, along axis {axis}",
                fix="Quantize the model per tensor, or per output channel.",
            )
        return np.broadcast_to(self.scales, self.integers.shape[axis])


def narrowest(integers: Array) -> Array:
    """The same in the narrowest usual integers that hold them."""
    low, high = int(integers.min(initial=0)), int(integers.max(initial=0))
    width = next(width for width in (8, 16, 32, 64) if fixed.width_of(low, high) <= width)
    return integers.astype(f"i{width // 8}")
