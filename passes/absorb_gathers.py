"""A selection of channels above a filter bank goes into the bank's connection table."""

from __future__ import annotations

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Gather, Slice
from sightline.ir.table import Table
from sightline.passes.rewrite import Rewriter, rewrite


def absorb_gathers(graph: Graph) -> Graph:
    """Let the table name the channels that a gather, or a slice of channels alone, picks out.

        g = gather(x, axis=1, indices=[5, 2])        ->  y = conv(x, w, block=4, inputs=[[2], [5]])
        y = conv(g, w, block=4, inputs=[[1], [0]])

    Not where a block of the table would see a channel twice.
    """
    return rewrite(graph, absorb)


def absorb(rewriter: Rewriter, node: Node) -> str | None:
    """The bank on the channels' source, with the selections composed; the weights stay."""
    if not isinstance(node.op, Conv):
        return None
    x, table = node.inputs[0], node.op.table
    while (chosen := channels_chosen(rewriter, rewriter[x])) is not None:
        inputs = tuple(tuple(chosen[channel] for channel in block) for block in table.inputs)
        if any(len(set(block)) < len(block) for block in inputs):
            break
        x = rewriter[x].inputs[0]
        table = Table(rewriter[x].type.shape[1], table.maps, table.block, inputs)
    if x == node.inputs[0]:
        return None
    return rewriter.emit(Conv(node.op.window, table), x, *node.inputs[1:])


def channels_chosen(rewriter: Rewriter, node: Node) -> tuple[int, ...] | None:
    """The channels of its operand that a node picks out, if it does nothing else."""
    match node.op:
        case Gather(axis, indices) if positive_axis(axis, node.type.rank) == 1:
            return indices
        case Slice(starts, stops, steps):
            before = rewriter[node.inputs[0]].type.shape
            for axis, size in enumerate(before):
                if axis != 1 and (node.type.shape[axis] != size or (steps[axis] < 0 and size > 1)):
                    return None
            return tuple(range(starts[1], stops[1], steps[1]))
    return None
