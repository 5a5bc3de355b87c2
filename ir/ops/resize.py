"""Resampling maps to another size. Each rule comes down to taps per axis, which targets share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_maps
from sightline.ir.types import Array, Shape, TensorType

COORDINATES = ("half_pixel", "asymmetric", "align_corners")
ROUNDINGS = ("prefer_floor", "prefer_ceil", "floor", "ceil")


def source_positions(
    before: int, after: int, coordinates: str, scale: float | None = None
) -> Array:
    """Where each of the `after` pixels lies among the `before` ones, as real numbers.

    half_pixel: (i + 1/2) / scale - 1/2; asymmetric: i / scale; align_corners: the first and the
    last pixels of both coincide. `scale` is after / before unless the model says otherwise.
    """
    index = np.arange(after, dtype=np.float64)
    if coordinates == "align_corners":
        return index * (before - 1) / (after - 1) if after > 1 else index * 0.0
    half = 0.5 if coordinates == "half_pixel" else 0.0
    # By the product first, so that a position that is a whole number comes out as one.
    return ((index + half) * before / after if scale is None else (index + half) / scale) - half


def _check(size: Shape, coordinates: str, scales: tuple[float, ...]) -> None:
    if len(size) != 2 or min(size) < 1:
        raise UserError(f"a size to reach is two numbers of at least 1, found {list(size)}")
    if coordinates not in COORDINATES:
        raise UserError(
            f"the resize coordinates '{coordinates}' are not supported",
            fix=f"Use one of {', '.join(COORDINATES)}.",
        )
    if scales and (len(scales) != 2 or not all(0 < scale < math.inf for scale in scales)):
        raise UserError(f"scales are two positive finite numbers, found {list(scales)}")


@op
@dataclass(frozen=True)
class ResizeNearest(Op):
    """y[i, j] = x at the nearest pixel of the source position of (i, j); takes any element.

    `size` is the size to reach; `coordinates` says where positions lie, and `rounding` which pixel
    is nearest; `scales` (rows, columns) replaces the ratio of the sizes.
    """

    size: Shape
    coordinates: str = "asymmetric"
    rounding: str = "floor"
    scales: tuple[float, ...] = ()

    def infer(self, x: TensorType) -> TensorType:
        require_maps(x)
        _check(self.size, self.coordinates, self.scales)
        if self.rounding not in ROUNDINGS:
            raise UserError(
                f"the rounding '{self.rounding}' is not supported",
                fix=f"Use one of {', '.join(ROUNDINGS)}.",
            )
        return x.with_shape((*x.shape[:2], *self.size))

    def taps(self, axis: int, before: int) -> Array:
        """The source index of each output row (axis 0) or column (axis 1)."""
        scale = self.scales[axis] if self.scales else None
        position = source_positions(before, self.size[axis], self.coordinates, scale)
        return self.nearest(position, before)

    def nearest(self, position: Array, before: int) -> Array:
        """The index of the pixel that is nearest to each position, by the rounding."""
        match self.rounding:
            case "floor":
                index = np.floor(position)
            case "ceil":
                index = np.ceil(position)
            case "prefer_floor":
                index = np.ceil(position - 0.5)
            case _:
                index = np.floor(position + 0.5)
        return np.clip(index, 0, before - 1).astype(np.int32)

    def factors(self, x: TensorType) -> Shape | None:
        """(rows, columns) if every pixel just becomes a block of that size, else None."""
        factors = tuple(after // before for after, before in zip(self.size, x.spatial, strict=True))
        blocks = all(
            factor > 0 and np.array_equal(self.taps(axis, before), np.arange(before).repeat(factor))
            for axis, (factor, before) in enumerate(zip(factors, x.spatial, strict=True))
        )
        return factors if blocks else None

    def evaluate(self, x: Array) -> Array:
        rows, columns = (self.taps(axis, x.shape[2 + axis]) for axis in (0, 1))
        y: Array = x[:, :, rows[:, None], columns]
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
        size = tuple(rng.integers(1, 12, 2).tolist())
        coordinates, rounding = str(rng.choice(COORDINATES)), str(rng.choice(ROUNDINGS))
        return Sample(cls(size, coordinates, rounding), (x,))


@op
@dataclass(frozen=True)
class ResizeBilinear(Op):
    """y[i, j] = x interpolated between the four pixels around the source position of (i, j).

    Positions outside x take its border. No antialiasing when the size shrinks.
    """

    size: Shape
    coordinates: str = "half_pixel"
    scales: tuple[float, ...] = ()

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        require_maps(x)
        _check(self.size, self.coordinates, self.scales)
        return x.with_shape((*x.shape[:2], *self.size))

    def taps(self, axis: int, before: int) -> tuple[Array, Array, Array]:
        """Per output row or column: the two source indices, and the weight of the second."""
        scale = self.scales[axis] if self.scales else None
        position = source_positions(before, self.size[axis], self.coordinates, scale)
        position = np.clip(position, 0, before - 1)
        low = np.floor(position).astype(np.int32)
        high = np.minimum(low + 1, before - 1).astype(np.int32)
        return low, high, (position - low).astype(np.float32)

    def evaluate(self, x: Array) -> Array:
        for axis in (0, 1):
            low, high, weight = self.taps(axis, x.shape[2 + axis])
            below, above = np.take(x, low, 2 + axis), np.take(x, high, 2 + axis)
            x = below + (above - below) * (weight[:, None] if axis == 0 else weight)
        return x

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
        size = tuple(rng.integers(1, 12, 2).tolist())
        return Sample(cls(size, str(rng.choice(COORDINATES))), (x,))
