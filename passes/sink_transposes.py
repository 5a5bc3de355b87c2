"""Transposes move down until they meet their inverse, so that imported NHWC models lose them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sightline.ir.graph import Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.ops.conv import Linear
from sightline.ir.ops.movement import Concat, Flatten, Gather, Pad, Reshape, Slice, Transpose
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.types import Shape
from sightline.passes.bank import bank_of, emit_bank
from sightline.passes.rewrite import Rewriter, first_of, rewrite


def sink_transposes(graph: Graph) -> Graph:
    """Move transposes below what works on any order of axes, and cancel them where they meet.

        t = transpose(x, order=[0, 2, 3, 1])         ->  r = relu(x)
        r = relu(t)                                      y = conv(r, w)
        u = transpose(r, order=[0, 3, 1, 2])
        y = conv(u, w)

    They sink below pointwise ops (whose constants are transposed instead), concatenation, slices,
    gathers, padding, softmax and argmax. One that only moves axes of size 1 goes into a reshape
    below it, and one above the flattening before a Linear goes into its weights. The graph stays as
    it is if a transpose with several readers would become more transposes than are saved.
    """
    after = rewrite(graph, first_of(merge, sink, drop_above_reshape, permute_linear))
    return after if _transposes(after) <= _transposes(graph) else graph


def _transposes(graph: Graph) -> int:
    return sum(isinstance(node.op, Transpose) for node in graph.nodes)


def merge(rewriter: Rewriter, node: Node) -> str | None:
    """Two transposes in a row are one, or none."""
    if not isinstance(node.op, Transpose):
        return None
    order, x = node.op.order, node.inputs[0]
    above = order_above(rewriter, x)
    if above is not None:
        order = tuple(above[axis] for axis in order)
        x = rewriter[x].inputs[0]
    if order == tuple(range(len(order))):
        return x
    return rewriter.emit(Transpose(order), x) if above is not None else None


def sink(rewriter: Rewriter, node: Node) -> str | None:
    """The op above the transpose that stood above it."""
    orders = [order_above(rewriter, value) for value in node.inputs]
    order = next((order for order in orders if order is not None), None)
    if order is None:
        return None
    op: Op
    below = order
    match node.op:
        case Pointwise():
            return _sink_below_pointwise(rewriter, node, order)
        case Concat(axis) if all(each == order for each in orders):
            op = Concat(order[positive_axis(axis, len(order))])
        case Concat():
            return None
        case Softmax(axis):
            op = Softmax(order[positive_axis(axis, len(order))])
        case Gather(axis):
            op = replace(node.op, axis=order[positive_axis(axis, len(order))])
        case Slice(starts, stops, steps):
            op = Slice(*(_to_source(numbers, order) for numbers in (starts, stops, steps)))
        case Pad(pads):
            begins, ends = pads[: len(order)], pads[len(order) :]
            op = replace(node.op, pads=_to_source(begins, order) + _to_source(ends, order))
        case ArgMax(axis):
            gone = order[positive_axis(axis, len(order))]
            op = ArgMax(gone)
            below = tuple(each - (each > gone) for each in order if each != gone)
        case _:
            return None
    sources = [rewriter[value].inputs[0] for value in node.inputs]
    return _transposed(rewriter, rewriter.emit(op, *sources), below)


def _sink_below_pointwise(rewriter: Rewriter, node: Node, order: Shape) -> str | None:
    """The pointwise op on what was transposed equally, and on constants transposed back."""
    operands: list[str] = []
    for value in node.inputs:
        if order_above(rewriter, value) == order:
            operands.append(rewriter[value].inputs[0])
            continue
        array = rewriter.array(value)
        if array is None or array.ndim > len(order):
            return None
        if array.size > 1:
            full = array.reshape((1,) * (len(order) - array.ndim) + array.shape)
            value = rewriter.constant(full.transpose(np.argsort(order)), like=rewriter[value])
        operands.append(value)
    return _transposed(rewriter, rewriter.emit(node.op, *operands), order)


def drop_above_reshape(rewriter: Rewriter, node: Node) -> str | None:
    """A reshape reads elements in order, which moving axes of size 1 does not change."""
    if not isinstance(node.op, Reshape | Flatten):
        return None
    order = order_above(rewriter, node.inputs[0])
    if order is None:
        return None
    source = rewriter[node.inputs[0]].inputs[0]
    long_axes = [axis for axis in order if rewriter[source].type.shape[axis] > 1]
    if long_axes != sorted(long_axes):
        return None
    return rewriter.emit(Reshape(node.type.shape), source)


def permute_linear(rewriter: Rewriter, node: Node) -> str | None:
    """A Linear on flattened transposed maps, as one on the maps with its weights permuted."""
    bank = bank_of(rewriter, node)
    if bank is None or not isinstance(node.op, Linear):
        return None
    flat = rewriter[bank.x]
    if not isinstance(flat.op, Flatten | Reshape):
        return None
    order = order_above(rewriter, flat.inputs[0])
    if order is None or order[0] != 0:
        return None
    transposed = rewriter[flat.inputs[0]]
    features = transposed.type.shape[1:]
    if flat.type.shape != (transposed.type.shape[0], math.prod(features)):
        return None
    back = np.argsort(order[1:])
    weights = bank.weights.reshape(-1, *features).transpose(0, *(1 + back))
    maps = rewriter.emit(flat.op, transposed.inputs[0], like=flat)
    return emit_bank(rewriter, bank, node.op, maps, weights.reshape(bank.weights.shape), bank.bias)


def order_above(rewriter: Rewriter, value: str) -> Shape | None:
    """The order of the transpose that computes a value, if one does."""
    op = rewriter.op(value)
    return op.order if isinstance(op, Transpose) else None


def _to_source(numbers: Shape, order: Shape) -> Shape:
    """Numbers per axis of a transposed value, as numbers per axis of what was transposed."""
    return tuple(numbers[order.index(axis)] for axis in range(len(order)))


def _transposed(rewriter: Rewriter, value: str, order: Shape) -> str:
    """The value under its transpose, if that is needed."""
    if order == tuple(range(len(order))):
        return value
    return rewriter.emit(
        Transpose(order), value, name=f"{rewriter.name(rewriter[value])}.transposed"
    )
