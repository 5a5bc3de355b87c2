"""Resizes and steps of pyramids as tensor expressions, one stage an axis."""

from __future__ import annotations

from collections.abc import Callable

from tvm import te, tirx

from sightline.backends.tvm.build import EACH, Build, Expr, Tensor, element, shape_of
from sightline.backends.tvm.movement import held
from sightline.ir.ops.pyramid import KERNEL, PyramidDown, PyramidUp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest

Places = tuple[Expr, ...]


def resize_nearest(op: ResizeNearest, build: Build, x: Tensor) -> Tensor:
    batch, channels, *spatial = shape_of(x)
    rows, columns = (build.table(op.taps(axis, size)) for axis, size in enumerate(spatial))
    return te.compute(
        (batch, channels, *op.size),
        lambda n, c, i, j: x(n, c, rows(i), columns(j)),
        "nearest",
        attrs=EACH,
    )


def resize_bilinear(op: ResizeBilinear, build: Build, x: Tensor) -> Tensor:
    return _interpolated(op, build, _interpolated(op, build, x, 0), 1)


def pyramid_down(op: PyramidDown, build: Build, x: Tensor) -> Tensor:
    return _blurred(build, _blurred(build, x, 2), 3)


def pyramid_up(op: PyramidUp, build: Build, x: Tensor) -> Tensor:
    return _doubled(build, _doubled(build, x, 2, op.size[0]), 3, op.size[1])


def _interpolated(op: ResizeBilinear, build: Build, x: Tensor, spatial: int) -> Tensor:
    axis = 2 + spatial
    low, high, weight = map(build.table, op.taps(spatial, shape_of(x)[axis]))

    def between(at: Places) -> Expr:
        i = at[axis]
        below, above = element(x, at, axis, low(i)), element(x, at, axis, high(i))
        return below + (above - below) * weight(i)

    return _along(build, x, axis, op.size[spatial], between)


def _blurred(build: Build, x: Tensor, axis: int) -> Tensor:
    size = shape_of(x)[axis]

    def blur(at: Places) -> Expr:
        terms = [
            element(x, at, axis, held(2 * at[axis] + tap - len(KERNEL) // 2, size)) * float(weight)
            for tap, weight in enumerate(KERNEL)
        ]
        return sum(terms[1:], terms[0]) * (1 / 16)

    return _along(build, x, axis, (size + 1) // 2, blur)


def _doubled(build: Build, x: Tensor, axis: int, reached: int) -> Tensor:
    size = shape_of(x)[axis]

    def between(at: Places) -> Expr:
        centre = tirx.floordiv(at[axis], 2)
        before, here, after = (
            element(x, at, axis, held(centre + step, size)) for step in (-1, 0, 1)
        )
        even, odd = (before + 6.0 * here + after) * (1 / 8), (here + after) * 0.5
        return tirx.if_then_else(tirx.floormod(at[axis], 2) == 0, even, odd)

    return _along(build, x, axis, reached, between)


def _along(build: Build, x: Tensor, axis: int, size: int, cell: Callable[[Places], Expr]) -> Tensor:
    """x with another size along an axis."""
    shape = (*shape_of(x)[:axis], size, *shape_of(x)[axis + 1 :])
    return te.compute(shape, lambda *at: cell(at), f"resampled{axis}", attrs=build.where_read)
