"""Softmax and argmax as tensor expressions."""

from __future__ import annotations

from tvm import te, tirx

from sightline.backends.tvm.build import Build, Expr, Tensor, is_float, shape_of, unless_nan
from sightline.backends.tvm.formula import Formula, computed
from sightline.backends.tvm.pooling import largest
from sightline.ir.ops.classify import ArgMax, Softmax


def softmax(op: Softmax, build: Build, x: Tensor) -> Tensor:
    axis = op.axis % len(x.shape)
    top = _without(x, axis, largest, "top")

    def power(formula: Formula, *at: Expr) -> Expr:
        return formula.exp(x(*at) - top(*at[:axis], *at[axis + 1 :]))

    powers = computed(shape_of(x), power, "powers", attrs=None)
    total = _without(powers, axis, te.sum, "total")
    return te.compute(
        x.shape, lambda *at: powers(*at) / total(*at[:axis], *at[axis + 1 :]), "softmax"
    )


def arg_max(op: ArgMax, build: Build, x: Tensor) -> Tensor:
    """The lowest index that holds the maximum, or NaN, which is NumPy's maximum."""
    axis = op.axis % len(x.shape)
    size = shape_of(x)[axis]
    top = _without(x, axis, largest, "top")
    index = te.reduce_axis((0, size), "index")

    def cell(*at: Expr) -> Expr:
        element = x(*at[:axis], index, *at[axis:])
        found = tirx.Select(element == top(*at), index, size)
        if is_float(x):
            found = unless_nan(element, found, index)
        return te.min(found, axis=index)

    return te.compute(top.shape, cell, "argmax")


def _without(x: Tensor, axis: int, reduce: Expr, name: str) -> Tensor:
    """x with an axis reduced away."""
    shape = shape_of(x)
    index = te.reduce_axis((0, shape[axis]), "index")
    return te.compute(
        (*shape[:axis], *shape[axis + 1 :]),
        lambda *at: reduce(x(*at[:axis], index, *at[axis:]), axis=index),
        name,
    )
