"""Data moves as integers: movement and max pooling stand between Quantize and Dequantize."""

from __future__ import annotations

import dataclasses

from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.movement import MOVEMENT, Pad, Stuff
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.ops.resize import ResizeNearest
from sightline.passes.rewrite import Rewriter, first_of, rewrite

MOVES = (*MOVEMENT, GlobalMaxPool, MaxPool, ResizeNearest)
"""Ops whose results are numbers of their operands, or what they fill in."""


def move_integers(graph: Graph) -> Graph:
    """Numbers are rounded before they are moved, and become real after it.

        m = max_pool(x)              ->  q = quantize(x)
        q = quantize(m)                  m = max_pool(q)

        r = dequantize(q)            ->  m = max_pool(q)
        m = max_pool(r)                  r = dequantize(m)

    The integers are the same, since rounding keeps the order of numbers. A Concat rounds each of
    its operands, and becomes real after it if all are of one encoding.
    """
    return rewrite(graph, first_of(quantize_first, dequantize_last))


def quantize_first(rewriter: Rewriter, node: Node) -> str | None:
    """The movement of rounded numbers, in place of the rounding of moved ones."""
    if not isinstance(node.op, Quantize):
        return None
    return _quantized(rewriter, node.op, node.inputs[0])


def _quantized(rewriter: Rewriter, op: Quantize, value: str, name: str = "") -> str | None:
    """A value rounded before it was moved, under a name or that at hand; None if it was not."""
    moved = rewriter[value]
    if isinstance(moved.op, Dequantize):
        same = moved.op.of == op.to and rewriter[moved.inputs[0]].type.element == op.to.element
        return moved.inputs[0] if same else None
    if not isinstance(moved.op, MOVES):
        return None
    above = f"{moved.name}.rounded"
    rounded = [
        _quantized(rewriter, op, operand, above)
        or rewriter.emit(op, operand, like=rewriter[operand], name=above)
        for operand in moved.inputs
    ]
    return rewriter.emit(on_integers(moved.op, op.to), *rounded, name=name)


def dequantize_last(rewriter: Rewriter, node: Node) -> str | None:
    """The numbers that integers stand for once they were moved."""
    if not isinstance(node.op, MOVES):
        return None
    operands = [rewriter[value] for value in node.inputs]
    encodings = {o.op.of if isinstance(o.op, Dequantize) else None for o in operands}
    if len(encodings) > 1 or None in encodings:
        return None
    (of,) = encodings
    assert of is not None
    sources = [operand.inputs[0] for operand in operands]
    if any(rewriter[source].type.element != of.element for source in sources):
        return None
    moved = rewriter.emit(on_integers(node.op, of), *sources)
    return rewriter.emit(Dequantize(of), moved, name=f"{rewriter.name(node)}.real")


def on_integers(op: Op, encoding: Encoding) -> Op:
    """The op with whatever it fills in as an integer of the encoding, the nearest there is."""
    if isinstance(op, Stuff) or (isinstance(op, Pad) and op.mode == "constant"):
        return dataclasses.replace(op, value=encoding.code(op.value))
    return op
