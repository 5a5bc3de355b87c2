"""QuantizeLinear and DequantizeLinear: where a model goes from real numbers to integers and back.

Scales and zero points are kept as the file has them. Constants become `Codes`: integers with the
zero point taken off, and their scales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from onnx import TensorProto

from sightline.frontend.onnx.call import Call, Known, Reader, Value
from sightline.frontend.onnx.codes import Codes, narrowest
from sightline.frontend.onnx.tensors import DTYPES, type_name
from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.integer import Clamp
from sightline.ir.ops.pointwise import Clip
from sightline.ir.ops.quantization import Dequantize, Quantize, storage_of
from sightline.ir.types import FLOAT32, Array, Int, element_of

SMALLEST_SCALE = float(np.finfo(np.float32).tiny)
"""Below it, runtimes disagree: some take such numbers for zero."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Scales and zero points as a file gives them: one of each, or one for each index of an axis.

    `storage` is None where no zero point tells the type of the integers.
    """

    scales: Array
    zero_points: Array
    storage: Int | None

    def encoding(self, what: str, storage: Int) -> Encoding:
        """Those of a computed value."""
        if self.scales.size > 1:
            raise UserError(
                f"{what} has {self.scales.size} scales, and what the network computes has one",
                fix="Quantize activations per tensor; weights may have a scale for each map.",
            )
        scale, zero_point = float(self.scales[0]), int(self.zero_points[0])
        return Encoding(storage.bits, scale, zero_point, storage.signed)


def read_steps(call: Call, scale: int, zero_point: int, what: str) -> Steps:
    """The operands at these positions; a zero point that is left out is 0."""
    known = call.weights(scale, f"the scale of {what}")
    scales = known.array.ravel()
    fine = np.isfinite(scales) & (scales >= SMALLEST_SCALE)
    if not scales.size or known.array.ndim > 1 or not fine.all():
        found = scales[~fine][0] if not fine.all() else f"of shape {list(known.array.shape)}"
        raise UserError(
            f"the scale '{known.name}' of {what} is {found}, but scales are positive and finite, "
            f"at least {SMALLEST_SCALE:.3g}, and one for all or a list",
            fix="Quantize the model again, with other calibration data.",
        )
    zeros = call.optional_array(zero_point, f"the zero point of {what}")
    if zeros is None:
        return Steps(scales, np.zeros(scales.size, np.int64), None)
    if zeros.dtype.kind not in "iu" or zeros.size != scales.size or zeros.ndim > 1:
        raise UserError(
            f"the zero point of {what} is {zeros.dtype}{list(zeros.shape)}, but must be integers, "
            f"one for each of its {scales.size} scales",
            fix="Quantize the model again.",
        )
    element = element_of(zeros)
    assert isinstance(element, Int)
    return Steps(scales, zeros.ravel().astype(np.int64), element)


def dequantized(
    call: Call, operand: int, scale: int, zero_point: int, *, part: str = "", axis: int = 1
) -> Value:
    """What the integers of an operand stand for; of constants, the integers are kept as well.

    `axis` is that of the scales, if a constant has several.
    """
    x = call.value(operand)
    what = f"the operand '{x.name if isinstance(x, Known) else x}' of {call.node.op_type}"
    steps = read_steps(call, scale, zero_point, what)
    if call.type(x).element == FLOAT32:
        raise UserError(
            f"{what} is in float32, and integers are what is scaled",
            fix="Quantize the model again.",
        )
    storage = storage_of(call.type(x))
    if steps.storage not in (None, storage):
        raise UserError(
            f"{what} is of integers {storage}, but its zero point is of {steps.storage}",
            fix="Both are of one type: quantize the model again.",
        )
    if isinstance(x, Known):
        return _coded(call, x, steps, what, part, axis)
    return call.emit(Dequantize(steps.encoding(what, storage)), x, part=part)


def _coded(call: Call, x: Known, steps: Steps, what: str, part: str, axis: int) -> Known:
    along = _along(axis, x.array, steps, what)
    call.reserve(2 * x.array.size)
    if x.array.dtype.kind == "i" and not steps.zero_points.any():
        integers = x.array
    else:
        shape = [-1 if index == along else 1 for index in range(x.array.ndim)]
        integers = narrowest(x.array.astype(np.int64) - steps.zero_points.reshape(shape))
    scales = steps.scales if along is not None else steps.scales.reshape(())
    codes = Codes(integers, scales, along, x.name)
    return replace(call.known(codes.real, part), codes=codes)


def _along(axis: int, array: Array, steps: Steps, what: str) -> int | None:
    """The axis along which a constant has scales of its own; None if there is one scale."""
    if steps.scales.size == 1:
        return None
    axis = positive_axis(axis, array.ndim)
    if array.shape[axis] != steps.scales.size:
        raise UserError(
            f"{what} has {steps.scales.size} scales, but {array.shape[axis]} indices along its "
            f"axis {axis}"
        )
    return axis


def quantized(call: Call, y: Value, scale: int, zero_point: int) -> Value:
    """The result of a node that rounds it."""
    what = f"the result '{call.node.output[0]}' of {call.node.op_type}"
    steps = read_steps(call, scale, zero_point, what)
    storage = steps.storage or _storage_without_zero_point(call)
    if isinstance(y, Known):
        return _rounded_constant(call, y, steps, storage, what)
    return call.emit(Quantize(steps.encoding(what, storage)), y)


def _storage_without_zero_point(call: Call) -> Int:
    to = call.integer("output_dtype", 0) if call.node.op_type == "QuantizeLinear" else 0
    if to not in (0, TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16):
        raise UserError(f"values rounded to {type_name(to)} are not supported")
    element = element_of(np.zeros(0, DTYPES[to or TensorProto.UINT8][0]))
    assert isinstance(element, Int)
    return element


def _rounded_constant(call: Call, y: Known, steps: Steps, storage: Int, what: str) -> Known:
    """Weights that the file rounds itself, as networks do that were trained quantized."""
    axis = _along(call.integer("axis", 1), y.array, steps, what)
    call.reserve(y.array.size)
    parts = [y.array] if axis is None else list(np.moveaxis(y.array, axis, 0))
    rounded = [
        fixed.quantize(part, float(scale), int(zero_point), storage)
        for part, scale, zero_point in zip(parts, steps.scales, steps.zero_points, strict=True)
    ]
    whole = rounded[0] if axis is None else np.moveaxis(np.stack(rounded), 0, axis)
    return call.known(whole.astype(storage.dtype))


def read_quantize(call: Call) -> Value:
    call.without_effect("saturate")  # it speaks of 8-bit floats
    call.without_effect("axis", "output_dtype")  # of one scale, and beside a zero point
    _refuse_blocks(call)
    if call.integer("precision", 0) not in (0, TensorProto.FLOAT):
        raise UserError("QuantizeLinear divides in a precision other than float32")
    return quantized(call, call.value(0), 1, 2)


def read_dequantize(call: Call) -> Value:
    _refuse_blocks(call)
    if call.integer("output_dtype", 0) not in (0, TensorProto.FLOAT):
        raise UserError("DequantizeLinear gives numbers other than float32")
    return dequantized(call, 0, 1, 2, axis=call.integer("axis", 1))


def _refuse_blocks(call: Call) -> None:
    if size := call.integer("block_size", 0):
        raise UserError(
            f"{call.node.op_type} has a scale for each {size} numbers of an axis, which is not "
            "supported",
            fix="Quantize the model per tensor, or per output channel.",
        )


def clip_integers(call: Call) -> Value:
    """Clip between QuantizeLinear and DequantizeLinear: how fewer than 8 bits are written.

    Of a value that was just rounded, the real numbers are held within the same range instead, which
    is one rounding later on.
    """
    x = call.value(0)
    storage = storage_of(call.type(x))
    low, high = _bound(call, 1, storage.low, storage), _bound(call, 2, storage.high, storage)
    low = min(low, high)
    if isinstance(x, Known):
        return call.known(np.clip(x.array, low, high))
    source = call.node_of(x)
    if not isinstance(source.op, Quantize):
        return call.emit(Clamp(low, high), x)
    to = source.op.to
    ends = ((end - to.zero_point) * to.scale for end in (low, high))
    held = call.emit(Clip(*ends), source.inputs[0], part="held")
    return call.emit(Quantize(to), held)


def _bound(call: Call, index: int, default: int, storage: Int) -> int:
    array = call.optional_array(index, "a bound of Clip")
    if array is None:
        return default
    if array.size != 1 or array.dtype != storage.dtype:
        raise UserError(
            f"a bound of Clip is {array.dtype}{list(array.shape)}, but must be one number of "
            f"{storage}, as what it holds"
        )
    return int(array.ravel()[0])


def read_dynamic(call: Call) -> Value:
    raise UserError(
        f"{call.node.op_type} belongs to dynamic quantization, which finds scales for each frame "
        "while the network runs, and is not supported",
        fix="Quantize the model statically, with calibration data.",
    )


READERS: dict[str, Reader] = {
    "ConvInteger": read_dynamic,
    "DequantizeLinear": read_dequantize,
    "DynamicQuantizeLinear": read_dynamic,
    "MatMulInteger": read_dynamic,
    "QuantizeLinear": read_quantize,
}
