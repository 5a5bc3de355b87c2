"""Unsigned quantized values become signed ones: every target has one kind of integers."""

from __future__ import annotations

import dataclasses

import numpy as np

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Const, Graph
from sightline.ir.op import Op
from sightline.ir.ops.integer import Clamp
from sightline.ir.ops.movement import Pad, Stuff
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.types import Quant, TensorType
from sightline.passes.refusal import Refusal


def rebase_unsigned(graph: Graph) -> Graph:
    """Integers from 0 to 255 with zero point z become those from -128 to 127 with z - 128.

        quantize(x, bits=8, zero_point=z, signed=false)  ->  quantize(x, bits=8, zero_point=z-128)

    They stand for the very same numbers. Plain unsigned integers of the caller stay as they are.
    """
    for output in graph.outputs:
        element = graph[output.node].type.element
        if isinstance(element, Quant) and not element.storage.signed:
            raise Refusal(
                f"the output '{output.label}' is in {element.storage}, and what is computed with "
                "is signed",
                fix="End the model with DequantizeLinear, or quantize it to signed integers.",
            )
    builder = GraphBuilder(graph.name)
    for node in graph.nodes:
        types = graph.input_types(node)
        builder.keep(dataclasses.replace(node, op=_rebased(node.op, types)), node.inputs)
    for output in graph.outputs:
        builder.output(output.node, output.label)
    return builder.finish()


def _rebased(op: Op, operands: tuple[TensorType, ...]) -> Op:
    """The op for operands that are signed now: all that it says in integers moves with them."""
    down = _distance(operands[0]) if operands else 0
    match op:
        case Quantize(to):
            return Quantize(signed(to))
        case Dequantize(of) if down:
            return Dequantize(signed(of))
        case Const(value) if down := _distance(value.type):
            assert isinstance(value.element, Quant)
            to = signed(Encoding.of(value.element))
            moved = (value.array.astype(np.int64) - down).astype(to.storage.dtype)
            return Const(Constant(moved, to.element))
        case Pad(mode="constant", value=value) if down:
            return dataclasses.replace(op, value=value - down)
        case Stuff(value=value):
            return dataclasses.replace(op, value=value - down)
        case Clamp(low, high):
            return Clamp(low - down, high - down)
    return op


def _distance(type_: TensorType) -> int:
    """How far below themselves the integers of a value are when they are signed."""
    element = type_.element
    if not isinstance(element, Quant) or element.storage.signed:
        return 0
    return 1 << (element.storage.bits - 1)


def signed(encoding: Encoding) -> Encoding:
    """The same numbers by signed integers."""
    if encoding.signed:
        return encoding
    half = 1 << (encoding.bits - 1)
    return dataclasses.replace(encoding, zero_point=encoding.zero_point - half, signed=True)
