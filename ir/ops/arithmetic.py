"""Sums, differences and products of two values, which broadcast as in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sightline.ir.op import Sample, op
from sightline.ir.ops.pointwise import Math, Pointwise


class Binary(Pointwise):
    """A pointwise op of two operands."""

    arity: ClassVar[int] = 2

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        shapes = [(2, 3, 5, 4), (1, 3, 1, 1), (3, 1, 4), (2, 1, 5, 1)]
        left, right = rng.choice(len(shapes), 2)
        x = rng.standard_normal(shapes[left]).astype(np.float32)
        y = rng.standard_normal(shapes[right]).astype(np.float32)
        return Sample(cls(), (x, y)) if rng.random() < 0.5 else Sample(cls(), (x,), (y,))


@op
@dataclass(frozen=True)
class Add(Binary):
    """y = a + b."""

    def formula(self, m: Math, a: Any, b: Any) -> Any:
        return a + b


@op
@dataclass(frozen=True)
class Sub(Binary):
    """y = a - b."""

    def formula(self, m: Math, a: Any, b: Any) -> Any:
        return a - b


@op
@dataclass(frozen=True)
class Mul(Binary):
    """y = a * b."""

    def formula(self, m: Math, a: Any, b: Any) -> Any:
        return a * b
