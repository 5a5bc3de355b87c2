"""Quantized models that cannot be honoured exactly: each is refused by name, with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from sightline.ir.types import Array
from tests.support.onnx_models import model_of, node, refused

SCALE: Array = np.array(0.1, np.float32)
ZERO: Array = np.array(3, np.int8)
MAPS = (1, 2, 4, 4)
BANK = np.ones((3, 2, 2, 2), np.int8)


def pair(scale: Any = SCALE, zero: Any = ZERO, other: Any = ZERO, **extra: Any) -> onnx.ModelProto:
    """x → QuantizeLinear `first` → DequantizeLinear `second`."""
    arrays = {"s": np.asarray(scale, np.float32), "z": np.asarray(zero), "o": np.asarray(other)}
    nodes = [
        node("QuantizeLinear", "x s z", "q", name="first", **extra),
        node("DequantizeLinear", "q s o", "y", name="second"),
    ]
    return model_of(nodes, {"x": MAPS}, arrays)


def bank(scales: Array, axis: int = 0, zero: Array | None = None) -> onnx.ModelProto:
    arrays: dict[str, Array] = {"w": BANK, "ws": scales}
    arrays |= {"wz": zero} if zero is not None else {}
    operands = "w ws wz" if zero is not None else "w ws"
    nodes = [
        node("DequantizeLinear", operands, "wr", name="second", axis=axis),
        node("Conv", "x wr", "y", name="first"),
    ]
    return model_of(nodes, {"x": MAPS}, arrays)


def computed_scale() -> onnx.ModelProto:
    nodes = [node("Relu", "x", "late"), node("QuantizeLinear", "x late", "y", name="first")]
    return model_of(nodes, {"x": MAPS})


def clipped(bound: Array) -> onnx.ModelProto:
    nodes = [node("QuantizeLinear", "x s z", "q"), node("Clip", "q low", "y", name="first")]
    return model_of(nodes, {"x": MAPS}, {"s": SCALE, "z": ZERO, "low": bound})


def rescaled() -> onnx.ModelProto:
    nodes = [
        node("QuantizeLinear", "x s", "q"),
        node("DequantizeLinear", "q t", "y", name="first"),
    ]
    return model_of(nodes, {"x": MAPS}, {"s": SCALE, "t": 2 * SCALE})


def dynamic(op_type: str, *outputs: str) -> onnx.ModelProto:
    return model_of([node(op_type, "x", " ".join(["y", *outputs]), name="first")], {"x": MAPS})


def single(op_type: str, operands: str, opset: int = 21, **attributes: Any) -> onnx.ModelProto:
    arrays: dict[str, Array] = {"s": SCALE, "z": ZERO, "w": BANK, "f": BANK.astype(np.float32)}
    arrays |= {"wide": np.ones((2, 2), np.int64), "half": SCALE.astype(np.float16)}
    used = {name: array for name, array in arrays.items() if name in operands.split()}
    call = node(op_type, operands, "y", name="first", **attributes)
    return model_of([call], {"x": MAPS}, used, opset=opset)


BAD_SCALE = r"the scale 's' of the result 'q' of QuantizeLinear is {}, but scales are positive and"
REFUSED = {
    "zero": (pair(0), BAD_SCALE.format(r"0\.0")),
    "negative": (pair(-1), BAD_SCALE.format(r"-1\.0")),
    "infinite": (pair(np.inf), BAD_SCALE.format("inf")),
    "no number": (pair(np.nan), BAD_SCALE.format("nan")),
    "denormal": (pair(1e-40), BAD_SCALE.format(r"9\.999\d*e-41")),
    "scales of channels": (
        pair([1, 2], np.zeros(2, np.int8), axis=1),
        r"the result 'q' of QuantizeLinear has 2 scales, and what the network computes has one\. Q",
    ),
    "matrix of scales": (
        pair([[1, 2]], np.zeros(2, np.int8)),
        r"the scale 's' of the result 'q' of QuantizeLinear is of shape \[1, 2\], but scales are",
    ),
    "zero points": (
        pair(1, np.zeros(2, np.int8)),
        r"the zero point of the result 'q' of QuantizeLinear is int8\[2\], but must be integers, o",
    ),
    "zero point in float": (
        pair(1, np.float32(0)),
        r"the zero point of the result 'q' of QuantizeLinear is float32\[\], but must be integers",
    ),
    "zero point of another type": (
        pair(1, ZERO, np.array(3, np.uint8)),
        r"the operand 'q' of DequantizeLinear is of integers i8, but its zero point is of u8\. Bo",
    ),
    "two zero points": (pair(1, ZERO, np.array(4, np.int8)), r".*which is to be undone"),
    "two scales": (rescaled(), r".*which is to be undone"),
    "computed": (
        computed_scale(),
        r"the scale of the result 'y' of QuantizeLinear must be a constant, but 'late' is comput",
    ),
    "half precision": (single("QuantizeLinear", "x half"), r"the scale of .* but is in float16"),
    "blocks": (
        single("QuantizeLinear", "x s z", block_size=2),
        r"QuantizeLinear has a scale for each 2 numbers of an axis, which is not supported\. Quan",
    ),
    "4 bits": (
        single("QuantizeLinear", "x s", output_dtype=TensorProto.INT4),
        r"values rounded to INT4 are not supported",
    ),
    "precision": (
        single("QuantizeLinear", "x s", opset=23, precision=TensorProto.DOUBLE),
        r"QuantizeLinear divides in a precision other than float32",
    ),
    "result": (
        single("DequantizeLinear", "w s", opset=23, output_dtype=TensorProto.DOUBLE),
        r"DequantizeLinear gives numbers other than float32",
    ),
    "floats": (
        single("DequantizeLinear", "f s"),
        r"the operand 'f' of DequantizeLinear is in float32, and integers are what is scaled\. Qu",
    ),
    "rounded twice": (
        model_of(
            [node("QuantizeLinear", "x s", "q"), node("QuantizeLinear", "q s", name="first")],
            {"x": MAPS},
            {"s": SCALE},
        ),
        r"expected floating-point operands, found quant\(u8,",
    ),
    "scales of inputs": (
        bank(np.ones(2, np.float32), axis=1),
        r"the weights of Conv have a scale for each index of axis 1, and what is supported is one",
    ),
    "count of scales": (
        bank(np.ones(2, np.float32)),
        r"the operand 'w' of DequantizeLinear has 2 scales, but 3 indices along its axis 0",
    ),
    "type of zero point": (
        bank(np.ones(1, np.float32), zero=np.zeros(1, np.uint8)),
        r"the operand 'w' of DequantizeLinear is of integers i8, but its zero point is of u8",
    ),
    "axis": (
        bank(np.ones(3, np.float32), axis=4),
        r"axis 4 lies outside the 4 axes of the operand",
    ),
    "bound in float": (
        clipped(np.array(1, np.float32)),
        r"a bound of Clip is float32\[\], but must be one number of i8, as what it holds",
    ),
    "bounds": (
        clipped(np.array([1, 2], np.int8)),
        r"a bound of Clip is int8\[2\], but must be one number of i8",
    ),
    "dynamic": (
        dynamic("DynamicQuantizeLinear", "a", "b"),
        r"DynamicQuantizeLinear belongs to dynamic quantization, which finds scales for each fram",
    ),
    "dynamic bank": (
        single("ConvInteger", "x w"),
        r"ConvInteger belongs to dynamic quantization",
    ),
    "dynamic matrix": (
        single("MatMulInteger", "x wide"),
        r"MatMulInteger belongs to dynamic quantization",
    ),
    "scaled floats that are computed": (
        single("DequantizeLinear", "x s"),
        r"the operand 'x' of DequantizeLinear is in float32, and integers are what is scaled",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name(name: str) -> None:
    model, pattern = REFUSED[name]
    refused(model, rf"^net\.onnx, node '(first|second)' \(\w+\): ({pattern})")


def test_wide_integers_are_refused() -> None:
    """A bias may be of 32 bits; what the network computes may not."""
    nodes = [node("DequantizeLinear", "x s", "y")]
    model = model_of(nodes, {"x": MAPS}, {"s": SCALE})
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    refused(model, r"^net\.onnx, input 'x': an input must be a tensor of FLOAT, but this is INT32")
