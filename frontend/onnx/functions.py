"""What our own operators mean in ONNX: one model-local function each, of standard operators.

The bodies hold for any shape and any attributes, which they read by reference; sizes at the border
come of running the same sums over ones. Sums of boxes are in double precision: in single, the
variance E[x^2] - mean^2 would cancel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple, get_type_hints

import numpy as np
from onnx import AttributeProto, FunctionProto, TensorProto, helper

from sightline.frontend.onnx.emitter import Emitter
from sightline.frontend.onnx.formulas import OnnxMath
from sightline.frontend.onnx.load import OWN_DOMAIN
from sightline.ir.op import Op
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.pyramid import KERNEL
from sightline.ir.types import Array

INTS, NUMBER = "value_ints", "value"
"""The field of a Constant through which an attribute of each kind is read."""


class Function(NamedTuple):
    """Operands, the attributes with their kinds, and what writes the body's nodes."""

    operands: tuple[str, ...]
    attributes: dict[str, str]
    body: Callable[[Emitter], str]


def function_of(op: type[Op], opset: int) -> FunctionProto:
    """The function that says what an op means, by the name of its class."""
    function = _pointwise(op) if issubclass(op, Pointwise) else FUNCTIONS[op.__name__]
    emitter = Emitter(function.operands, in_function=True)
    _constants(emitter, function.attributes)
    result = function.body(emitter)
    return helper.make_function(
        OWN_DOMAIN,
        op.__name__,
        list(function.operands),
        [result],
        emitter.nodes,
        [helper.make_opsetid("", opset)],
        attributes=list(function.attributes),
    )


def _pointwise(op: type[Pointwise]) -> Function:
    """The op's own formula, on an op whose attributes are the numbers that a call gives."""
    fields = [field.name for field in dataclasses.fields(op)]  # type: ignore[arg-type]
    hints = get_type_hints(op)
    odd = [name for name in fields if hints[name] is not float]
    if odd:
        raise TypeError(f"{op.__name__}.{odd[0]} is no float: write the op in exports.EXPORTS")
    operands = tuple(f"x{number}" for number in range(op.arity))

    def body(e: Emitter) -> str:
        math = OnnxMath(e)
        symbolic = object.__new__(op)
        for name in fields:
            object.__setattr__(symbolic, name, math.expression(_float(e, name)))
        return math.value_of(symbolic.formula(math, *map(math.expression, operands)))

    return Function(operands, dict.fromkeys(fields, NUMBER), body)


def _constants(e: Emitter, attributes: dict[str, str]) -> None:
    """A constant, named as the attribute, of what the call gives for each."""
    for attribute, kind in attributes.items():
        e.nodes.append(helper.make_node("Constant", [], [e.name(attribute)]))
        _refer(e, kind, attribute, kind)


def _refer(e: Emitter, key: str, attribute: str, kind: str = INTS) -> None:
    """The last node's attribute `key` is what the call gives for `attribute`."""
    reference = e.nodes[-1].attribute.add()
    reference.name, reference.ref_attr_name = key, attribute
    reference.type = AttributeProto.INTS if kind == INTS else AttributeProto.TENSOR


def _double(e: Emitter, value: str) -> str:
    return e.emit("Cast", value, to=TensorProto.DOUBLE)


def _float(e: Emitter, value: str) -> str:
    return e.emit("Cast", value, to=TensorProto.FLOAT)


def _ones(e: Emitter, data_type: int) -> str:
    """Ones for one map of x: `[1, 1, H, W]`."""
    shape = e.emit("Concat", e.constant([1, 1]), e.emit("Shape", "x", start=2), axis=0)
    return e.emit("ConstantOfShape", shape, value=helper.make_tensor("", data_type, [1], [1.0]))


def _box_sums(e: Emitter, x: str) -> str:
    """The sum of the box of `size` around each pixel, as far as it exists: every box for itself."""
    half = e.emit("Div", "size", e.constant([2]))
    total = e.emit("Pad", x, e.emit("Concat", half, half, axis=0), "", e.constant([2, 3]))
    zero, one = (e.constant(np.array(number, np.int64)) for number in (0, 1))
    for index, axis in enumerate((2, 3)):
        side = e.emit("Gather", "size", e.constant(np.array(index, np.int64)))
        length = e.emit("Gather", e.emit("Shape", "x"), e.constant(np.array(axis, np.int64)))
        firsts = e.emit("Unsqueeze", e.emit("Range", zero, length, one), e.constant([1]))
        cells = e.emit("Add", firsts, e.emit("Range", zero, side, one))
        boxes = e.emit("Gather", total, cells, axis=axis)
        total = e.emit("ReduceSum", boxes, e.constant([axis + 1]), keepdims=0)
    return total


def _box_means(e: Emitter, x: str) -> str:
    return e.emit("Div", _box_sums(e, x), _box_sums(e, _ones(e, TensorProto.DOUBLE)))


def _subtractive_norm(e: Emitter) -> str:
    x = _double(e, "x")
    return _float(e, e.emit("Sub", x, _box_means(e, x)))


def _divisive_norm(e: Emitter) -> str:
    x = _double(e, "x")
    deviation = e.emit("Sqrt", _box_means(e, e.emit("Mul", x, x)))
    return _float(e, e.emit("Div", x, e.emit("Max", deviation, "floor")))


def _local_norm(e: Emitter) -> str:
    x = _double(e, "x")
    mean = _box_means(e, x)
    squares = _box_means(e, e.emit("Mul", x, x))
    variance = e.emit("Sub", squares, e.emit("Mul", mean, mean))
    zero = e.constant(np.array(0.0, np.float64))
    deviation = e.emit("Sqrt", e.emit("Max", variance, zero))
    return _float(e, e.emit("Div", e.emit("Sub", x, mean), e.emit("Max", deviation, "floor")))


def _torch_filter(e: Emitter, x: str) -> str:
    """Torch7's filter: the kernel over its sum and the number of maps, over the sum of maps."""
    maps = _float(e, e.emit("Shape", "x", start=1, end=2))
    total = e.emit("Mul", e.emit("ReduceSum", "kernel", keepdims=0), maps)
    weights = e.emit("Unsqueeze", e.emit("Div", "kernel", total), e.constant([0, 1]))
    return e.emit("Conv", x, weights, auto_pad="SAME_UPPER")


def _torch_filters(e: Emitter, x: str) -> tuple[str, str]:
    """The filter of x and of ones."""
    maps = _float(e, e.emit("Shape", "x", start=1, end=2))
    ones = e.emit("Mul", _ones(e, TensorProto.FLOAT), maps)
    sums = e.emit("ReduceSum", x, e.constant([1]), keepdims=1)
    return _torch_filter(e, sums), _torch_filter(e, ones)


def _torch_subtractive_norm(e: Emitter) -> str:
    mean, ones = _torch_filters(e, "x")
    return e.emit("Sub", "x", e.emit("Div", mean, ones))


def _torch_divisive_norm(e: Emitter) -> str:
    squares, ones = _torch_filters(e, e.emit("Mul", "x", "x"))
    sigma = e.emit("Div", e.emit("Sqrt", squares), ones)
    return e.emit("Div", "x", e.emit("Max", sigma, _float(e, "threshold")))


def _planes(e: Emitter, x: str = "x") -> str:
    """The maps of all frames as a batch of single ones."""
    shape = e.emit("Concat", e.constant([-1, 1]), e.emit("Shape", "x", start=2), axis=0)
    return e.emit("Reshape", x, shape)


def _bordered(e: Emitter, planes: str, border: int) -> str:
    """With their border repeated."""
    return e.emit("Pad", planes, e.constant([border] * 4), "", e.constant([2, 3]), mode="edge")


def _as_maps(e: Emitter, planes: str) -> str:
    """The inverse of `_planes`, for planes of any size."""
    leading, sizes = e.emit("Shape", "x", end=2), e.emit("Shape", planes, start=2)
    return e.emit("Reshape", planes, e.emit("Concat", leading, sizes, axis=0))


def _blur(scale: float) -> Array:
    """The kernel 1 4 6 4 1 along both axes, `[1, 1, 5, 5]`."""
    return (np.outer(KERNEL, KERNEL) * scale**2).astype(np.float32)[None, None]


def _pyramid_down(e: Emitter) -> str:
    weights = e.constant(_blur(1 / 16))
    return _as_maps(e, e.emit("Conv", _bordered(e, _planes(e), 2), weights, strides=[2, 2]))


def _pyramid_up(e: Emitter) -> str:
    """Pixels two apart, and the blur over them; what the border adds in front is cut off."""
    weights = e.constant(_blur(1 / 8))
    spread = e.emit(
        "ConvTranspose", _bordered(e, _planes(e), 1), weights, strides=[2, 2], pads=[4, 4, 0, 0]
    )
    zeros, axes = e.constant([0, 0]), e.constant([2, 3])
    return _as_maps(e, e.emit("Slice", spread, zeros, "size", axes))


def _lp_pool(e: Emitter) -> str:
    """Powers are taken of x over its largest, lest they overflow or vanish."""
    size = e.emit("Abs", "x")
    tiny = e.constant(float(np.finfo(np.float32).tiny))
    largest = e.emit("Max", e.emit("ReduceMax", size, keepdims=0), tiny)
    powers = e.emit("Pow", e.emit("Div", size, largest), _float(e, "p"))
    shape = e.emit("Concat", e.constant([1, 1]), "kernel", axis=0)
    one = helper.make_tensor("", TensorProto.FLOAT, [1], [1.0])
    sums = e.emit("Conv", _planes(e, powers), e.emit("ConstantOfShape", shape, value=one))
    for key, attribute in (("strides",) * 2, ("pads",) * 2, ("dilations", "dilation")):
        _refer(e, key, attribute)
    root = e.emit("Reciprocal", _float(e, "p"))
    return e.emit("Mul", _as_maps(e, e.emit("Pow", sums, root)), largest)


FUNCTIONS = {
    "SubtractiveNorm": Function(("x",), {"size": INTS}, _subtractive_norm),
    "DivisiveNorm": Function(("x",), {"size": INTS, "floor": NUMBER}, _divisive_norm),
    "LocalNorm": Function(("x",), {"size": INTS, "floor": NUMBER}, _local_norm),
    "TorchSubtractiveNorm": Function(("x", "kernel"), {}, _torch_subtractive_norm),
    "TorchDivisiveNorm": Function(("x", "kernel"), {"threshold": NUMBER}, _torch_divisive_norm),
    "LPPool": Function(
        ("x",),
        {"kernel": INTS, "strides": INTS, "pads": INTS, "dilation": INTS, "p": NUMBER},
        _lp_pool,
    ),
    "PyramidDown": Function(("x",), {}, _pyramid_down),
    "PyramidUp": Function(("x",), {"size": INTS}, _pyramid_up),
}
"""By name, for every op of `custom.CUSTOM_OPS`."""
