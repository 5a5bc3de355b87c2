"""Ops on each number by itself, written once as a formula that every target reads.

A formula uses Python's arithmetic and comparisons, and a `Math` for the rest. NumPy evaluates it on
arrays, a test on single floats, TVM on its expressions, and ONNX export writes its nodes: so a
pointwise op is one class, and works everywhere (docs/ADDING_AN_OP.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float
from sightline.ir.types import Array, Shape, TensorType


class Math(Protocol):
    """The functions that a formula may use besides + - * / and comparisons."""

    def absolute(self, x: Any) -> Any: ...
    def exp(self, x: Any) -> Any: ...
    def maximum(self, x: Any, y: Any) -> Any: ...
    def minimum(self, x: Any, y: Any) -> Any: ...
    def sqrt(self, x: Any) -> Any: ...
    def tanh(self, x: Any) -> Any: ...
    def where(self, condition: Any, x: Any, y: Any) -> Any: ...


class Pointwise(Op):
    """y = formula(x, ...) element by element; operands broadcast as in NumPy."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("formula",)
    arity: ClassVar[int] = 1

    def is_monotone(self) -> bool:
        """Whether x <= x' implies y <= y', so that max pooling may come first."""
        return False

    def formula(self, m: Math, *x: Any) -> Any:
        raise TypeError(f"{type(self).__name__} lacks formula")

    def infer(self, *x: TensorType) -> TensorType:
        if len(x) != self.arity:
            raise TypeError(f"{self.kind} takes {self.arity} operands, not {len(x)}")
        require_float(*x)
        return x[0].with_shape(broadcast(*(operand.shape for operand in x)))

    def evaluate(self, *x: Array) -> Array:
        with np.errstate(over="ignore"):
            y: Array = np.asarray(self.formula(np, *x), np.float32)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        """The op with its default attributes, on numbers of both signs and of every size."""
        x = rng.standard_normal((2, 3, 5, 4)) * 10.0 ** rng.integers(-2, 2, (2, 3, 5, 4))
        return Sample(cls(), (x.astype(np.float32),))


def broadcast(*shapes: Shape) -> Shape:
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        listed = " and ".join(str(list(shape)) for shape in shapes)
        raise UserError(
            f"shapes {listed} do not broadcast: each size must be equal, or 1"
        ) from None


@op
@dataclass(frozen=True)
class Relu(Pointwise):
    """y = max(x, 0)."""

    def is_monotone(self) -> bool:
        return True

    def formula(self, m: Math, x: Any) -> Any:
        return m.maximum(x, 0.0)


@op
@dataclass(frozen=True)
class LeakyRelu(Pointwise):
    """y = x where x is positive, slope * x elsewhere."""

    slope: float = 0.01

    def infer(self, *x: TensorType) -> TensorType:
        if not math.isfinite(self.slope):
            raise UserError(f"a leaky ReLU needs a finite slope, found {self.slope}")
        return super().infer(*x)

    def is_monotone(self) -> bool:
        return self.slope >= 0

    def formula(self, m: Math, x: Any) -> Any:
        if self.slope == 0:  # not 0 * x, which is no number where x is infinite
            return m.maximum(x, 0.0)
        return m.where(x > 0.0, x, x * self.slope)


@op
@dataclass(frozen=True)
class Clip(Pointwise):
    """y = x held within low and high; either may be infinite."""

    low: float = -1.0
    high: float = 1.0

    def is_monotone(self) -> bool:
        return True

    def infer(self, *x: TensorType) -> TensorType:
        if not self.low <= self.high:
            raise UserError(f"clip needs low <= high, found low {self.low} and high {self.high}")
        return super().infer(*x)

    def formula(self, m: Math, x: Any) -> Any:
        y = x if self.low == -math.inf else m.maximum(x, self.low)
        return y if self.high == math.inf else m.minimum(y, self.high)


@op
@dataclass(frozen=True)
class Tanh(Pointwise):
    """y = tanh(x)."""

    def is_monotone(self) -> bool:
        return True

    def formula(self, m: Math, x: Any) -> Any:
        return m.tanh(x)


@op
@dataclass(frozen=True)
class Sigmoid(Pointwise):
    """y = 1 / (1 + exp(-x))."""

    def is_monotone(self) -> bool:
        return True

    def formula(self, m: Math, x: Any) -> Any:
        return 1.0 / (1.0 + m.exp(-x))


@op
@dataclass(frozen=True)
class SoftShrink(Pointwise):
    """y = x brought nearer to zero by `threshold`, and zero within it."""

    threshold: float = 0.5

    def is_monotone(self) -> bool:
        return True

    def infer(self, *x: TensorType) -> TensorType:
        if not self.threshold >= 0:
            raise UserError(
                f"soft shrinkage needs a threshold of at least 0, found {self.threshold}"
            )
        return super().infer(*x)

    def formula(self, m: Math, x: Any) -> Any:
        return m.maximum(x - self.threshold, 0.0) + m.minimum(x + self.threshold, 0.0)


@op
@dataclass(frozen=True)
class Abs(Pointwise):
    """y = |x|."""

    def formula(self, m: Math, x: Any) -> Any:
        return m.absolute(x)
