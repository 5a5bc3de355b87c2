"""Pointwise ops, all by their own formula."""

from __future__ import annotations

import numpy as np

from sightline.backends.tvm.build import Build, Expr, Tensor, shape_of
from sightline.backends.tvm.formula import Formula, computed
from sightline.ir.ops.pointwise import Pointwise


def pointwise(op: Pointwise, build: Build, *x: Tensor) -> Tensor:
    """Operands of one rank, which broadcast along their axes of size 1."""
    shape = np.broadcast_shapes(*map(shape_of, x))

    def cell(formula: Formula, *at: Expr) -> Expr:
        elements = [formula.name(_element(operand, at)) for operand in x]
        return op.formula(formula, *elements)

    return computed(shape, cell, op.kind)


def _element(x: Tensor, at: tuple[Expr, ...]) -> Expr:
    """What stands at a place of the result, in an operand that broadcasts."""
    sizes = shape_of(x)
    return x(*(0 if size == 1 else place for size, place in zip(sizes, at, strict=True)))
