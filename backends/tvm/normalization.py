"""Batch and local normalization as tensor expressions, in double precision inside.

In single precision a variance would drown in the difference of its two large terms.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from tvm import te, tirx

from sightline.backends.tvm.build import (
    EACH,
    Build,
    Expr,
    Tensor,
    double,
    guarded,
    padded,
    reduce_axes,
    shape_of,
)
from sightline.ir.ops.normalization import (
    BatchNorm,
    BoxNorm,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.types import Shape


def batch_norm(
    op: BatchNorm,
    build: Build,
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
) -> Tensor:
    """y = a x + b, with a and b as stages of one number per channel."""

    def factor(c: Expr) -> Expr:
        return double(scale(c)) / tirx.sqrt(double(variance(c)) + op.epsilon)

    channels = shape_of(scale)
    a = te.compute(channels, lambda c: factor(c).astype("float32"), "a")
    b = te.compute(
        channels,
        lambda c: (double(shift(c)) - double(mean(c)) * factor(c)).astype("float32"),
        "b",
    )
    return te.compute(
        x.shape, lambda n, c, *at: x(n, c, *at) * a(c) + b(c), "batch_norm", attrs=EACH
    )


def subtractive_norm(op: SubtractiveNorm, build: Build, x: Tensor) -> Tensor:
    [mean] = _box_means(op, build, x, double)
    return _pixelwise(x, lambda *at: double(x(*at)) - mean(*at))


def divisive_norm(op: DivisiveNorm, build: Build, x: Tensor) -> Tensor:
    [square] = _box_means(op, build, x, _square)
    return _pixelwise(x, lambda *at: double(x(*at)) / _at_least(tirx.sqrt(square(*at)), op.floor))


def local_norm(op: LocalNorm, build: Build, x: Tensor) -> Tensor:
    mean, square = _box_means(op, build, x, double, _square)

    def pixel(*at: Expr) -> Expr:
        centre = mean(*at)
        variance = _at_least(square(*at) - centre * centre, 0.0)
        return (double(x(*at)) - centre) / _at_least(tirx.sqrt(variance), op.floor)

    return _pixelwise(x, pixel)


def torch_subtractive_norm(
    op: TorchSubtractiveNorm, build: Build, x: Tensor, kernel: Tensor
) -> Tensor:
    filtered, ones = _torch_filters(x, kernel, double)
    return _pixelwise(x, lambda n, c, i, j: double(x(n, c, i, j)) - filtered(n, i, j) / ones(i, j))


def torch_divisive_norm(op: TorchDivisiveNorm, build: Build, x: Tensor, kernel: Tensor) -> Tensor:
    filtered, ones = _torch_filters(x, kernel, _square)

    def pixel(n: Expr, c: Expr, i: Expr, j: Expr) -> Expr:
        sigma = tirx.sqrt(filtered(n, i, j)) / ones(i, j)
        return double(x(n, c, i, j)) / _at_least(sigma, op.threshold)

    return _pixelwise(x, pixel)


def _box_means(
    op: BoxNorm, build: Build, x: Tensor, *terms: Callable[[Expr], Expr]
) -> list[Callable[..., Expr]]:
    """The mean of each term over each pixel's box, summed by columns and then by rows."""
    shape, half = shape_of(x), [side // 2 for side in op.size]
    down, across = reduce_axes(op.size)

    def mean(column: Callable[..., Expr]) -> Callable[..., Expr]:
        sums = te.compute(
            shape,
            lambda n, c, i, j: te.sum(column(n, c, i, j + across), axis=across),
            "box_sums",
        )
        return functools.partial(_mean_of_box, sums, shape[2:], half)

    if build.machine.is_gpu:
        return [mean(column) for column in _columns_together(x, half, down, terms)]
    return [mean(_columns(x, half, down, term)) for term in terms]


def _mean_of_box(
    sums: Tensor, sides: Shape, half: Sequence[int], n: Expr, c: Expr, i: Expr, j: Expr
) -> Expr:
    counts = [
        tirx.min(place + h + 1, size) - tirx.max(place - h, 0)
        for place, h, size in zip((i, j), half, sides, strict=True)
    ]
    return sums(n, c, i, j) / (counts[0] * counts[1]).astype("float64")


def _columns(x: Tensor, half: Sequence[int], down: Expr, term: Callable[[Expr], Expr]) -> Tensor:
    """Sums of a term of `down` pixels below each other."""
    batch, channels, height, width = shape_of(x)
    terms = te.compute(x.shape, lambda *at: term(x(*at)), "terms")
    around = padded(terms, [(h, h) for h in half], double(0.0))
    return te.compute(
        (batch, channels, height, width + 2 * half[1]),
        lambda n, c, i, j: te.sum(around(n, c, i + down, j), axis=down),
        "column_sums",
    )


def _columns_together(
    x: Tensor, half: Sequence[int], down: Expr, terms: Sequence[Callable[[Expr], Expr]]
) -> Iterator[Callable[..., Expr]]:
    """The same of all terms in one stage, a kernel whose threads ask what lies outside."""
    batch, channels, height, width = shape_of(x)

    def total(which: Expr, n: Expr, c: Expr, i: Expr, j: Expr) -> Expr:
        at = (n, c, i + down - half[0], j - half[1])
        pixel = guarded(x, at, tirx.const(0.0, "float32"))
        number = terms[0](pixel)
        for later, term in enumerate(terms[1:], 1):
            number = tirx.if_then_else(which == later, term(pixel), number)
        return te.sum(number, axis=down)

    shape = (len(terms), batch, channels, height, width + 2 * half[1])
    sums = te.compute(shape, total, "column_sums")
    for which in range(len(terms)):
        yield functools.partial(sums, which)


def _torch_filters(
    x: Tensor, kernel: Tensor, term: Callable[[Expr], Expr]
) -> tuple[Tensor, Tensor]:
    """Torch7's filter of a term of x, `[N, H, W]`, and of ones, `[H, W]`."""
    batch, channels, height, width = shape_of(x)
    rows, columns = shape_of(kernel)
    half = (rows // 2, columns // 2)
    taps = reduce_axes((rows, columns))
    whole = te.compute((1,), lambda _: te.sum(double(kernel(*taps)), axis=taps), "whole")
    taps = reduce_axes((rows, columns))
    weights = te.compute(
        (rows, columns),
        lambda u, v: double(kernel(u, v)) / (whole(0) * float(channels)),
        "weights",
    )
    plane = te.reduce_axis((0, channels), "plane")
    sums = te.compute(
        (batch, height, width),
        lambda n, i, j: te.sum(term(x(n, plane, i, j)), axis=plane),
        "plane_sums",
    )
    around = padded(sums, [(h, h) for h in half], double(0.0))
    u, v = taps
    filtered = te.compute(
        (batch, height, width),
        lambda n, i, j: te.sum(weights(u, v) * around(n, i + u, j + v), axis=taps),
        "filtered",
    )
    taps = reduce_axes((rows, columns))

    def one(i: Expr, j: Expr) -> Expr:
        place = (i + taps[0] - half[0], j + taps[1] - half[1])
        inside = [
            tirx.all(p >= 0, p < size) for p, size in zip(place, (height, width), strict=True)
        ]
        return tirx.if_then_else(tirx.all(*inside), weights(*taps) * float(channels), double(0.0))

    ones = te.compute((height, width), lambda i, j: te.sum(one(i, j), axis=taps), "ones")
    return filtered, ones


def _pixelwise(x: Tensor, cell: Callable[..., Expr]) -> Tensor:
    return te.compute(x.shape, lambda *at: cell(*at).astype("float32"), "normalized", attrs=EACH)


def _square(number: Expr) -> Expr:
    return double(number) * double(number)


def _at_least(number: Expr, floor: float) -> Expr:
    """The number, or the floor if that is larger; NaN stays."""
    low = tirx.const(floor, "float64")
    return tirx.Select(number <= low, low, number)
