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
    planes = Known(weights.array.reshape(table.pairs, *kernel), weights.name)
    bias = [call.weights(2, "the bias of Conv")] if call.has(2) else []
    return call.emit(Conv(window, table), x, planes, *bias)


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
    matrix = weights.array if call.flag("transB") else weights.array.T
    matrix = matrix if alpha == 1.0 else matrix * np.float32(alpha)
    operands = [x, Known(matrix, weights.name)]
    if not call.has(2) or beta == 0.0:
        return call.emit(Linear(), *operands)
    addend = call.value(2)
    if isinstance(addend, Known):
        scaled = call.weights(2, "the operand C of Gemm").array
        scaled = scaled if beta == 1.0 else scaled * np.float32(beta)
        if scaled.size in (1, matrix.shape[0]) and scaled.shape[:-1] in ((), (1,)):
            bias = np.broadcast_to(scaled.ravel(), matrix.shape[:1])
            return call.emit(Linear(), *operands, Known(bias, addend.name))
        addend = Known(scaled, addend.name)
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
    return call.emit(Linear(), x, Known(weights.array.T, weights.name))


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
