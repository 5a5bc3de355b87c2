"""What is known while reading: constants, shapes, and the arithmetic that exporters do on them.

PyTorch writes the target of a reshape as Shape, Gather, Mul and Concat nodes. All of that is
computed here, on NumPy's integers, and never reaches the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from sightline.frontend.onnx.call import Call, Known, Reader, Value
from sightline.frontend.onnx.tensors import DTYPES, type_name
from sightline.ir.errors import UserError
from sightline.ir.ops.pointwise import broadcast
from sightline.ir.types import Array, Int

CONSTANT_FORMS: dict[str, Callable[[Call], Array]] = {
    "value": lambda call: call.tensor("value"),
    "value_float": lambda call: np.array(call.number("value_float", 0.0), np.float32),
    "value_floats": lambda call: np.array(call.numbers("value_floats"), np.float32),
    "value_int": lambda call: np.array(call.integer("value_int", 0), np.int64),
    "value_ints": lambda call: np.array(call.integers("value_ints"), np.int64),
}


def read_constant(call: Call) -> Value:
    found = [read(call) for form, read in CONSTANT_FORMS.items() if call.given(form)]
    call.finish()
    if len(found) != 1:
        raise UserError(f"a Constant has one value, but this one has {len(found)}")
    return call.known(found[0])


def read_constant_of_shape(call: Call) -> Value:
    shape = call.whole_numbers(0, "the shape of ConstantOfShape") or ()
    value = call.tensor("value") if call.given("value") else np.zeros(1, np.float32)
    if min(shape, default=0) < 0 or value.size != 1:
        raise UserError(
            f"the constant of shape {list(shape)} is malformed, or filled with {value.size} values"
        )
    call.reserve(math.prod(shape))
    return call.known(np.full(shape, value.ravel()[0], value.dtype))


def read_shape(call: Call) -> Value:
    """Shapes are static, so this is a constant."""
    shape = call.shape(call.value(0))
    first, last = call.integer("start", 0), call.integer("end", len(shape))
    return call.known(np.array(shape[first:last], np.int64))


def read_cast(call: Call) -> Value:
    """Constants are converted; what the network computes keeps its type, or is refused.

    Labels count as any ONNX integer: ArgMax gives int64 there, and 32 bits here.
    """
    call.without_effect("saturate", "round_mode")  # these speak of 8-bit floats alone
    to = call.integer("to", TensorProto.UNDEFINED)
    value = call.value(0)
    if isinstance(value, Known):
        if to not in DTYPES:
            raise UserError(f"a cast to {type_name(to)} is not supported")
        call.reserve(value.array.size)
        with np.errstate(all="ignore"):
            return call.known(value.array.astype(DTYPES[to][0]))
    element = call.type(value).element
    wanted = (TensorProto.INT32, TensorProto.INT64) if isinstance(element, Int) else (1,)
    if to not in wanted:
        raise UserError(
            f"a cast of {call.type(value)} to {type_name(to)} is not supported",
            fix="Export the model in float32 throughout.",
        )
    return value


READERS: dict[str, Reader] = {
    "Constant": read_constant,
    "ConstantOfShape": read_constant_of_shape,
    "Shape": read_shape,
    "Cast": read_cast,
}


def _divide(x: Array, y: Array) -> Array:
    """ONNX divides integers towards zero."""
    if not y.all():
        raise UserError("a constant is divided by zero")
    quotient: Array = x / y if x.dtype.kind == "f" else np.abs(x) // np.abs(y)
    return quotient if x.dtype.kind == "f" else quotient * np.sign(x) * np.sign(y)


FOLDS: dict[str, Callable[..., Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
    "Floor": np.floor,
    "Ceil": np.ceil,
}
"""Arithmetic on constants of any type. What moves data folds as it is read: see `Call.emit`."""


def fold(call: Call) -> Value:
    """The result of a node of `FOLDS` whose operands are all known."""
    arrays = [call.array(index, "an operand") for index in range(len(call.operands))]
    kinds = {array.dtype for array in arrays}
    if len(kinds) > 1 or not all(kind.kind in "iuf" for kind in kinds):
        raise UserError(f"its constants are of types {', '.join(sorted(map(str, kinds)))}")
    call.reserve(math.prod(broadcast(*(array.shape for array in arrays))))
    with np.errstate(all="ignore"):
        result = FOLDS[call.node.op_type](*arrays)
    return call.known(np.asarray(result, arrays[0].dtype))
