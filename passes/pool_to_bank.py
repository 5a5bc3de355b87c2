"""Trained subsampling becomes a filter bank of its own: it is rounded once, not after each part."""

from __future__ import annotations

import numpy as np

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pooling import AveragePool, SumPool
from sightline.ir.table import Table
from sightline.passes.fold_affine import affine_of
from sightline.passes.rewrite import Rewriter, rewrite


def pool_to_bank(graph: Graph) -> Graph:
    """An average with a factor and an offset for each map is a filter of equal weights in each.

        p = average_pool(x)      ->  y = conv(x, w, b), a filter of a / taps for each map,
        y = add(mul(p, a), b)            without those that look at other maps

    For poolings without padding that nothing else reads. What follows is left to `fold_affine`.
    """
    return rewrite(graph, make_bank)


def make_bank(rewriter: Rewriter, node: Node) -> str | None:
    """The bank in place of a factor or an offset of a pooling."""
    affine = affine_of(rewriter, node)
    if affine is None or not rewriter.only_use(affine.x):
        return None
    pooling = rewriter[affine.x]
    match pooling.op:
        case AveragePool(window):
            taps = window.taps
        case SumPool(window):
            taps = 1
        case _:
            return None
    if any(window.pads):
        return None
    channels = pooling.type.shape[1]
    shape = (channels, *window.kernel)
    factors = (affine.scale / taps).reshape(-1, *(1,) * window.rank)
    weights = np.broadcast_to(factors, shape).astype(np.float32)
    shifts = affine.shift.astype(np.float32)
    if not (np.isfinite(weights).all() and np.isfinite(shifts).all()):
        return None
    name = rewriter.name(pooling)
    operands = [pooling.inputs[0], rewriter.constant(weights, like=pooling, name=f"{name}.weight")]
    if shifts.any():
        operands.append(rewriter.constant(shifts, like=pooling, name=f"{name}.bias"))
    op = Conv(window, Table.grouped(channels, channels, channels))
    return rewriter.emit(op, *operands, like=pooling)
