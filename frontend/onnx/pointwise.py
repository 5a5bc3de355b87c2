"""Operators on each number by itself, and sums of operands."""

from __future__ import annotations

import math

import numpy as np

from sightline.frontend.onnx.call import Call, Known, Reader, Value
from sightline.frontend.onnx.quantized import clip_integers
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.movement import Identity
from sightline.ir.ops.pointwise import (
    Abs,
    Clip,
    LeakyRelu,
    Relu,
    Sigmoid,
    SoftShrink,
    Tanh,
)
from sightline.ir.types import FLOAT32


def plain(op: Op) -> Reader:
    """The reader of an operator that has no attributes, and means one of ours."""
    return lambda call: call.emit(op, *call.values())


def read_leaky_relu(call: Call) -> Value:
    return call.emit(LeakyRelu(call.number("alpha", 0.01)), call.value(0))


def read_clip(call: Call) -> Value:
    """Bounds are attributes up to opset 10, and constant inputs after. Those left out are infinite.

    Where they cross, ONNX gives the upper one.
    """
    if call.type(call.value(0)).element != FLOAT32:
        return clip_integers(call)
    if call.opset < 11:
        low, high = (
            call.number(name, 0.0) if call.given(name) else default
            for name, default in (("min", -math.inf), ("max", math.inf))
        )
    else:
        low = _bound(call, 1, "min", -math.inf)
        high = _bound(call, 2, "max", math.inf)
    return call.emit(Clip(min(low, high), high), call.value(0))


def _bound(call: Call, index: int, name: str, default: float) -> float:
    if not call.has(index):
        return default
    array = call.weights(index, f"the {name} of Clip").array
    if array.size != 1 or np.isnan(array).any():
        raise UserError(f"the {name} of Clip must be one number, but is {array.ravel()[:8]}")
    return float(array.ravel()[0])


def read_shrink(call: Call) -> Value:
    bias, threshold = call.number("bias", 0.0), call.number("lambd", 0.5)
    if bias != threshold:
        raise UserError(
            f"Shrink with bias {bias} and lambd {threshold} jumps at the threshold, which is not "
            "supported",
            fix="Use soft shrinkage, in which bias and lambd are equal.",
        )
    return call.emit(SoftShrink(threshold), call.value(0))


def read_div(call: Call) -> Value:
    """A division by a constant is a product with its reciprocal, which rounds once more."""
    divisor = call.weights(1, "the divisor of Div")
    with np.errstate(all="ignore"):
        reciprocal = np.float32(1) / divisor.array
    if not (np.abs(reciprocal) >= np.finfo(np.float32).tiny).all() or np.isinf(reciprocal).any():
        raise UserError(
            "the divisor of Div holds zeros, or numbers without a reciprocal in float32",
            fix="Divide by numbers between 1e-37 and 1e37.",
        )
    return call.emit(Mul(), call.value(0), Known(reciprocal, f"{divisor.name}.reciprocal"))


def read_sum(call: Call) -> Value:
    """A sum of any number of operands, from left to right."""
    first, *others = call.values()
    if not others:
        return call.emit(Identity(), first)
    for number, operand in enumerate(others, 1):
        part = f"sum{number}" if number < len(others) else ""
        first = call.emit(Add(), first, operand, part=part)
    return first


READERS: dict[str, Reader] = {
    "Abs": plain(Abs()),
    "Add": plain(Add()),
    "Clip": read_clip,
    "Div": read_div,
    "LeakyRelu": read_leaky_relu,
    "Mul": plain(Mul()),
    "Relu": plain(Relu()),
    "Shrink": read_shrink,
    "Sigmoid": plain(Sigmoid()),
    "Sub": plain(Sub()),
    "Sum": read_sum,
    "Tanh": plain(Tanh()),
}
