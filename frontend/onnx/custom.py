"""Operators of ours that ONNX lacks: a file calls them in the domain `sightline`, version 1.

The name is the op's and so are the attributes: integers as INTS, a number as a scalar tensor in
double precision, so that it comes back as it was. A function of that name in the file tells others
what it means (`functions`); read back, it is our op again. Any pointwise op may be called so.
"""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import numpy as np
from onnx import AttributeProto, helper, numpy_helper

from sightline.frontend.onnx.call import Call, Value
from sightline.ir.attribute import Attribute
from sightline.ir.errors import UserError
from sightline.ir.op import OPS, Op
from sightline.ir.ops.normalization import (
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.pooling import LPPool
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp

CUSTOM_OPS: dict[str, type[Op]] = {
    op.__name__: op
    for op in (
        DivisiveNorm,
        LPPool,  # of powers or pads that ONNX cannot say
        LocalNorm,
        PyramidDown,
        PyramidUp,
        SubtractiveNorm,
        TorchDivisiveNorm,
        TorchSubtractiveNorm,
    )
}


def own_op(name: str) -> type[Op] | None:
    """The op that a call of that name in our domain means."""
    pointwise = (op for op in OPS.values() if issubclass(op, Pointwise) and op.__name__ == name)
    return CUSTOM_OPS.get(name) or next(pointwise, None)


def attributes_of(op: Op) -> list[AttributeProto]:
    """The attributes of a call of the op; those of a Window stand among its own."""
    listed: dict[str, Any] = {}
    for field in dataclasses.fields(op):  # type: ignore[arg-type]
        value = getattr(op, field.name)
        if isinstance(value, Attribute):
            listed |= {key: getattr(value, key) for key in value.KEYS}
        elif isinstance(value, float):
            listed[field.name] = numpy_helper.from_array(np.array(value, np.float64))
        else:
            listed[field.name] = value
    return [helper.make_attribute(name, value) for name, value in listed.items()]


def read_custom(call: Call) -> Value:
    """The op that a call in the domain `sightline` names."""
    cls = own_op(call.node.op_type)
    if cls is None:
        raise UserError(
            f"Sightline has no operator {call.node.op_type}",
            fix=f"Its own operators are {', '.join(CUSTOM_OPS)}, and all pointwise ops.",
        )
    arguments: dict[str, Any] = {}
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, Attribute):
            own = {key: _integers(call, key) for key in hint.KEYS}
            arguments[field.name] = hint.from_attributes(own)
        else:
            read = _number if hint is float else _integers
            arguments[field.name] = read(call, field.name)
    operands = call.values()
    arity = _arity(cls)
    if len(operands) != arity:
        raise UserError(f"{call.node.op_type} takes {arity} operands, but has {len(operands)}")
    if issubclass(cls, TorchNorm):
        operands[1] = call.weights(1, f"the kernel of {call.node.op_type}")
    return call.emit(cls(**arguments), *operands)


def _arity(cls: type[Op]) -> int:
    if issubclass(cls, Pointwise):
        return cls.arity
    return 2 if issubclass(cls, TorchNorm) else 1


def _integers(call: Call, name: str) -> tuple[int, ...]:
    found = call.integers(name)
    if found is None:
        raise UserError(f"{call.node.op_type} lacks its attribute '{name}'")
    return found


def _number(call: Call, name: str) -> float:
    if not call.given(name):
        raise UserError(f"{call.node.op_type} lacks its attribute '{name}'")
    array = call.tensor(name)
    if array.size != 1 or array.dtype != np.float64:
        raise UserError(f"the attribute '{name}' is one number in double precision")
    return float(array.ravel()[0])
