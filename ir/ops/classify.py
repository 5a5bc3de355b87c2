"""From scores to probabilities and labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import positive_axis, require_float
from sightline.ir.types import Array, Int, TensorType


@op
@dataclass(frozen=True)
class Softmax(Op):
    """y = exp(x) over its sum along the axis."""

    axis: int = 1

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        positive_axis(self.axis, x.rank)
        return x

    def evaluate(self, x: Array) -> Array:
        powers = np.exp(x - x.max(self.axis, keepdims=True))
        y: Array = powers / powers.sum(self.axis, keepdims=True)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = 5 * rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
        return Sample(cls(int(rng.integers(-4, 4))), (x,))


@op
@dataclass(frozen=True)
class ArgMax(Op):
    """The index of the largest x along the axis, the lowest of those that tie; the axis goes."""

    axis: int = 1

    def infer(self, x: TensorType) -> TensorType:
        axis = positive_axis(self.axis, x.rank)
        return TensorType((*x.shape[:axis], *x.shape[axis + 1 :]), Int(32))

    def evaluate(self, x: Array) -> Array:
        return np.asarray(np.argmax(x, self.axis), np.int32)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        # Few distinct values, so that ties are frequent.
        x = rng.integers(0, 4, (2, 6, 4, 5)).astype(np.float32)
        return Sample(cls(int(rng.integers(-4, 4))), (x,))
