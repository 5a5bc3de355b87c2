"""Max pooling before a monotone nonlinearity: the same numbers, from a fraction of the work."""

from __future__ import annotations

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.passes.rewrite import Rewriter, rewrite


def pool_first(graph: Graph) -> Graph:
    """The largest of tanh(x) is tanh of the largest x, and so for every monotone pointwise op.

        t = tanh(x)                     ->  y = max_pool(x, kernel=[2, 2], strides=[2, 2])
        y = max_pool(t, ...)                t = tanh(y)

    Through chains of them, as far as nothing else reads what lies between, and only where the
    pooling leaves fewer pixels. Padding never wins, before as after.
    """
    return rewrite(graph, pool)


def pool(rewriter: Rewriter, node: Node) -> str | None:
    """The nonlinearities in place of the pooling below which they now stand."""
    if not isinstance(node.op, MaxPool | GlobalMaxPool):
        return None
    x = node.inputs[0]
    if node.type.size >= rewriter[x].type.size:
        return None
    chain, x = rewriter.chain(x, _is_monotone)
    return rewriter.below(chain, rewriter.emit(node.op, x)) if chain else None


def _is_monotone(node: Node) -> bool:
    return isinstance(node.op, Pointwise) and node.op.arity == 1 and node.op.is_monotone()
