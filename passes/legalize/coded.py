"""What legalization works with: real values as integers times scales, and nodes made on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sightline.ir import fixed
from sightline.ir.constant import Constant
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Node
from sightline.ir.op import Op
from sightline.ir.ops.integer import IntegerAdd, IntegerMul, IntegerSub
from sightline.ir.ops.quantization import Dequantize, Requantize
from sightline.ir.types import Array, Int, Shape
from sightline.passes.refusal import Refusal
from sightline.passes.rewrite import Rewriter


@dataclass(frozen=True)
class Coded:
    """A real value as integers of the new graph: real = scale * (integer - zero_point).

    `scale` in double precision broadcasts with the value: one for all, for each map or place. The
    integers lie from `low` to `high`.
    """

    value: str
    scale: Array
    zero_point: int
    low: int
    high: int

    @property
    def uniform_scale(self) -> float:
        """The one scale of all elements."""
        scales = np.unique(self.scale)
        if len(scales) != 1:
            raise CannotLegalize("its operand has several scales")
        return float(scales[0])


class CannotLegalize(Exception):
    """Why an op cannot be made of integers where it stands."""


class NotQuantized(Exception):
    """An op that has no integers to be made of: it stays in float."""


@dataclass(frozen=True)
class Site:
    """Where integers are to be made: the op whose result is rounded, and what to.

    What is exact is named after that op, and bears its place in the user's model; the rounded
    value has the name of the Quantize node at hand, in whose place it stands.
    """

    rewriter: Rewriter
    node: Node
    to: Encoding

    def operand(self, number: int) -> Coded:
        """An operand of the op, which must be quantized."""
        return self.coded(self.node.inputs[number])

    def coded(self, value: str) -> Coded:
        node = self.rewriter[value]
        if not isinstance(node.op, Dequantize):
            raise NotQuantized
        of = node.op.of
        scale = np.full((1,) * node.type.rank, of.scale)
        storage = of.storage
        return Coded(node.inputs[0], scale, of.zero_point, storage.low, storage.high)

    def constant(self, array: Array, suffix: str, element: Int | None = None) -> str:
        name = f"{self.rewriter.name(self.node)}.{suffix}"
        return self.rewriter.constant(Constant(array, element), like=self.node, name=name)

    def emit(self, op: Op, *inputs: str, suffix: str = "") -> str:
        name = self.rewriter.name(self.node) + (f".{suffix}" if suffix else "")
        return self.rewriter.emit(op, *inputs, like=self.node, name=name)

    def finish(self, op: Op, *inputs: str) -> str:
        """The rounded value."""
        return self.rewriter.emit(op, *inputs)

    def shape(self, value: str) -> Shape:
        return self.rewriter[value].type.shape

    def integers(self, array: Array, suffix: str) -> str:
        """A constant of the narrowest usual integers that hold it."""
        low, high = int(array.min()), int(array.max())
        width = next(w for w in (8, 16, 32, 64) if fixed.width_of(low, high) <= w)
        return self.constant(array.astype(f"i{width // 8}"), suffix)


def centered(site: Site, x: Coded, suffix: str = "centered") -> Coded:
    """The same with its zero point at 0."""
    if not x.zero_point:
        return x
    low, high = x.low - x.zero_point, x.high - x.zero_point
    one = site.integers(np.full((1,) * x.scale.ndim, x.zero_point), "zero_point")
    value = site.emit(IntegerSub(_width(low, high)), x.value, one, suffix=suffix)
    return Coded(value, x.scale, 0, low, high)


def times(site: Site, x: Coded, factors: Array, suffix: str) -> Coded:
    """Integers times whole numbers; what they stand for grows with them, as the scale stays."""
    corners = [int(end) * int(factor) for end in (x.low, x.high) for factor in _ends(factors)]
    value = site.emit(
        IntegerMul(_width(min(corners), max(corners))),
        x.value,
        site.integers(factors, f"{suffix}.factors"),
        suffix=suffix,
    )
    return Coded(value, x.scale, 0, min(corners), max(corners))


def product(site: Site, a: Coded, b: Coded, suffix: str) -> Coded:
    """The product of two centered values."""
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = min(corners), max(corners)
    if a.value == b.value:
        low = 0
    value = site.emit(IntegerMul(_width(low, high)), a.value, b.value, suffix=suffix)
    return Coded(value, a.scale * b.scale, 0, low, high)


def total(site: Site, a: Coded, b: Coded, suffix: str) -> Coded:
    """The sum of two centered values of one scale."""
    low, high = a.low + b.low, a.high + b.high
    value = site.emit(IntegerAdd(_width(low, high)), a.value, b.value, suffix=suffix)
    return Coded(value, a.scale, 0, low, high)


def difference(site: Site, a: Coded, b: Coded, suffix: str) -> Coded:
    """The difference of two values of one scale and zero point."""
    low, high = a.low - b.high, a.high - b.low
    value = site.emit(IntegerSub(_width(low, high)), a.value, b.value, suffix=suffix)
    return Coded(value, a.scale, 0, low, high)


def shifted(site: Site, x: Coded, bits: int, to: Encoding, suffix: str) -> str:
    """x / 2^bits, rounded to integers of an encoding."""
    shape = (1,) * x.scale.ndim
    return site.emit(
        Requantize(to, to.storage.low, to.storage.high),
        x.value,
        site.constant(np.ones(shape, np.int32), "one"),
        site.constant(np.full(shape, bits, np.int8), f"{suffix}.shift"),
        suffix=suffix,
    )


def scaled(x: Coded, factor: float | Array) -> Coded:
    """The same integers, standing for `factor` times as much."""
    return replace(x, scale=x.scale * factor)


def _ends(factors: Array) -> tuple[int, int]:
    return int(factors.min()), int(factors.max())


def _width(low: int, high: int) -> int:
    width = fixed.width_of(low, high)
    if width > MAX_WIDTH:
        raise CannotLegalize(f"its numbers would need {width} bits")
    return max(width, 2)


MAX_WIDTH = 62


EXACT = ".exact"
"""What the name of an op has behind that of the value which its result is rounded to."""


def refusal(node: Node, problem: str, bits: int) -> Refusal:
    """What the user is told of an op that cannot be quantized, to so many bits."""
    name = node.name.removesuffix(EXACT)
    finer = ", or take int16 where its range is wide" if bits < 16 else ""
    return Refusal(
        f"{node.op.kind} cannot be computed in integers: {problem}",
        node=name,
        where=node.where,
        fix=f"Keep it in float, as --precision {name}=float{finer}.",
    )
