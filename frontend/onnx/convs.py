"""Filter banks, fully connected layers and batch normalization: the nodes with weights."""

from __future__ import annotations

import numpy as np

from sightline.frontend.onnx.call import Call, Known, Reader, Value
from sightline.frontend.onnx.windows import read_window
from sightline.ir.errors import UserError
from sightline.ir.ops.arithmetic import Add, Mul
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import Transpose
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.table import Table
from sightline.ir.types import Shape


def read_conv(call: Call) -> Value:
    """ONNX keeps weights as `[maps, channels / groups, *kernel]`, already in the table's order."""
    x = call.value(0)
    weights = call.weights(1, "the weights of Conv")
    maps, fan_in, *kernel = weights.array.shape if weights.array.ndim > 2 else (0, 0)
    if not kernel or 0 in weights.array.shape:
        raise UserError(
            f"the weights of Conv are [maps, channels / group, kernel], but have shape "
            f"{list(weights.array.shape)}"
        )
    given = call.integers("kernel_shape") or tuple(kernel)
    if given != tuple(kernel):
        raise UserError(
            f"kernel_shape {list(given)} differs from that of the weights, {list(kernel)}"
        )
    group = call.integer("group", 1)
    if group < 1 or maps % group:
        raise UserError(f"{group} groups do not divide the {maps} maps of Conv")
    window = read_window(call, tuple(kernel), call.shape(x)).window
    table = Table.grouped(group * fan_in, maps, group)
    operands = [x, _by_map(call, weights, (table.pairs, *kernel))]
    if call.has(2):
        bias = call.weights(2, "the bias of Conv")
        fits = bias.array.shape == (maps,)
        operands.append(_bias(call, bias, maps, weights) if fits else bias)
    return call.emit(Conv(window, table), *operands)


def _by_map(call: Call, weights: Known, shape: Shape, axis: int = 0) -> Value:
    """Weights in the shape that the IR has them in, planes of one output map after the other.

    `axis` is that of the output maps in the file. Quantized weights stay integers, each plane with
    the scale of its map.
    """
    if weights.codes is None:
        return Known(np.moveaxis(weights.array, axis, 0).reshape(shape), weights.name)
    scales = weights.codes.scales_along(axis, f"the weights of {call.node.op_type}")
    integers = np.moveaxis(weights.codes.integers, axis, 0).reshape(shape)
    return call.scaled_weights(integers, np.repeat(scales, shape[0] // len(scales)), weights)


def _bias(call: Call, bias: Known, maps: int, weights: Known) -> Value:
    """A bias as `[maps]`, in integers if it and the weights are quantized."""
    if bias.codes is None or weights.codes is None:
        return Known(np.broadcast_to(bias.array.ravel(), maps), bias.name)
    integers, scales = (
        np.broadcast_to(array.ravel(), maps) for array in (bias.codes.integers, bias.codes.scales)
    )
    return call.scaled_weights(integers, scales, bias)


def _times(constant: Known, factor: float) -> Known:
    if factor == 1.0:
        return constant
    codes = constant.codes.times(factor) if constant.codes and factor > 0 else None
    return Known(constant.array * np.float32(factor), constant.name, codes)


def read_gemm(call: Call) -> Value:
    """y = alpha * x W + beta * c, with x and W as they are or transposed."""
    x = call.value(0)
    weights = call.weights(1, "the weights of Gemm")
    if weights.array.ndim != 2:
        raise UserError(
            f"the weights of Gemm are a matrix, but have shape {list(weights.array.shape)}"
        )
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    if call.flag("transA"):
        x = call.emit(Transpose((1, 0)), x, part="transposed")
    weights = _times(weights, alpha)
    axis = 0 if call.flag("transB") else 1
    features, outputs = weights.array.shape[1 - axis], weights.array.shape[axis]
    operands = [x, _by_map(call, weights, (outputs, features), axis)]
    if not call.has(2) or beta == 0.0:
        return call.emit(Linear(), *operands)
    addend = call.value(2)
    if isinstance(addend, Known):
        addend = _times(call.weights(2, "the operand C of Gemm"), beta)
        if addend.array.size in (1, outputs) and addend.array.shape[:-1] in ((), (1,)):
            return call.emit(Linear(), *operands, _bias(call, addend, outputs, weights))
    elif beta != 1.0:
        factor = call.known(np.array(beta, np.float32), "beta")
        addend = call.emit(Mul(), addend, factor, part="scaled")
    product = call.emit(Linear(), *operands, part="product")
    result = call.emit(Add(), product, addend)
    if call.shape(result) != call.shape(product):
        raise UserError(
            f"the operand C of Gemm, of shape {list(call.shape(addend))}, does not broadcast to "
            f"{list(call.shape(product))}"
        )
    return result


def read_matmul(call: Call) -> Value:
    weights = call.weights(1, "the right-hand matrix of MatMul")
    x = call.value(0)
    if weights.array.ndim != 2 or len(call.shape(x)) != 2:
        raise UserError(
            f"MatMul takes two matrices, but got shapes {list(call.shape(x))} and "
            f"{list(weights.array.shape)}",
            fix="Flatten the left-hand operand first.",
        )
    return call.emit(Linear(), x, _by_map(call, weights, weights.array.shape[::-1], axis=1))


def read_batch_norm(call: Call) -> Value:
    """Running statistics, as at inference; in training it would normalize by those of the batch."""
    call.without_effect("momentum")
    epsilon = call.number("epsilon", 1e-5)
    if not call.flag("spatial", True):
        raise UserError(
            "BatchNormalization with spatial = 0 normalizes each pixel, which is not supported",
            fix="Export the model with spatial = 1.",
        )
    if call.flag("training_mode"):
        raise UserError(
            "BatchNormalization is in training mode", fix="Export the model in evaluation mode."
        )
    names = ("scale", "shift", "mean", "variance")
    statistics = [
        call.weights(index, f"the {name} of BatchNormalization")
        for index, name in enumerate(names, 1)
    ]
    if not epsilon >= 0 or (statistics[3].array + epsilon <= 0).any():
        raise UserError(
            f"the variance of BatchNormalization plus its epsilon, {epsilon}, is not positive"
        )
    return call.emit(BatchNorm(epsilon), call.value(0), *statistics)


READERS: dict[str, Reader] = {
    "Conv": read_conv,
    "Gemm": read_gemm,
    "MatMul": read_matmul,
    "BatchNormalization": read_batch_norm,
}
