"""Quantized operators: each means integers to real numbers, an op on those, and back to integers.

`QLinearConv` and `QLinearMatMul` are of ONNX; the rest is what onnxruntime adds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sightline.frontend.onnx import classify, convs, movement, pointwise, pools
from sightline.frontend.onnx.call import Call, Known, Reader, Value
from sightline.frontend.onnx.codes import Codes
from sightline.frontend.onnx.quantized import dequantized, quantized, read_steps
from sightline.ir.errors import UserError


def read_qlinear_conv(call: Call) -> Value:
    """Operands x, its scale and zero point, those of the weights and of y, and a bias."""
    x = dequantized(call, 0, 1, 2, part="x")
    weights = _weights(call, 3, 0)
    bias = [_bias(call, 8, weights)] if call.has(8) else []
    return quantized(call, convs.read_conv(call.on(x, weights, *bias)), 6, 7)


def read_qlinear_matmul(call: Call) -> Value:
    x = dequantized(call, 0, 1, 2, part="x")
    product = convs.read_matmul(call.on(x, _weights(call, 3, 1)))
    return quantized(call, product, 6, 7)


def read_qgemm(call: Call) -> Value:
    """As Gemm; the bias is in steps of alpha times both scales. Without a scale, y is real."""
    x = dequantized(call, 0, 1, 2, part="x")
    weights = _weights(call, 3, 0 if call.flag("transB") else 1)
    alpha = call.number("alpha", 1.0)
    bias = [_bias(call, 6, weights, alpha)] if call.has(6) else []
    y = convs.read_gemm(call.on(x, weights, *bias))
    return quantized(call, y, 7, 8) if call.has(7) else y


def _weights(call: Call, operand: int, axis: int) -> Known:
    """Weights with one scale, or one for each output map, which lie along an axis."""
    known = call.value(operand)
    if not isinstance(known, Known):
        call.array(operand, f"the weights of {call.node.op_type}")
    weights = dequantized(call, operand, operand + 1, operand + 2, part="weights", axis=axis)
    assert isinstance(weights, Known)
    return weights


def _bias(call: Call, operand: int, weights: Known, alpha: float = 1.0) -> Known:
    """Integers in steps of the sums: the scale of x times that of the weights."""
    value = call.value(operand)
    array = call.array(operand, f"the bias of {call.node.op_type}")
    assert isinstance(value, Known)
    if array.dtype != np.int32:
        raise UserError(
            f"the bias '{value.name}' of {call.node.op_type} must be in int32, but is in "
            f"{array.dtype}"
        )
    assert weights.codes is not None
    steps = read_steps(call, 1, 2, f"the operand of {call.node.op_type}")
    scales = (steps.scales * weights.codes.scales * np.float32(alpha)).astype(np.float32)
    axis = array.ndim - 1 if scales.size > 1 else None
    if axis is not None and (not array.ndim or array.shape[axis] != scales.size):
        raise UserError(
            f"the bias '{value.name}' of shape {list(array.shape)} does not have one number for "
            f"each of {scales.size} output maps"
        )
    codes = Codes(array, scales, axis, value.name)
    return replace(call.known(codes.real, "bias"), codes=codes)


def _rounded(real: Reader, operands: int = 1) -> Reader:
    """The reader of an operator on `operands` values, each with its scale and zero point."""

    def read(call: Call) -> Value:
        values = [
            dequantized(call, 3 * n, 3 * n + 1, 3 * n + 2, part=f"x{n}") for n in range(operands)
        ]
        y = real(call.on(*values))
        assert not isinstance(y, tuple)
        return quantized(call, y, 3 * operands, 3 * operands + 1)

    return read


def read_qlinear_concat(call: Call) -> Value:
    """The scale and zero point of y come first."""
    rest = len(call.operands) - 2
    if rest % 3:
        raise UserError(
            f"QLinearConcat takes a value, a scale and a zero point for each of its operands, but "
            f"has {rest} inputs for those"
        )
    values = [
        dequantized(call, first, first + 1, first + 2, part=f"x{number}")
        for number, first in enumerate(range(2, rest + 2, 3))
    ]
    return quantized(call, movement.read_concat(call.on(*values)), 0, 1)


def read_softmax(call: Call) -> Value:
    """The attribute `opset` tells which of the two meanings of Softmax it has."""
    call.opset = call.integer("opset", call.opset)
    return classify.read_softmax(call)


def channels_first(reader: Reader) -> Reader:
    """The reader of a pooling, which may have its channels last."""

    def read(call: Call) -> Value | tuple[Value, ...]:
        if call.flag("channels_last"):
            raise UserError(
                f"{call.node.op_type} has its channels last, and maps are [N, C, H, W] here",
                fix="Quantize the model as it was exported, without layout optimizations.",
            )
        return reader(call)

    return read


READERS: dict[str, Reader] = {
    "QLinearConv": read_qlinear_conv,
    "QLinearMatMul": read_qlinear_matmul,
}

MICROSOFT: dict[str, Reader] = {
    "QGemm": read_qgemm,
    "QLinearAdd": _rounded(pointwise.READERS["Add"], 2),
    "QLinearAveragePool": channels_first(_rounded(pools.read_average_pool)),
    "QLinearConcat": read_qlinear_concat,
    "QLinearGlobalAveragePool": channels_first(_rounded(pools.read_global_average_pool)),
    "QLinearLeakyRelu": _rounded(pointwise.read_leaky_relu),
    "QLinearMul": _rounded(pointwise.READERS["Mul"], 2),
    "QLinearSigmoid": _rounded(pointwise.READERS["Sigmoid"]),
    "QLinearSoftmax": _rounded(read_softmax),
}
"""How the operators of onnxruntime are read, QuantizeLinear and DequantizeLinear aside."""
