"""Filter banks: integer weights times integer maps, a bias in the same steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir import fixed
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import EXACT_IN_DOUBLE, IntegerConv
from sightline.ir.ops.quantization import ScaledWeights
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.passes.bank import pair_maps
from sightline.passes.legalize.coded import CannotLegalize, Coded, NotQuantized, Site


@dataclass(frozen=True)
class IntegerWeights:
    """Weights [pairs, *kernel] in integers, and what a step of each output map stands for."""

    value: str
    array: Array
    scales: Array


def conv(site: Site) -> Coded:
    """sum w (x - zero_point) + bias = sum w x + (bias - zero_point sum w), in steps of both."""
    op = site.node.op
    assert isinstance(op, Conv)
    x = site.operand(0)
    weights = integer_weights(site, op.table)
    scale = x.uniform_scale * weights.scales
    sums = np.zeros(op.table.maps, np.int64)
    np.add.at(sums, pair_maps(op.table), weights.array.reshape(op.table.pairs, -1).sum(1))
    bias = steps(site, scale) - x.zero_point * sums
    low, high = bounds(op.table, weights.array, bias, x)
    without = bounds(op.table, weights.array, np.zeros_like(bias), x)
    bits = max(2, fixed.width_of(min(low, without[0]), max(high, without[1])))
    if bits > EXACT_IN_DOUBLE:
        raise CannotLegalize(f"its sums need {bits} bits, and {EXACT_IN_DOUBLE} are the most")
    operands = [x.value, weights.value]
    if bias.any():
        operands.append(site.integers(bias, "bias"))
    value = site.emit(IntegerConv(op.window, op.table, bits, x.zero_point), *operands)
    shaped = scale.reshape(1, -1, *(1,) * op.window.rank)
    return Coded(value, shaped, 0, low, high)


def integer_weights(site: Site, table: Table) -> IntegerWeights:
    """The second operand, which must be integers times scales that each map has one of."""
    node = site.rewriter[site.node.inputs[1]]
    arrays = site.rewriter.arrays(node.inputs)
    if not isinstance(node.op, ScaledWeights) or arrays is None:
        raise NotQuantized
    array, scales = arrays
    of_maps = np.zeros(table.maps)
    maps = pair_maps(table)
    of_maps[maps] = scales
    if not np.array_equal(of_maps[maps], scales):
        raise CannotLegalize("the weights of one output map have several scales")
    return IntegerWeights(node.inputs[0], array, of_maps)


def steps(site: Site, scale: Array) -> Array:
    """The bias in whole steps of each map."""
    if len(site.node.inputs) < 3:
        return np.zeros(len(scale), np.int64)
    node = site.rewriter[site.node.inputs[2]]
    arrays = site.rewriter.arrays(
        node.inputs if isinstance(node.op, ScaledWeights) else [node.name]
    )
    if arrays is None:
        raise CannotLegalize("its bias is computed")
    bias, own = arrays[0].astype(np.float64), arrays[1] if len(arrays) > 1 else np.float64(1)
    # Scales of single precision are meant to be those of the sums: a bias of theirs stays as it is.
    ratio = np.where(np.isclose(own, scale, rtol=1e-6, atol=0), 1.0, own / scale)
    whole = np.rint(bias * ratio)
    if np.abs(whole).max(initial=0) >= 2.0**fixed.MAX_ACCUMULATOR_BITS:
        raise CannotLegalize("its bias is too large beside its weights")
    return whole.astype(np.int64)


def bounds(table: Table, weights: Array, bias: Array, x: Coded) -> tuple[int, int]:
    """The least and the most of all sums: every map with the worst of all inputs."""
    lows, highs = fixed.sum_bounds(weights.reshape(table.pairs, -1), x.low, x.high)
    low, high = bias.copy(), bias.copy()
    np.add.at(low, pair_maps(table), lows)
    np.add.at(high, pair_maps(table), highs)
    return int(low.min()), int(high.max())
