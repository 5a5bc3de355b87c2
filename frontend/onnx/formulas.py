"""The `Math` that writes ONNX: a pointwise op's own formula becomes the body of a function.

So a new pointwise op is exported, and read back, without a line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sightline.frontend.onnx.emitter import Emitter


@dataclass(frozen=True)
class OnnxMath:
    """The functions of a formula, as ONNX operators."""

    emitter: Emitter

    def expression(self, value: str) -> Expression:
        return Expression(self, value)

    def value_of(self, operand: Any) -> str:
        """The value of an expression; a number becomes a constant."""
        if isinstance(operand, Expression):
            return operand.value
        return self.emitter.constant(float(operand))

    def apply(self, op_type: str, *operands: Any) -> Expression:
        values = [self.value_of(operand) for operand in operands]
        return Expression(self, self.emitter.emit(op_type, *values))

    def absolute(self, x: Any) -> Expression:
        return self.apply("Abs", x)

    def exp(self, x: Any) -> Expression:
        return self.apply("Exp", x)

    def maximum(self, x: Any, y: Any) -> Expression:
        return self.apply("Max", x, y)

    def minimum(self, x: Any, y: Any) -> Expression:
        return self.apply("Min", x, y)

    def sqrt(self, x: Any) -> Expression:
        return self.apply("Sqrt", x)

    def tanh(self, x: Any) -> Expression:
        return self.apply("Tanh", x)

    def where(self, condition: Any, x: Any, y: Any) -> Expression:
        return self.apply("Where", condition, x, y)


@dataclass(frozen=True, eq=False)
class Expression:
    """A value of the ONNX graph that Python's operators compute on."""

    math: OnnxMath
    value: str

    def __bool__(self) -> bool:
        raise TypeError(
            "a formula cannot branch while it is written as ONNX: use Math.where, or give the op "
            "an entry in exports.EXPORTS"
        )

    def __add__(self, other: Any) -> Expression:
        return self.math.apply("Add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return self.math.apply("Add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return self.math.apply("Sub", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return self.math.apply("Sub", other, self)

    def __mul__(self, other: Any) -> Expression:
        return self.math.apply("Mul", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return self.math.apply("Mul", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return self.math.apply("Div", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return self.math.apply("Div", other, self)

    def __neg__(self) -> Expression:
        return self.math.apply("Neg", self)

    def __lt__(self, other: Any) -> Expression:
        return self.math.apply("Less", self, other)

    def __le__(self, other: Any) -> Expression:
        return self.math.apply("LessOrEqual", self, other)

    def __gt__(self, other: Any) -> Expression:
        return self.math.apply("Greater", self, other)

    def __ge__(self, other: Any) -> Expression:
        return self.math.apply("GreaterOrEqual", self, other)
