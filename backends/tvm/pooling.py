"""Poolings as tensor expressions."""

from __future__ import annotations

import functools
import operator
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
    lowest,
    padded,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.formula import larger
from sightline.backends.tvm.movement import held
from sightline.ir.ops.integer_bank import IntegerSumPool
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.types import Int
from sightline.ir.window import Window

largest = te.comm_reducer(lambda x, y: larger(x, y), lowest, name="largest")
"""A maximum that starts from minus infinity, and lets NaN through."""


WRITTEN_OUT = 8
"""The largest whole power that is written as a product."""


def max_pool(op: MaxPool, build: Build, x: Tensor) -> Tensor:
    window, shape = op.window, shape_of(x)
    if build.layout.lanes and set(window.dilation) == {1}:
        # The nearest pixel is in the window too, and so may stand for what lies outside.
        inside = te.compute(
            (*shape[:2], *window.padded(shape[2:])),
            lambda n, c, *at: x(n, c, *_nearest(window, at, shape[2:])),
            "nearest",
            attrs=EACH,
        )
        return pool(window, inside, largest)
    return pool(window, around(window, build, x, lowest(dtype_of(x))), largest)


def sum_pool(op: SumPool, build: Build, x: Tensor) -> Tensor:
    return pool(op.window, around(op.window, build, x, 0.0), te.sum)


def average_pool(op: AveragePool, build: Build, x: Tensor) -> Tensor:
    counts = build.table(op.counts(shape_of(x)[2:]).astype(np.float32))
    sums = pool(op.window, around(op.window, build, x, 0.0), te.sum)
    return te.compute(
        sums.shape, lambda n, c, *at: sums(n, c, *at) / counts(*at), "average", attrs=EACH
    )


def lp_pool(op: LPPool, build: Build, x: Tensor) -> Tensor:
    """In double precision, as powers leave the range of floats long before their root does."""

    def power_at(*at: Expr) -> Expr:
        return power(tirx.abs(x(*at)).astype("float64"), op.p)

    def root(*at: Expr) -> Expr:
        total = sums(*at)
        roots = {1.0: total, 2.0: tirx.sqrt(total)}
        return roots.get(op.p, tirx.power(total, double(1.0 / op.p))).astype("float32")

    powers = te.compute(x.shape, power_at, "powers", attrs=EACH if build.layout.lanes else None)
    sums = pool(op.window, around(op.window, build, powers, double(0.0)), te.sum)
    return te.compute(sums.shape, root, "roots", attrs=EACH)


def power(size: Expr, p: float) -> Expr:
    """A power of what is not negative. (TVM's own warns of negative bases from the third on.)"""
    if p <= WRITTEN_OUT and p == int(p):
        return functools.reduce(operator.mul, [size] * int(p))
    return tirx.exp(tirx.log(size) * double(p))


def global_average_pool(op: GlobalAveragePool, build: Build, x: Tensor) -> Tensor:
    batch, channels, *spatial = shape_of(x)
    rows, columns = (te.reduce_axis((0, size)) for size in spatial)
    sums = te.compute(
        (batch, channels, 1, 1),
        lambda n, c, *_: te.sum(x(n, c, rows, columns).astype("float64"), [rows, columns]),
        "sums",
    )
    pixels = double(spatial[0] * spatial[1])
    return te.compute(
        sums.shape, lambda *at: (sums(*at) / pixels).astype("float32"), "average", attrs=EACH
    )


def global_max_pool(op: GlobalMaxPool, build: Build, x: Tensor) -> Tensor:
    batch, channels, *spatial = shape_of(x)
    taps = reduce_axes(spatial)
    return te.compute(
        (batch, channels, 1, 1), lambda n, c, *_: largest(x(n, c, *taps), axis=taps), "largest"
    )


def around(window: Window, build: Build, x: Tensor, fill: Expr) -> Tensor:
    """x with what the window adds around it: a copy, unless vectors hold maps.

    Then it is one question a pixel whether that lies outside, and not one a lane. The threads of a
    GPU each ask too.
    """
    asks = build.layout.lanes or build.machine.is_gpu
    return padded(x, window.pad_pairs, fill, EACH if asks else None)


def pool(window: Window, x: Tensor, reduce: Callable[..., Expr]) -> Tensor:
    """The window's cells of the padded x reduced to one, at every position."""
    batch, channels, *spatial = shape_of(x)
    out = Window(window.kernel, window.strides, dilation=window.dilation).slide(tuple(spatial))
    taps = reduce_axes(window.kernel)
    return te.compute(
        (batch, channels, *out),
        lambda n, c, *at: reduce(x(n, c, *seen(window, at, taps)), axis=taps),
        "pool",
    )


def pool_cells(op: MaxPool | SumPool | IntegerSumPool, x: Tensor) -> Tensor:
    """Windows pooled, of `[N, C, pixels]` with the pixels of each window side by side."""
    batch, channels, pixels = shape_of(x)
    shape = (batch, channels, pixels // op.window.taps)
    cell = te.reduce_axis((0, op.window.taps), "cell")
    reduce = largest if isinstance(op, MaxPool) else te.sum

    def number(n: Expr, c: Expr, pixel: Expr) -> Expr:
        one = x(n, c, pixel * op.window.taps + cell)
        if isinstance(op, IntegerSumPool):
            wide = "int32" if op.bits <= 32 else "int64"
            one = one.astype(wide) - tirx.const(op.zero_point, wide)
        return reduce(one, axis=cell)

    sums = te.compute(shape, number, "pool")
    if not isinstance(op, IntegerSumPool):
        return sums
    narrow = Int(op.bits).dtype.name
    return te.compute(shape, lambda *at: sums(*at).astype(narrow), "sums", attrs=EACH)


def seen(window: Window, at: Sequence[Expr], taps: Sequence[Expr]) -> list[Expr]:
    """Where the tap of the window at a position lies in the padded input."""
    return [
        place * stride + tap * dilation
        for place, stride, tap, dilation in zip(
            at, window.strides, taps, window.dilation, strict=True
        )
    ]


def _nearest(window: Window, at: Sequence[Expr], sizes: Sequence[int]) -> list[Expr]:
    """Where the pixel lies that is nearest to a place of the padded input."""
    places = zip(at, window.pads, sizes, strict=False)
    return [held(place - begin, size) for place, begin, size in places]
