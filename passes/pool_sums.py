"""Max pooling of exact sums: the largest is found before numbers are rounded and looked up."""

from __future__ import annotations

from itertools import pairwise

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.integer import Clamp
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.ir.ops.quantization import Lookup, Requantize
from sightline.passes.rewrite import Rewriter, rewrite


def pool_sums(graph: Graph) -> Graph:
    """Rounding keeps the order of numbers, and so does a table that nowhere falls.

        r = requantize(sums)     ->  r.sums = max_pool(sums)
        y = max_pool(r)              y = requantize(r.sums)

    Through all of them that nothing else reads, if the pooling leaves fewer pixels: then fewer
    numbers are rounded. What is left in place of the pooling has its name. Factors that differ from
    place to place stay above.
    """
    return rewrite(graph, pool)


def pool(rewriter: Rewriter, node: Node) -> str | None:
    """The roundings in place of the pooling below which they now stand."""
    if not isinstance(node.op, MaxPool | GlobalMaxPool):
        return None
    x = node.inputs[0]
    if node.type.size >= rewriter[x].type.size:
        return None
    chain, x = rewriter.chain(x, lambda above: _keeps_order(rewriter, above))
    if not chain:
        return None
    last, *others = chain
    sums = rewriter.emit(node.op, x, name=f"{rewriter.name(node)}.sums")
    return rewriter.emit(last.op, rewriter.below(others, sums), *last.inputs[1:])


def _keeps_order(rewriter: Rewriter, node: Node) -> bool:
    match node.op:
        case Clamp():
            return True
        case Requantize():
            # A factor for each map moves with it; one for each place does not.
            return all(size == 1 for size in rewriter[node.inputs[1]].type.shape[2:])
        case Lookup():
            table = rewriter.array(node.inputs[1])
            return table is not None and all(a <= b for a, b in pairwise(table.tolist()))
    return False
