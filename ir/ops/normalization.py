"""Normalization: by learned statistics (batch) and by each pixel's neighbourhood (local).

The per-channel ops look at a box of one channel and divide by the true number of pixels in it.
Torch7's layers look at all maps through a kernel, zero padded, corrected at the border.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_maps, require_rank, require_shape
from sightline.ir.types import Array, Shape, TensorType


@op
@dataclass(frozen=True)
class BatchNorm(Op):
    """y[c] = (x[c] - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c], as trained."""

    epsilon: float = 1e-5

    def infer(
        self,
        x: TensorType,
        scale: TensorType,
        shift: TensorType,
        mean: TensorType,
        variance: TensorType,
    ) -> TensorType:
        require_float(x, scale, shift, mean, variance)
        if not 0 <= self.epsilon < math.inf:
            raise UserError(f"an epsilon must be at least 0 and finite, found {self.epsilon}")
        if x.rank < 2:
            raise UserError(f"batch normalization needs channels, found {x}")
        for operand, what in ((scale, "scale"), (shift, "shift"), (mean, "mean")):
            require_shape(operand, (x.shape[1],), f"the {what} of batch normalization")
        require_shape(variance, (x.shape[1],), "the variance of batch normalization")
        return x

    def affine(
        self, scale: Array, shift: Array, mean: Array, variance: Array
    ) -> tuple[Array, Array]:
        """(a, b) of the y = a x + b that it is, per channel, in double precision."""
        deviation = np.sqrt(variance.astype(np.float64) + self.epsilon)
        a = scale / deviation
        return a, shift - mean * a

    def evaluate(self, x: Array, scale: Array, shift: Array, mean: Array, variance: Array) -> Array:
        a, b = self.affine(scale, shift, mean, variance)
        shape = (-1, *(1,) * (x.ndim - 2))
        return x * a.astype(np.float32).reshape(shape) + b.astype(np.float32).reshape(shape)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = rng.standard_normal((2, 3, 5, 4)).astype(np.float32)
        scale, shift, mean = rng.standard_normal((3, 3)).astype(np.float32)
        variance = rng.uniform(0.1, 2, 3).astype(np.float32)
        return Sample(cls(), (x,), (scale, shift, mean, variance))


class BoxNorm(Op):
    """What the per-channel ops share: a box of odd `size` around each pixel."""

    size: Shape

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        require_maps(x)
        if len(self.size) != 2 or min(self.size) < 1 or any(side % 2 == 0 for side in self.size):
            raise UserError(
                f"a neighbourhood is two odd sizes, to have a centre; found {list(self.size)}"
            )
        return x

    def means(self, x: Array) -> Array:
        """The mean of each box, over the pixels of it that exist."""
        sums = box_sums(x, self.size)
        counts = box_sums(np.ones((1, 1, *x.shape[2:])), self.size)
        mean: Array = sums / counts
        return mean


@op
@dataclass(frozen=True)
class SubtractiveNorm(BoxNorm):
    """y = x - the mean of x's box of `size`, per channel, over the true count at the border."""

    size: Shape = (9, 9)

    def evaluate(self, x: Array) -> Array:
        y: Array = (x - self.means(x)).astype(np.float32)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls((3, 5)), (_maps(rng),))


@op
@dataclass(frozen=True)
class DivisiveNorm(BoxNorm):
    """y = x / max(root mean square of x's box of `size`, floor), per channel.

    The mean is over the true count of pixels at the border.
    """

    size: Shape = (9, 9)
    floor: float = 1e-4

    def infer(self, x: TensorType) -> TensorType:
        require_positive_floor(self.floor)
        return super().infer(x)

    def evaluate(self, x: Array) -> Array:
        deviation = np.sqrt(self.means(np.square(x, dtype=np.float64)))
        return (x / np.maximum(deviation, self.floor)).astype(np.float32)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls((5, 3), 0.1), (_maps(rng),))


@op
@dataclass(frozen=True)
class LocalNorm(BoxNorm):
    """y = (x - mean) / max(deviation, floor), both of x's box of `size`, per channel.

    Mean from the sum and deviation from the sum of squares of one and the same box, over the true
    count at the border: zero mean and unit variance in every neighbourhood.
    """

    size: Shape = (15, 15)
    floor: float = 1e-2

    def infer(self, x: TensorType) -> TensorType:
        require_positive_floor(self.floor)
        return super().infer(x)

    def evaluate(self, x: Array) -> Array:
        mean = self.means(x)
        variance = self.means(np.square(x, dtype=np.float64)) - np.square(mean)
        deviation = np.sqrt(np.maximum(variance, 0.0))
        y: Array = ((x - mean) / np.maximum(deviation, self.floor)).astype(np.float32)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls((3, 3), 0.1), (_maps(rng),))


class TorchNorm(Op):
    """What Torch7's layers share: operands x `[N, C, H, W]` and an odd kernel `[kh, kw]`."""

    def infer(self, x: TensorType, kernel: TensorType) -> TensorType:
        require_float(x, kernel)
        require_maps(x)
        require_rank(kernel, 2, "a kernel [rows, columns]")
        if any(side % 2 == 0 for side in kernel.shape):
            raise UserError(f"the kernel needs odd sizes, to have a centre; found {kernel}")
        return x


@op
@dataclass(frozen=True)
class TorchSubtractiveNorm(TorchNorm):
    """Torch7's SpatialSubtractiveNormalization: y = x - the weighted mean over space and all maps.

    The kernel is divided by its sum times the number of maps; x is zero padded, and the mean is
    divided by what the same filter makes of ones.
    """

    def evaluate(self, x: Array, kernel: Array) -> Array:
        return (x - torch_mean(x, kernel)).astype(np.float32)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        kernel = rng.uniform(0.2, 1, (3, 5)).astype(np.float32)
        return Sample(cls(), (_maps(rng),), (kernel,))


@op
@dataclass(frozen=True)
class TorchDivisiveNorm(TorchNorm):
    """Torch7's SpatialDivisiveNormalization: y = x / sigma over space and all maps.

    sigma = sqrt(filter(x^2)) / filter(1), the kernel and padding as in the subtractive layer;
    what is below the threshold is raised to it.
    """

    threshold: float = 1e-4

    def infer(self, x: TensorType, kernel: TensorType) -> TensorType:
        require_positive_floor(self.threshold)
        return super().infer(x, kernel)

    def evaluate(self, x: Array, kernel: Array) -> Array:
        squares, ones = torch_filters(np.square(x, dtype=np.float64), kernel)
        sigma = np.sqrt(squares) / ones
        return (x / np.maximum(sigma, self.threshold)).astype(np.float32)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        kernel = rng.uniform(0.2, 1, (5, 3)).astype(np.float32)
        return Sample(cls(), (_maps(rng),), (kernel,))


def require_positive_floor(floor: float) -> None:
    if not floor > 0:
        raise UserError(f"a floor under a divisor must be positive, found {floor}")


def box_sums(x: Array, size: Shape) -> Array:
    """The sum of the box around each pixel, as far as it exists, in double precision.

    Row by row and column by column, and every box for itself: running sums would be faster, but
    carry one pixel that is huge, or no number, along the whole row.
    """
    total = x.astype(np.float64)
    for axis, side in zip((2, 3), size, strict=True):
        rows = np.moveaxis(total, axis, 0)
        sums = rows.copy()
        for shift in range(1, min(side // 2, len(rows) - 1) + 1):
            sums[shift:] += rows[:-shift]
            sums[:-shift] += rows[shift:]
        total = np.moveaxis(sums, 0, axis)
    return total


def torch_filters(x: Array, kernel: Array) -> tuple[Array, Array]:
    """Torch7's filter of x and of ones, `[N, 1, H, W]` and `[1, 1, H, W]`, in double precision."""
    weights = kernel.astype(np.float64) / (kernel.sum(dtype=np.float64) * x.shape[1])
    sums = x.sum(axis=1, keepdims=True, dtype=np.float64)
    ones = np.full((1, 1, *x.shape[2:]), float(x.shape[1]))
    return _correlate(sums, weights), _correlate(ones, weights)


def torch_mean(x: Array, kernel: Array) -> Array:
    mean, ones = torch_filters(x, kernel)
    return mean / ones


def _correlate(x: Array, weights: Array) -> Array:
    """Same-size correlation of each map with one kernel, zero padded."""
    rows, columns = weights.shape
    padded = np.pad(x, [(0, 0), (0, 0), (rows // 2,) * 2, (columns // 2,) * 2])
    y = np.zeros(x.shape)
    for (i, j), weight in np.ndenumerate(weights):
        y += weight * padded[:, :, i : i + x.shape[2], j : j + x.shape[3]]
    return y


def _maps(rng: np.random.Generator) -> Array:
    x: Array = rng.standard_normal((2, 3, 8, 7)) + 3 * rng.standard_normal((2, 3, 1, 1))
    return x.astype(np.float32)
