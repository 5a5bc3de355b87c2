"""Unsigned quantized values become signed ones: every target has one kind of integers."""

from __future__ import annotations

import dataclasses

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Const, Graph
from sightline.ir.op import Op
from sightline.ir.ops.movement import Pad
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.types import Quant, TensorType


def rebase_unsigned(graph: Graph) -> Graph:
    """Integers from 0 to 255 with zero point z become those from -128 to 127 with z - 128.

        quantize(x, bits=8, zero_point=z, signed=false)  ->  quantize(x, bits=8, zero_point=z-128)

    They stand for the very same numbers. Plain unsigned integers of the caller stay as they are.
    """
    builder = GraphBuilder(graph.name)
    for node in graph.nodes:
        types = graph.input_types(node)
        builder.keep(dataclasses.replace(node, op=_rebased(node.op, types)), node.inputs)
    for output in graph.outputs:
        builder.output(output.node, output.label)
    return builder.finish()


def _rebased(op: Op, operands: tuple[TensorType, ...]) -> Op:
    match op:
        case Quantize(to):
            return Quantize(signed(to))
        case Dequantize(of) if isinstance(operands[0].element, Quant):
            return Dequantize(signed(of))
        case Const(value) if isinstance(element := value.type.element, Quant):
            encoding = Encoding.of(element)
            moved = value.array.astype("i8") + signed(encoding).storage.low - encoding.storage.low
            to = signed(encoding)
            return Const(Constant(moved.astype(to.storage.dtype), to.element))
        case Pad(mode="constant", value=value) if isinstance(element := operands[0].element, Quant):
            encoding = Encoding.of(element)
            return dataclasses.replace(
                op, value=value + signed(encoding).storage.low - encoding.storage.low
            )
    return op


def signed(encoding: Encoding) -> Encoding:
    """The same numbers by signed integers."""
    if encoding.signed:
        return encoding
    half = 1 << (encoding.bits - 1)
    return dataclasses.replace(encoding, zero_point=encoding.zero_point - half, signed=True)
