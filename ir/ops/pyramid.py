"""Steps of Gaussian and Laplacian pyramids (Burt and Adelson), with the kernel 1 4 6 4 1.

A Laplacian band is `x - PyramidUp(PyramidDown(x))`: what the next coarser scale does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_maps
from sightline.ir.types import Array, Shape, TensorType

KERNEL = (1, 4, 6, 4, 1)


@op
@dataclass(frozen=True)
class PyramidDown(Op):
    """y[i, j] = x blurred by 1 4 6 4 1 (over 16) along both axes, at (2i, 2j).

    Beyond the border, the border repeats.
    """

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        require_maps(x)
        return x.with_shape((*x.shape[:2], *((size + 1) // 2 for size in x.spatial)))

    def evaluate(self, x: Array) -> Array:
        for axis in (2, 3):
            edge = [(0, 0)] * 4
            edge[axis] = (2, 2)
            rows = np.moveaxis(np.pad(x, edge, mode="edge"), axis, 0)
            size = x.shape[axis]
            taps = [k * rows[tap : tap + size : 2] for tap, k in enumerate(KERNEL)]
            x = np.moveaxis(np.sum(taps, axis=0) * np.float32(1 / 16), 0, axis)
        return x

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        shape = (2, 3, *rng.integers(1, 9, 2))
        return Sample(cls(), (rng.standard_normal(shape).astype(np.float32),))


@op
@dataclass(frozen=True)
class PyramidUp(Op):
    """x at twice the size, between its pixels the blur's mean; the border repeats.

    Along each axis y[2i] = (x[i-1] + 6 x[i] + x[i+1]) / 8 and y[2i+1] = (x[i] + x[i+1]) / 2. `size`
    is the size to reach, 2n or 2n - 1 for n pixels, so that a band of odd size fits.
    """

    size: Shape

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        require_maps(x)
        if tuple((size + 1) // 2 for size in self.size) != x.spatial:
            raise UserError(
                f"the size {list(self.size)} is not twice the {list(x.spatial)} of {x}, or less one"
            )
        return x.with_shape((*x.shape[:2], *self.size))

    def evaluate(self, x: Array) -> Array:
        for axis, size in zip((2, 3), self.size, strict=True):
            edge = [(0, 0)] * 4
            edge[axis] = (1, 1)
            rows = np.moveaxis(np.pad(x, edge, mode="edge"), axis, 0)
            y = np.empty((2 * (len(rows) - 2), *rows.shape[1:]), x.dtype)
            y[0::2] = (rows[:-2] + 6 * rows[1:-1] + rows[2:]) * np.float32(1 / 8)
            y[1::2] = (rows[1:-1] + rows[2:]) * np.float32(1 / 2)
            x = np.moveaxis(y[:size], 0, axis)
        return x

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        size = tuple(rng.integers(1, 9, 2).tolist())
        shape = (2, 3, *((s + 1) // 2 for s in size))
        return Sample(cls(size), (rng.standard_normal(shape).astype(np.float32),))
