"""Poolings as tensor expressions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.build import (
    Build,
    Expr,
    Tensor,
    dtype_of,
    lowest,
    padded,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.formula import larger
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.window import Window

largest = te.comm_reducer(lambda x, y: larger(x, y), lowest, name="largest")
"""A maximum that starts from minus infinity, and lets NaN through."""


WRITTEN_OUT = 8
"""The largest whole power that is written as a product."""


def max_pool(op: MaxPool, build: Build, x: Tensor) -> Tensor:
    return pool(op.window, padded(x, op.window.pad_pairs, lowest(dtype_of(x))), largest)


def sum_pool(op: SumPool, build: Build, x: Tensor) -> Tensor:
    return pool(op.window, padded(x, op.window.pad_pairs, 0.0), te.sum)


def average_pool(op: AveragePool, build: Build, x: Tensor) -> Tensor:
    counts = build.table(op.counts(shape_of(x)[2:]).astype(np.float32))
    sums = pool(op.window, padded(x, op.window.pad_pairs, 0.0), te.sum)
    return te.compute(sums.shape, lambda n, c, *at: sums(n, c, *at) / counts(*at), "average")


def lp_pool(op: LPPool, build: Build, x: Tensor) -> Tensor:
    """In double precision, as powers leave the range of floats long before their root does."""

    def power_at(*at: Expr) -> Expr:
        return power(tirx.abs(x(*at)).astype("float64"), op.p)

    def root(*at: Expr) -> Expr:
        total = sums(*at)
        roots = {1.0: total, 2.0: tirx.sqrt(total)}
        return roots.get(op.p, tirx.power(total, _double(1.0 / op.p))).astype("float32")

    powers = te.compute(x.shape, power_at, "powers")
    sums = pool(op.window, padded(powers, op.window.pad_pairs, _double(0.0)), te.sum)
    return te.compute(sums.shape, root, "roots")


def power(size: Expr, p: float) -> Expr:
    """A power of what is not negative. (TVM's own warns of negative bases from the third on.)"""
    if p <= WRITTEN_OUT and p == int(p):
        return functools.reduce(operator.mul, [size] * int(p))
    return tirx.exp(tirx.log(size) * _double(p))


def global_average_pool(op: GlobalAveragePool, build: Build, x: Tensor) -> Tensor:
    batch, channels, *spatial = shape_of(x)
    rows, columns = (te.reduce_axis((0, size)) for size in spatial)
    sums = te.compute(
        (batch, channels, 1, 1),
        lambda n, c, *_: te.sum(x(n, c, rows, columns).astype("float64"), [rows, columns]),
        "sums",
    )
    pixels = _double(spatial[0] * spatial[1])
    return te.compute(sums.shape, lambda *at: (sums(*at) / pixels).astype("float32"), "average")


def global_max_pool(op: GlobalMaxPool, build: Build, x: Tensor) -> Tensor:
    batch, channels, *spatial = shape_of(x)
    taps = reduce_axes(spatial)
    return te.compute(
        (batch, channels, 1, 1), lambda n, c, *_: largest(x(n, c, *taps), axis=taps), "largest"
    )


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


def seen(window: Window, at: Sequence[Expr], taps: Sequence[Expr]) -> list[Expr]:
    """Where the tap of the window at a position lies in the padded input."""
    return [
        place * stride + tap * dilation
        for place, stride, tap, dilation in zip(
            at, window.strides, taps, window.dilation, strict=True
        )
    ]


def _double(number: float) -> Expr:
    return tirx.const(number, "float64")
