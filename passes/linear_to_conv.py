"""Fully connected layers become filter banks, so that a classifier slides over a larger image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import Concat, Flatten, Reshape
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights
from sightline.ir.table import Table
from sightline.ir.types import Array, Shape
from sightline.ir.window import Window
from sightline.passes.rewrite import Rewriter, first_of, rewrite


def linear_to_conv(graph: Graph) -> Graph:
    """A Linear on flattened maps becomes a Conv whose kernel is as large as the maps.

        f = flatten(x [N,C,H,W])        a = conv(x, w [out C,H,W], b, kernel=[H, W]) [N,out,1,1]
        a = linear(f, w, b)         ->  r = relu(a)
        r = relu(a)                     s = conv(r, v [classes out,1,1], kernel=[1, 1])
        s = linear(r, v)                s.flat = flatten(s) [N,classes]

    The flattening sinks below whatever means the same on maps: pointwise ops, batch normalization,
    concatenation, softmax and argmax over the features. What rounds the flat ones for a Linear is
    done to the maps. A Linear on plain features [N,F] sees them as maps [N,F,1,1]. Weights that are
    computed stay in a Linear.
    """
    return rewrite(graph, first_of(make_conv, sink_flatten))


def make_conv(rewriter: Rewriter, node: Node) -> str | None:
    """The bank in place of a Linear with constant weights, or integer ones with their scales."""
    if not isinstance(node.op, Linear):
        return None
    x, weights, *bias = node.inputs
    if rewriter.arrays(_constants_behind(rewriter, [weights, *bias])) is None:
        return None
    maps = _maps_through(rewriter, x)
    if maps is None:
        maps = rewriter.emit(Reshape((*rewriter[x].type.shape, 1, 1)), x, name=f"{node.name}.maps")
    outputs = node.type.shape[1]
    channels, *kernel = rewriter[maps].type.shape[1:]
    op = Conv(Window(tuple(kernel)), Table.dense(channels, outputs))
    operands = [_shaped(rewriter, weights, (outputs * channels, *kernel))]
    operands += [_shaped(rewriter, value, (outputs,)) for value in bias]
    return _flatten(rewriter, rewriter.emit(op, maps, *operands))


def _maps_through(rewriter: Rewriter, value: str) -> str | None:
    """The maps of which a value is the flattening, with all that was done to the flat ones."""
    node = rewriter[value]
    pointwise = isinstance(node.op, Pointwise) and node.op.arity == 1
    if pointwise or isinstance(node.op, Quantize | Dequantize):
        above = _maps_through(rewriter, node.inputs[0])
        return rewriter.emit(node.op, above, like=node) if above else None
    return maps_behind(rewriter, value)


def _constants_behind(rewriter: Rewriter, values: Sequence[str]) -> list[str]:
    """The values, and in place of ScaledWeights what those are made of."""
    scaled = [isinstance(rewriter.op(value), ScaledWeights) for value in values]
    return [
        constant
        for value, is_scaled in zip(values, scaled, strict=True)
        for constant in (rewriter[value].inputs if is_scaled else [value])
    ]


def _shaped(rewriter: Rewriter, value: str, shape: Shape) -> str:
    """A constant as planes of this shape, each of integers with the scale of its output map."""
    node = rewriter[value]
    if isinstance(node.op, Const):
        return rewriter.constant(_array(node).reshape(shape), like=node)
    integers, scales = (rewriter[operand] for operand in node.inputs)
    of_planes = np.repeat(_array(scales), shape[0] // scales.type.size)
    return rewriter.emit(
        ScaledWeights(),
        rewriter.constant(_array(integers).reshape(shape), like=integers),
        rewriter.constant(of_planes, like=scales),
        like=node,
    )


def _array(node: Node) -> Array:
    assert isinstance(node.op, Const)
    return node.op.value.array


def sink_flatten(rewriter: Rewriter, node: Node) -> str | None:
    """The op on maps, and the flattening below it."""
    if isinstance(node.op, Pointwise):
        return _sink_below_pointwise(rewriter, node)
    if rewriter[node.inputs[0]].type.rank != 2:
        return None
    match node.op:
        case Softmax(axis) | ArgMax(axis) | Concat(axis) if positive_axis(axis, 2) == 1:
            maps = [maps_behind(rewriter, value) for value in node.inputs]
        case BatchNorm():
            maps = [maps_behind(rewriter, node.inputs[0])]
        case _:
            return None
    pixels = [value for value in maps if value and rewriter[value].type.spatial == (1, 1)]
    if len(pixels) < len(maps):
        return None
    op = node.op if isinstance(node.op, BatchNorm) else type(node.op)(1)
    return _flatten(rewriter, rewriter.emit(op, *pixels, *node.inputs[len(pixels) :]))


def _sink_below_pointwise(rewriter: Rewriter, node: Node) -> str | None:
    behind = [maps_behind(rewriter, value) for value in node.inputs]
    shapes = {rewriter[value].type.shape for value in behind if value is not None}
    if len(shapes) != 1:
        return None
    shape = shapes.pop()
    operands: list[str] = []
    for value, maps in zip(node.inputs, behind, strict=True):
        operand = maps if maps is not None else _constant_as_maps(rewriter, value, shape)
        if operand is None:
            return None
        operands.append(operand)
    return _flatten(rewriter, rewriter.emit(node.op, *operands))


def _constant_as_maps(rewriter: Rewriter, value: str, shape: Shape) -> str | None:
    """A constant operand of features [N,F], shaped for maps of this shape."""
    array = rewriter.array(value)
    if array is None or array.ndim > 2:
        return None
    if array.size == 1:
        return rewriter.constant(array.reshape(()), like=rewriter[value])
    frames, features = (1, *array.shape)[-2:]
    if features not in (1, math.prod(shape[1:])):
        return None
    as_maps = array.reshape(frames, *(shape[1:] if features > 1 else (1, 1, 1)))
    return rewriter.constant(as_maps, like=rewriter[value])


def maps_behind(rewriter: Rewriter, value: str) -> str | None:
    """The maps [N,C,H,W] of which a value [N,F] is the flattening."""
    node = rewriter[value]
    if not isinstance(node.op, Flatten | Reshape) or node.type.rank != 2:
        return None
    maps = rewriter[node.inputs[0]]
    if maps.type.rank != 4 or maps.type.shape[0] != node.type.shape[0]:
        return None
    return maps.name


def _flatten(rewriter: Rewriter, maps: str) -> str:
    """[N,C,H,W] as [N,F]; the labels [N,1,1] of an ArgMax as [N]."""
    node = rewriter[maps]
    name = f"{rewriter.name(node)}.flat"
    if node.type.rank == 4:
        return rewriter.emit(Flatten(), maps, name=name)
    return rewriter.emit(Reshape(node.type.shape[:1]), maps, name=name)
