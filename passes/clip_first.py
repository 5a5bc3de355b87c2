"""A limit before max pooling: it costs nothing where numbers are rounded, whose ends it is."""

from __future__ import annotations

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.pointwise import Clip, Relu
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.passes.rewrite import Rewriter, rewrite


def clip_first(graph: Graph) -> Graph:
    """The largest number within limits is the largest, within limits.

        y = max_pool(x)          ->  r = relu(x)
        r = relu(y)                  y = max_pool(r)

    Through all poolings that nothing else reads. It undoes `pool_first` for functions that cost
    nothing.
    """
    return rewrite(graph, limit)


def limit(rewriter: Rewriter, node: Node) -> str | None:
    """The poolings in place of a limit that now stands above them."""
    if not isinstance(node.op, Relu | Clip):
        return None
    poolings, x = rewriter.chain(
        node.inputs[0], lambda above: isinstance(above.op, MaxPool | GlobalMaxPool)
    )
    return rewriter.below(poolings, rewriter.emit(node.op, x)) if poolings else None
