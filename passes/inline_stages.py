"""Stages become the ops of their bodies again, for targets that map one op at a time."""

from __future__ import annotations

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.stage import Stage
from sightline.passes.rewrite import Rewriter, rewrite


def inline_stages(graph: Graph) -> Graph:
    """Put the ops of each stage in its place: the inverse of `fuse`, up to names.

        y = stage(x, w, m, s) {        ->  y.integer_conv = integer_conv(x, w)
          integer_conv = ...               y = requantize(y.integer_conv, m, s)
          return y=requantize
        }

    The result has the name of the stage, and what is within is named after it.
    """
    return rewrite(graph, inline)


def inline(rewriter: Rewriter, node: Node) -> str | None:
    """The result of the body's ops, emitted one by one."""
    if not isinstance(node.op, Stage):
        return None
    op, outer = node.op, rewriter.name(node)
    names = (inner.name for inner in op.body.inputs)
    values = dict(zip(names, node.inputs, strict=True))
    for inner in op.body.operations:
        name = outer if inner.name == op.result else f"{outer}.{inner.name}"
        inputs = (values[value] for value in inner.inputs)
        values[inner.name] = rewriter.emit(inner.op, *inputs, like=inner, name=name)
    return values[op.result]
