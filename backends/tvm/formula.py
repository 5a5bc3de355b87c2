"""The functions that pointwise formulas use, as TVM expressions that LLVM turns into vectors.

TVM's own exp and tanh become one call of the C library per number, five to eight times slower.
Unlike TVM's max and min, ours let NaN through, as NumPy's do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tvm import te, tirx

from sightline.backends.tvm.build import EACH, WITHIN, Expr, Tensor, is_float, unless_nan
from sightline.ir.types import Shape

LOG2_HIGH, LOG2_LOW = 0.693359375, math.log(2) - 0.693359375
"""log(2) in two parts; the first has few bits, so that multiples of it are exact."""

TAYLOR_TERMS = 7
"""Leaves a relative error of 5e-9 for exp on [-log(2)/2, log(2)/2]."""

SMALL = 0.25
"""Below it tanh is a series, since 1 - 2 / (exp(2x) + 1) would cancel."""


def value(x: Any) -> Expr:
    """An expression for a number or an expression; numbers are single precision."""
    return tirx.const(x, "float32") if isinstance(x, int | float) else x


def computed(
    shape: Shape,
    cell: Callable[..., Any],
    name: str,
    attrs: Mapping[str, int] | None = EACH,
) -> Tensor:
    """A stage whose elements are `cell(formula, *place)`.

    What the formula names becomes a stage as well, of one number within the innermost loop: a
    register in the end. (TVM's analysis would put `Let` expressions back in each of their places.)
    """
    stages: list[Tensor] = []

    def evaluate(at: tuple[Expr, ...]) -> list[Expr]:
        """What the formula names, in terms of what is a stage already; then its result."""
        formula = Formula([stage(*at) for stage in stages])
        result = value(cell(formula, *at))
        return [*formula.named, result]

    somewhere = tuple(tirx.Var(f"i{axis}", "int32") for axis in range(len(shape)))
    for number in range(len(evaluate(somewhere)) - 1):

        def element(*at: Expr) -> Expr:
            return evaluate(at)[len(stages)]

        stages.append(te.compute(shape, element, f"{name}_{number}", attrs={WITHIN: 1}))
    return te.compute(shape, lambda *at: evaluate(at)[-1], name, attrs=attrs)


class Formula:
    """`ir.ops.pointwise.Math` on expressions, for one formula at a time.

    What is used more than once gets a name, or expressions would multiply with every function that
    takes another one's result. `known` are the first names that it will give, in order.
    """

    def __init__(self, known: Sequence[Expr] = ()) -> None:
        self.named: list[Expr] = []
        self._names = list(known)

    def name(self, x: Any) -> Expr:
        """A name for an expression; numbers and names stay what they are."""
        x = value(x)
        if isinstance(x, tirx.FloatImm) or any(x.same_as(name) for name in self._names):
            return x
        self.named.append(x)
        if len(self.named) > len(self._names):
            self._names.append(tirx.Var("t", x.ty))
        return self._names[len(self.named) - 1]

    def absolute(self, x: Any) -> Expr:
        return tirx.abs(value(x))

    def exp(self, x: Any) -> Expr:
        """exp(r) by its series times 2^n, for x = n log(2) + r."""
        x = self.name(x)
        held = self.name(self.minimum(self.maximum(x, -104.0), 89.0))  # beyond, 0 and infinity
        n = self.name(tirx.nearbyint(held * (1 / math.log(2))))
        r = self.name(held - n * LOG2_HIGH - n * LOG2_LOW)
        series = value(1.0)
        for term in range(TAYLOR_TERMS, 0, -1):
            series = series * (r * (1.0 / term)) + 1.0
        # 2^n in two factors, since 2^128 and 2^-150 have no representation of their own.
        whole = n.astype("int32")
        half = tirx.shift_right(whole, tirx.const(1, "int32"))
        power = series * _power_of_two(half) * _power_of_two(whole - half)
        return unless_nan(x, power, x)

    def maximum(self, x: Any, y: Any) -> Expr:
        return larger(self.name(x), self.name(y))

    def minimum(self, x: Any, y: Any) -> Expr:
        return smaller(self.name(x), self.name(y))

    def sqrt(self, x: Any) -> Expr:
        return tirx.sqrt(value(x))

    def tanh(self, x: Any) -> Expr:
        x = self.name(x)
        size, square = self.name(tirx.abs(x)), self.name(x * x)
        series = x * (
            1.0
            + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
        )
        large = self.name(1.0 - 2.0 / (self.exp(size * 2.0) + 1.0))
        signed = tirx.Select(x < 0.0, 0.0 - large, large)
        return tirx.Select(size < SMALL, series, signed)

    def where(self, condition: Any, x: Any, y: Any) -> Expr:
        return tirx.Select(condition, value(x), value(y))


def larger(x: Expr, y: Expr) -> Expr:
    """The larger of two names, or NaN if either is."""
    return _choose(x, y, x <= y)


def smaller(x: Expr, y: Expr) -> Expr:
    """The smaller of two names, or NaN if either is."""
    return _choose(x, y, x >= y)


def _choose(x: Expr, y: Expr, y_wins: Expr) -> Expr:
    """y where it wins or is NaN; else x, which so wins if it is NaN, as no comparison holds."""
    chosen = tirx.Select(y_wins, y, x)
    if is_float(y) and not isinstance(y, tirx.FloatImm):
        return unless_nan(y, chosen, y)
    return chosen


def _power_of_two(exponent: Expr) -> Expr:
    return tirx.reinterpret("float32", tirx.shift_left(exponent + 127, tirx.const(23, "int32")))
