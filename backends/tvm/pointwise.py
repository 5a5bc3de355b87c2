"""Pointwise ops, all by their own formula."""

from __future__ import annotations

import numpy as np

from sightline.backends.tvm.build import Build, Expr, Tensor, shape_of, spread
from sightline.backends.tvm.formula import Formula, computed
from sightline.ir.ops.pointwise import Pointwise


def pointwise(op: Pointwise, build: Build, *x: Tensor) -> Tensor:
    """Operands broadcast as in NumPy."""
    shape = np.broadcast_shapes(*map(shape_of, x))

    def cell(formula: Formula, *at: Expr) -> Expr:
        elements = [formula.name(spread(operand, at)) for operand in x]
        return op.formula(formula, *elements)

    return computed(shape, cell, op.kind)
