"""Sums, differences and products of two quantized values, and affine functions of one."""

from __future__ import annotations

import numpy as np

from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.types import Array
from sightline.passes.legalize.coded import (
    CannotLegalize,
    Coded,
    Site,
    centered,
    difference,
    product,
    scaled,
    times,
)
from sightline.passes.legalize.rounding import OFFSET_STEPS, weighted_sum


def add(site: Site) -> Coded:
    """Rounded once: (a m_a + b m_b) / 2^s."""
    return _sum(site, 1.0)


def sub(site: Site) -> Coded:
    return _sum(site, -1.0)


def _sum(site: Site, sign: float) -> Coded:
    """The first operand and `sign` times the second; one of them may be a constant."""
    if sign < 0 and (same := _of_one_encoding(site)):
        return difference(site, *same, "difference")
    terms: list[Coded] = []
    offset: Array | None = None
    for number, factor in enumerate((1.0, sign)):
        array = site.rewriter.array(site.node.inputs[number])
        if array is not None:
            offset = factor * array.astype(np.float64)
        else:
            x = centered(site, site.operand(number), f"centered{number}")
            terms.append(scaled(x, factor))
    return weighted_sum(site, terms, offset)


def _of_one_encoding(site: Site) -> tuple[Coded, Coded] | None:
    """Two quantized operands that have the same scale and zero point, which a difference loses."""
    if any(site.rewriter.array(value) is not None for value in site.node.inputs):
        return None
    first, second = site.operand(0), site.operand(1)
    same = first.zero_point == second.zero_point and np.array_equal(first.scale, second.scale)
    return (first, second) if same else None


def mul(site: Site) -> Coded:
    first, second = (_term(site, number) for number in (0, 1))
    return product(site, first, second, "product")


def _term(site: Site, number: int) -> Coded:
    """An operand with its zero point at 0; a constant in steps that keep 16 bits of it."""
    value = site.node.inputs[number]
    array = site.rewriter.array(value)
    if array is None:
        return centered(site, site.coded(value), f"centered{number}")
    return constant(site, array, f"constant{number}")


def constant(site: Site, array: Array, suffix: str) -> Coded:
    """Real numbers known at compile time, to 15 bits and a sign of the largest."""
    largest = float(np.abs(array).max())
    if not np.isfinite(largest):
        raise CannotLegalize("its constant is not finite")
    scale = largest / 32767 if largest else 1.0
    whole = np.rint(array.astype(np.float64) / scale).astype(np.int64)
    rank = len(site.node.type.shape)
    whole = whole.reshape((1,) * (rank - whole.ndim) + whole.shape)
    value = site.integers(whole, suffix)
    return Coded(value, np.full((1,) * rank, scale), 0, int(whole.min()), int(whole.max()))


def batch_norm(site: Site) -> Coded:
    """scale x + shift: a filter of one tap for each map, fine enough for the shift."""
    op = site.node.op
    assert isinstance(op, BatchNorm)
    arrays = site.rewriter.arrays(site.node.inputs[1:])
    if arrays is None:
        raise CannotLegalize("its statistics are computed")
    scale, shift, mean, variance = arrays
    factor, offset = op.affine(scale, shift, mean, variance)
    shape = (1, -1, *(1,) * (site.node.type.rank - 2))
    x = centered(site, site.operand(0))
    # A factor that hardly moves the result, as of a pruned map, needs no steps as fine as itself.
    fine = site.to.scale / x.uniform_scale / (OFFSET_STEPS * max(-x.low, x.high, 1))
    steps = np.maximum(np.abs(factor) / FINENESS, fine).reshape(shape)
    whole = np.rint(factor.reshape(shape) / steps).astype(np.int64)
    grown = times(site, x, whole, "grown")
    return weighted_sum(site, [scaled(grown, steps)], offset.reshape(shape))


FINENESS = 1 << 8
"""How many steps of a shift make one of what it is added to."""

LEGAL = {Add: add, Sub: sub, Mul: mul, BatchNorm: batch_norm}
