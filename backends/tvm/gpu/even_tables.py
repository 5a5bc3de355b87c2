"""Tables of connections whose maps see as many planes each, where that saves kernels.

    maps 0 to 9 see plane 0, maps 10 to 15 see planes 1 and 2   →   all maps see planes 0, 1, 2

Weights of zero stand for what was not seen. A bank is one kernel then, pooling and all, instead of
one for each fan-in, one that puts their maps in order, and one that pools.
"""

from __future__ import annotations

import math
from dataclasses import replace

from sightline.backends.tvm.gpu.tiles import LANES, LAUNCH, MULTIPROCESSORS
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Table
from sightline.passes.rewrite import Rewriter, rewrite


def with_even_tables(graph: Graph) -> Graph:
    return rewrite(graph, _filled)


def _filled(rewriter: Rewriter, node: Node) -> str | None:
    op = node.op
    if not isinstance(op, Conv | IntegerConv) or len(set(map(len, op.table.inputs))) == 1:
        return None
    weights = rewriter.array(node.inputs[1])
    if weights is None or not _pays(op.table, op.window.taps, node):
        return None
    dense = Table.dense(op.table.channels, op.table.maps)
    filled = op.table.dense_weights(weights).reshape(dense.pairs, *op.window.kernel)
    constant = rewriter.constant(filled, like=rewriter[node.inputs[1]])
    return rewriter.emit(replace(op, table=dense), node.inputs[0], constant, *node.inputs[2:])


def _pays(table: Table, taps: int, node: Node) -> bool:
    """Whether the products of zeros take no longer than the kernels that they save."""
    pixels = node.type.shape[0] * math.prod(node.type.shape[2:])
    more = (table.channels * table.maps - table.pairs) * taps * pixels
    kernels = len(set(map(len, table.inputs))) + 2
    return more / (MULTIPROCESSORS * LANES) < kernels * LAUNCH
