"""Data moved, selected and named anew, never computed on. These take any element."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import positive_axis, require_maps
from sightline.ir.types import Array, Shape, TensorType


@op
@dataclass(frozen=True)
class Identity(Op):
    """y = x. What dropout is once training is over; `simplify` removes it."""

    def infer(self, x: TensorType) -> TensorType:
        return x

    def evaluate(self, x: Array) -> Array:
        return x

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(), (_random(rng),))


@op
@dataclass(frozen=True)
class Concat(Op):
    """The operands one after the other along an axis."""

    axis: int = 1

    def infer(self, *x: TensorType) -> TensorType:
        if not x:
            raise UserError("a concatenation has no operands")
        axis = positive_axis(self.axis, x[0].rank)
        for other in x[1:]:
            rest = other.shape[:axis] + other.shape[axis + 1 :]
            if rest != x[0].shape[:axis] + x[0].shape[axis + 1 :] or other.rank != x[0].rank:
                raise UserError(
                    f"cannot concatenate {x[0]} and {other} along axis {self.axis}: their other "
                    "sizes differ"
                )
            if other.element != x[0].element:
                raise UserError(f"cannot concatenate {x[0]} and {other}: their elements differ")
        total = sum(operand.shape[axis] for operand in x)
        return x[0].with_shape((*x[0].shape[:axis], total, *x[0].shape[axis + 1 :]))

    def evaluate(self, *x: Array) -> Array:
        return np.concatenate(x, self.axis)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        axis = int(rng.integers(-4, 4))
        shapes = [[2, 3, 4, 5] for _ in range(int(rng.integers(1, 4)))]
        for shape in shapes:
            shape[axis] = int(rng.integers(1, 4))
        return Sample(cls(axis), tuple(_random(rng, tuple(shape)) for shape in shapes))


@op
@dataclass(frozen=True)
class Slice(Op):
    """y = x[starts : stops : steps], one number per axis of x, all counted from the front.

    A negative step walks backwards; a stop of -1 then means through the first element.
    """

    starts: Shape
    stops: Shape
    steps: Shape

    def infer(self, x: TensorType) -> TensorType:
        if not len(self.starts) == len(self.stops) == len(self.steps) == x.rank:
            raise UserError(
                f"the slice {list(self.starts)} to {list(self.stops)} by {list(self.steps)} does "
                f"not give one number for each axis of {x}"
            )
        for start, stop, step, size in zip(
            self.starts, self.stops, self.steps, x.shape, strict=True
        ):
            if step == 0 or not (0 <= start < size and -1 <= stop <= size):
                raise UserError(
                    f"the slice {start} to {stop} by {step} lies outside an axis of {size}"
                )
        shape = tuple(map(len, self._ranges()))
        if 0 in shape:
            raise UserError(
                f"the slice {list(self.starts)} to {list(self.stops)} by {list(self.steps)} of {x} "
                "is empty"
            )
        return x.with_shape(shape)

    def _ranges(self) -> list[range]:
        return [range(*bounds) for bounds in zip(self.starts, self.stops, self.steps, strict=True)]

    def evaluate(self, x: Array) -> Array:
        bounds = [
            slice(start, None if stop < 0 else stop, step)
            for start, stop, step in zip(self.starts, self.stops, self.steps, strict=True)
        ]
        y: Array = x[tuple(bounds)]
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = _random(rng)
        ranges = []
        for size in x.shape:
            low, high = sorted(rng.choice(size + 1, 2, replace=False).tolist())
            step = int(rng.integers(1, 3))
            ranges.append((low, high, step) if rng.random() < 0.7 else (high - 1, low - 1, -step))
        starts, stops, steps = zip(*ranges, strict=True)
        return Sample(cls(starts, stops, steps), (x,))


@op
@dataclass(frozen=True)
class Pad(Op):
    """x with `pads` (all begins, then all ends) around it, for every axis.

    `mode` is "constant" (`value` fills), "edge" (the border repeats) or "reflect" (the border is a
    mirror and does not repeat).
    """

    pads: Shape
    mode: str = "constant"
    value: float = 0.0

    def infer(self, x: TensorType) -> TensorType:
        if not x.rank:
            raise UserError(f"{x} has no axis to pad")
        if len(self.pads) != 2 * x.rank or min(self.pads) < 0:
            raise UserError(
                f"pads {list(self.pads)} must be {2 * x.rank} numbers of at least 0 for {x}"
            )
        if self.mode not in ("constant", "edge", "reflect"):
            raise UserError(
                f"the pad mode '{self.mode}' is not supported", fix="Use constant, edge or reflect."
            )
        if self.mode == "reflect" and any(
            max(pair) >= size for pair, size in zip(self.pairs, x.shape, strict=True)
        ):
            raise UserError(f"pads {list(self.pads)} reflect more than there is of {x}")
        if not x.element.holds(self.value):
            raise UserError(f"padding with {self.value} is not possible: {x} cannot hold it")
        return x.with_shape(
            tuple(size + sum(pair) for size, pair in zip(x.shape, self.pairs, strict=True))
        )

    @property
    def pairs(self) -> list[tuple[int, int]]:
        rank = len(self.pads) // 2
        return list(zip(self.pads[:rank], self.pads[rank:], strict=True))

    def evaluate(self, x: Array) -> Array:
        if self.mode == "constant":
            return np.pad(x, self.pairs, constant_values=x.dtype.type(self.value))
        return np.pad(x, self.pairs, mode="edge" if self.mode == "edge" else "reflect")

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        mode = str(rng.choice(["constant", "edge", "reflect"]))
        pads = (0, 0, *rng.integers(0, 3, 2).tolist()) * 2
        return Sample(cls(pads, mode, 1.5 if mode == "constant" else 0.0), (_random(rng),))


@op
@dataclass(frozen=True)
class Stuff(Op):
    """The pixels of maps set apart: y[factor i] = x[i] along each axis, and `value` between them.

    The last pixel is followed by `value` too, so that sizes grow by the factors.
    """

    factors: Shape
    value: float = 0.0

    def infer(self, x: TensorType) -> TensorType:
        require_maps(x)
        if len(self.factors) != 2 or min(self.factors) < 1:
            raise UserError(f"factors are two numbers of at least 1, found {list(self.factors)}")
        if not x.element.holds(self.value):
            raise UserError(f"{x} cannot hold {self.value}")
        grown = (size * factor for size, factor in zip(x.spatial, self.factors, strict=True))
        return x.with_shape((*x.shape[:2], *grown))

    def evaluate(self, x: Array) -> Array:
        rows, columns = self.factors
        height, width = x.shape[2:]
        shape = (*x.shape[:2], height * rows, width * columns)
        y = np.full(shape, self.value, x.dtype)
        y[:, :, ::rows, ::columns] = x
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(tuple(rng.integers(1, 4, 2).tolist()), 1.5), (_random(rng),))


@op
@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in the same order under another shape."""

    shape: Shape

    def infer(self, x: TensorType) -> TensorType:
        if min(self.shape, default=1) < 1 or math.prod(self.shape) != x.size:
            raise UserError(
                f"cannot reshape {x} of {x.size} elements to {list(self.shape)} of "
                f"{math.prod(self.shape)}"
            )
        return x.with_shape(self.shape)

    def evaluate(self, x: Array) -> Array:
        return x.reshape(self.shape)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls((4, 3, 10)), (_random(rng),))


@op
@dataclass(frozen=True)
class Flatten(Op):
    """The axes before `axis` as one, and those from `axis` on as another."""

    axis: int = 1

    def infer(self, x: TensorType) -> TensorType:
        if not -x.rank <= self.axis <= x.rank:
            raise UserError(f"axis {self.axis} lies outside the {x.rank} axes of the operand")
        axis = self.axis + x.rank if self.axis < 0 else self.axis
        return x.with_shape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))

    def evaluate(self, x: Array) -> Array:
        axis = self.axis + x.ndim if self.axis < 0 else self.axis
        return x.reshape(math.prod(x.shape[:axis]), -1)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(int(rng.integers(-3, 5))), (_random(rng),))


@op
@dataclass(frozen=True)
class Transpose(Op):
    """Axis i of the result is axis `order[i]` of x."""

    order: Shape

    def infer(self, x: TensorType) -> TensorType:
        if sorted(self.order) != list(range(x.rank)):
            raise UserError(f"{list(self.order)} does not order the {x.rank} axes of {x}")
        return x.with_shape(tuple(x.shape[axis] for axis in self.order))

    def evaluate(self, x: Array) -> Array:
        return x.transpose(self.order)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(tuple(rng.permutation(4).tolist())), (_random(rng),))


@op
@dataclass(frozen=True)
class Gather(Op):
    """The listed slices of x along an axis, in the listed order; a slice may come twice."""

    axis: int
    indices: Shape

    def infer(self, x: TensorType) -> TensorType:
        axis = positive_axis(self.axis, x.rank)
        if not self.indices or min(self.indices) < 0 or max(self.indices) >= x.shape[axis]:
            raise UserError(
                f"indices run from 0 to {x.shape[axis] - 1} along axis {self.axis} of {x}, found "
                f"{list(self.indices)}"
            )
        return x.with_shape((*x.shape[:axis], len(self.indices), *x.shape[axis + 1 :]))

    def evaluate(self, x: Array) -> Array:
        return np.take(x, self.indices, self.axis)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        x = _random(rng)
        axis = int(rng.integers(-4, 4))
        indices = tuple(rng.integers(0, x.shape[axis], 5).tolist())
        return Sample(cls(axis, indices), (x,))


MOVEMENT = (Concat, Flatten, Gather, Identity, Pad, Reshape, Slice, Stuff, Transpose)
"""All of these: their results are elements of their operands, or what they fill in."""


def _random(rng: np.random.Generator, shape: Shape = (2, 3, 4, 5)) -> Array:
    return rng.standard_normal(shape).astype(np.float32)
