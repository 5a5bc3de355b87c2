"""Integer arithmetic as tensor expressions: `ir.fixed` once more, in 64 bits where it must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.build import (
    EACH,
    Build,
    Expr,
    Tensor,
    double,
    dtype_of,
    shape_of,
    spread,
    unless_nan,
)
from sightline.backends.tvm.pooling import around, pool
from sightline.ir.ops.integer import (
    Clamp,
    Exact,
    IntegerAdd,
    IntegerMax,
    IntegerMul,
    IntegerSqrt,
    IntegerSub,
    ReciprocalSqrt,
)
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerSumPool
from sightline.ir.ops.pointwise import broadcast
from sightline.ir.ops.quantization import Dequantize, Lookup, Quantize, Requantize, ScaledWeights
from sightline.ir.types import Int

Cell = Callable[..., Expr]

DOUBLE_BIAS, DOUBLE_FRACTION = 1023, 52
"""Of a double: what is added to its exponent, and the bits below that."""

EXACT: dict[type[Exact], Cell] = {
    IntegerAdd: lambda op, a, b: a + b,
    IntegerSub: lambda op, a, b: a - b,
    IntegerMul: lambda op, a, b: a * b,
    IntegerMax: lambda op, a, b: tirx.max(a, b),
    IntegerSqrt: lambda op, x: root(x),
    ReciprocalSqrt: lambda op, x: root(tirx.truncdiv(long(1 << (2 * op.fraction)), x)),
}
"""What an exact op does with numbers of 64 bits."""


def exact(op: Exact, build: Build, *x: Tensor) -> Tensor:
    shape = broadcast(*map(shape_of, x))

    def cell(*at: Expr) -> Expr:
        return EXACT[type(op)](op, *(spread(operand, at).astype("int64") for operand in x))

    return narrowed(shape, cell, Int(op.bits), "exact")


def clamp(op: Clamp, build: Build, x: Tensor) -> Tensor:
    low, high = (tirx.const(end, dtype_of(x)) for end in (op.low, op.high))
    return te.compute(
        x.shape, lambda *at: tirx.min(tirx.max(x(*at), low), high), "clamp", attrs=EACH
    )


def quantize(op: Quantize, build: Build, x: Tensor) -> Tensor:
    """Held within the integers before it becomes one: what is too large has no integer."""
    to = op.to
    low, high = (float(end - to.zero_point) for end in (to.storage.low, to.storage.high))

    def cell(*at: Expr) -> Expr:
        steps = tirx.nearbyint(x(*at) / tirx.const(np.float32(to.scale), "float32"))
        held = tirx.min(tirx.max(steps, tirx.const(low, "float32")), tirx.const(high, "float32"))
        whole = unless_nan(steps, held, tirx.const(0.0, "float32"))
        return whole.astype("int32") + to.zero_point

    return narrowed(shape_of(x), cell, to.storage, "quantize")


def dequantize(op: Dequantize, build: Build, x: Tensor) -> Tensor:
    of = op.of

    def cell(*at: Expr) -> Expr:
        centered = x(*at).astype("int32") - of.zero_point
        return centered.astype("float32") * tirx.const(np.float32(of.scale), "float32")

    return te.compute(x.shape, cell, "dequantize", attrs=EACH)


def scaled_weights(op: ScaledWeights, build: Build, x: Tensor, scales: Tensor) -> Tensor:
    return te.compute(x.shape, lambda *at: x(*at).astype("float32") * scales(at[0]), "weights")


def requantize(
    op: Requantize, build: Build, x: Tensor, multipliers: Tensor, shifts: Tensor
) -> Tensor:
    """In doubles, which hold 53 bits exactly and are quicker in vectors; wide numbers in 64 bits.

    A product of 32 bits by 17, scaled by a power of two, and a half have no more than those.
    """
    if dtype_of(x) != "int64":
        return _requantize_in_doubles(op, build, x, multipliers, shifts)

    def cell(*at: Expr) -> Expr:
        shift = spread(shifts, at).astype("int64")
        product = x(*at).astype("int64") * spread(multipliers, at).astype("int64")
        half = tirx.shift_left(long(1), shift - long(1))
        steps = tirx.shift_right(product + half, shift) + long(op.to.zero_point)
        return tirx.min(tirx.max(steps, long(op.low)), long(op.high))

    return narrowed(shape_of(x), cell, op.to.storage, "requantize")


def _requantize_in_doubles(
    op: Requantize, build: Build, x: Tensor, multipliers: Tensor, shifts: Tensor
) -> Tensor:
    low, high = (end - op.to.zero_point for end in (op.low, op.high))

    def factor(*at: Expr) -> Expr:
        exponent = tirx.const(DOUBLE_BIAS, "int64") - shifts(*at).astype("int64")
        scale = tirx.reinterpret("float64", tirx.shift_left(exponent, long(DOUBLE_FRACTION)))
        return multipliers(*at).astype("float64") * scale

    # Once for a kernel; a GPU would start another kernel for it.
    attrs = EACH if build.machine.is_gpu else None
    factors = te.compute(shape_of(multipliers), factor, "factors", attrs=attrs)

    def cell(*at: Expr) -> Expr:
        steps = x(*at).astype("float64") * spread(factors, at) + double(0.5)
        # Held half a step above the ends, which round down to them.
        held = tirx.min(tirx.max(steps, double(low + 0.5)), double(high + 0.5))
        # To become an integer rounds down itself what is not negative.
        whole = held if low >= 0 else tirx.floor(held)
        return whole.astype("int32") + tirx.const(op.to.zero_point, "int32")

    return narrowed(shape_of(x), cell, op.to.storage, "requantize")


def lookup(op: Lookup, build: Build, x: Tensor, table: Tensor) -> Tensor:
    low = shape_of(table)[0] // 2 if dtype_of(x).startswith("int") else 0
    return te.compute(
        x.shape, lambda *at: table(x(*at).astype("int32") + low), "lookup", attrs=EACH
    )


def sum_pool(op: IntegerSumPool, build: Build, x: Tensor) -> Tensor:
    wide = "int32" if op.bits <= 32 else "int64"
    zero_point = tirx.const(op.zero_point, wide)
    centered = te.compute(
        x.shape, lambda *at: x(*at).astype(wide) - zero_point, "centered", attrs=EACH
    )
    sums = pool(op.window, around(op.window, build, centered, tirx.const(0, wide)), te.sum)
    return narrowed(shape_of(sums), sums, Int(op.bits), "sums")


def bilinear(op: IntegerBilinear, build: Build, x: Tensor) -> Tensor:
    shape = (*shape_of(x)[:2], *op.size)
    taps = [
        [build.table(np.asarray(each, np.int32)) for each in op.taps(axis, shape_of(x)[2 + axis])]
        for axis in (0, 1)
    ]
    one = long(1 << op.fraction)

    def between(first: Expr, second: Expr, part: Expr) -> Expr:
        return first * (one - part.astype("int64")) + second * part.astype("int64")

    def cell(n: Expr, c: Expr, i: Expr, j: Expr) -> Expr:
        (tops, bottoms, downs), (lefts, rights, overs) = taps

        def along(row: Expr) -> Expr:
            left, right = (x(n, c, row, side(j)).astype("int64") for side in (lefts, rights))
            return between(left, right, overs(j))

        return between(along(tops(i)), along(bottoms(i)), downs(i))

    return narrowed(shape, cell, Int(op.bits), "bilinear")


def root(x: Expr) -> Expr:
    """floor(sqrt(x)): the nearest double's, put right by one at the most."""
    near = tirx.sqrt(x.astype("float64")).astype("int64")
    held = near - tirx.Select(near * near > x, long(1), long(0))
    return held + tirx.Select((held + long(1)) * (held + long(1)) <= x, long(1), long(0))


def narrowed(shape: Sequence[int], cell: Cell, storage: Int, name: str) -> Tensor:
    """A stage whose numbers fit the integers that they become."""
    dtype = storage.dtype.name
    return te.compute(tuple(shape), lambda *at: cell(*at).astype(dtype), name, attrs=EACH)


def long(number: int) -> Expr:
    return tirx.const(number, "int64")
