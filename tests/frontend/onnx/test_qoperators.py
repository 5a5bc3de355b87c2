"""Quantized operators, one by one, against onnxruntime's own kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from sightline.backends import reference
from sightline.ir.encoding import Encoding
from sightline.ir.ops.quantization import Quantize, random_integers
from sightline.ir.types import Array, Int
from tests.support.onnx_models import graph_of, model_of, node, refused
from tests.support.onnxruntime import run_onnx

MICROSOFT = "com.microsoft"
RNG = np.random.default_rng(11)
X = (1, 4, 6, 6)
Y_SCALE = np.float32(0.11)


def operator(
    op_type: str,
    operands: str,
    constants: Mapping[str, Any],
    shape: tuple[int, ...] = X,
    domain: str = MICROSOFT,
    **attributes: Any,
) -> onnx.ModelProto:
    """Quantize → the operator on `q` → `y`, in bytes; `s` and `z` are the encoding of `q`."""
    known = {"s": np.float32(0.04), "z": np.uint8(117), "ys": Y_SCALE, "yz": np.uint8(90)}
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node(op_type, operands, domain=domain, name="operator", **attributes),
    ]
    arrays = {name: np.asarray(a) for name, a in (known | dict(constants)).items()}
    used = set(operands.split()) | {"s", "z"}
    kept = {name: a for name, a in arrays.items() if name in used}
    model = model_of(nodes, {"x": shape}, kept)
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return model


def weights(*shape: int) -> Array:
    """Small enough that no kernel saturates the sum of two products."""
    return RNG.integers(-64, 64, shape).astype(np.int8)


BANK: dict[str, Any] = {"w": weights(5, 4, 3, 3), "ws": np.float32(0.03), "wz": np.int8(0)}
BY_MAP: dict[str, Any] = {
    "ws": RNG.uniform(0.01, 0.05, 5).astype(np.float32),
    "wz": np.zeros(5, np.int8),
}
BIAS: dict[str, Any] = {"b": RNG.integers(-3000, 3000, 5).astype(np.int32)}
MATRIX: dict[str, Any] = {"w": weights(6, 5), "ws": np.float32(0.03), "wz": np.int8(0)}
CONSTANT: dict[str, Any] = {
    "c": RNG.integers(0, 256, (4, 1, 1)).astype(np.uint8),
    "cs": np.float32(0.07),
}
CONSTANT |= {"cz": np.uint8(100)}

OPERATORS: dict[str, Callable[[], onnx.ModelProto]] = {
    "conv": lambda: operator("QLinearConv", "q s z w ws wz ys yz", BANK, domain=""),
    "conv by map": lambda: operator(
        "QLinearConv", "q s z w ws wz ys yz b", BANK | BY_MAP | BIAS, domain="", pads=[1, 0, 1, 2]
    ),
    "grouped": lambda: operator(
        "QLinearConv",
        "q s z w ws wz ys yz b",
        BANK
        | BY_MAP
        | {"w": weights(5, 1, 3, 3)[:4], "b": BIAS["b"][:4]}
        | {name: array[:4] for name, array in BY_MAP.items()},
        domain="",
        group=4,
    ),
    "matmul": lambda: operator("QLinearMatMul", "q s z w ws wz ys yz", MATRIX, (3, 6), domain=""),
    "matmul by map": lambda: operator(
        "QLinearMatMul", "q s z w ws wz ys yz", MATRIX | BY_MAP, (3, 6), domain=""
    ),
    "gemm": lambda: operator("QGemm", "q s z w ws wz b ys yz", MATRIX | BIAS, (3, 6)),
    "gemm by map": lambda: operator(
        "QGemm", "q s z w ws wz b ys yz", MATRIX | BY_MAP | BIAS, (3, 6), alpha=0.5
    ),
    "gemm transposed": lambda: operator(
        "QGemm", "q s z w ws wz _ ys yz", MATRIX | {"w": weights(5, 6)}, (3, 6), transB=1
    ),
    "gemm in float": lambda: operator("QGemm", "q s z w ws wz b", MATRIX | BIAS, (3, 6)),
    "add": lambda: operator("QLinearAdd", "q s z q s z ys yz", {}),
    "add constant": lambda: operator("QLinearAdd", "q s z c cs cz ys yz", CONSTANT),
    "mul": lambda: operator("QLinearMul", "q s z q s z ys yz", {}),
    "average": lambda: operator(
        "QLinearAveragePool", "q s z ys yz", {}, kernel_shape=[3, 2], strides=[2, 2]
    ),
    "mean": lambda: operator("QLinearGlobalAveragePool", "q s z ys yz", {"ys": np.float32(0.01)}),
    "concat": lambda: operator("QLinearConcat", "ys yz q s z q s z", {}, axis=1),
    "sigmoid": lambda: operator("QLinearSigmoid", "q s z ys yz", {"ys": np.float32(0.004)}),
    "leaky": lambda: operator("QLinearLeakyRelu", "q s z ys yz", {}, alpha=0.3),
    "softmax": lambda: operator(
        "QLinearSoftmax", "q s z ys yz", {"ys": np.float32(1 / 256)}, (3, 6), axis=1, opset=13
    ),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_rounds_what_the_float_one_computes(name: str) -> None:
    """Halves, and what single precision makes of them, may be one step apart."""
    model = OPERATORS[name]()
    graph = graph_of(model)
    x = RNG.standard_normal(graph["x"].type.shape).astype(np.float32) * 2
    found = reference.run(graph, x=x)["y"]
    expected = run_onnx(model, {"x": x}, optimized=False)["y"]
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if expected.dtype == np.float32:
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        return
    apart = np.abs(found.astype(int) - expected.astype(int))
    assert apart.max() <= 1
    assert (apart == 0).mean() >= 0.98
    assert len(np.unique(expected)) > 3, "the case shows nothing"
    quantize = graph["y"].op
    assert isinstance(quantize, Quantize)
    scale = next(float(a) for n, a in constants(model).items() if n == "ys")
    zero_point = next(int(a) for n, a in constants(model).items() if n == "yz")
    assert quantize.to == Encoding(8, scale, zero_point, signed=False)


def constants(model: onnx.ModelProto) -> dict[str, Array]:
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def test_all_integers_of_a_bank_are_kept() -> None:
    everything = random_integers(np.random.default_rng(2), Int(8), (5, 4, 3, 3))
    graph = graph_of(
        operator(
            "QLinearConv",
            "q s z w ws wz ys yz b",
            BANK | BY_MAP | BIAS | {"w": everything},
            domain="",
        )
    )
    conv = graph[graph["y"].inputs[0]]
    (weight_integers, weight_scales), (bias_integers, bias_scales) = (
        (graph[name].op.value.array for name in graph[operand].inputs)  # type: ignore[attr-defined]
        for operand in conv.inputs[1:]
    )
    np.testing.assert_array_equal(weight_integers, everything.reshape(20, 3, 3))
    np.testing.assert_array_equal(weight_scales, np.repeat(BY_MAP["ws"], 4))
    np.testing.assert_array_equal(bias_integers, BIAS["b"])
    np.testing.assert_array_equal(bias_scales, np.float32(0.04) * BY_MAP["ws"])


REFUSED = {
    "channels last": (
        operator("QLinearGlobalAveragePool", "q s z ys yz", {}, channels_last=1),
        r"QLinearGlobalAveragePool has its channels last, and maps are \[N, C, H, W\] here\. Quan",
    ),
    "inputs": (
        operator("QLinearSigmoid", "q s z", {}),
        r"QLinearSigmoid has 3 inputs, but takes at least 4",
    ),
    "concat": (
        operator("QLinearConcat", "ys yz q s z q", {}, axis=1),
        r"QLinearConcat takes a value, a scale and a zero point for each of its operands, but has",
    ),
    "other operator": (
        operator("QAttention", "q s z", {}),
        r"the operator QAttention is of the domain 'com\.microsoft', which is not supported",
    ),
    "attribute": (
        operator("QLinearAdd", "q s z q s z ys yz", {}, axis=3),
        r"the attribute 'axis' of QLinearAdd is not supported",
    ),
    "late weights": (
        operator("QLinearMatMul", "q s z q s z ys yz", {}, (6, 6), domain=""),
        r"the weights of QLinearMatMul must be a constant, but 'q' is computed when the network",
    ),
    "bias in float": (
        operator("QLinearConv", "q s z w ws wz ys yz b", BANK | {"b": np.ones(5, "f4")}, domain=""),
        r"the bias 'b' of QLinearConv must be in int32, but is in float32",
    ),
    "bias of another size": (
        operator(
            "QLinearConv",
            "q s z w ws wz ys yz b",
            BANK | BY_MAP | {"b": np.ones(3, np.int32)},
            domain="",
        ),
        r"the bias 'b' of shape \[3\] does not have one number for each of 5 output maps",
    ),
    "scales of rows": (
        operator(
            "QLinearMatMul",
            "q s z w ws wz ys yz",
            MATRIX | {"ws": np.ones(6, np.float32), "wz": np.zeros(6, np.int8)},
            (3, 6),
            domain="",
        ),
        r"the operand 'w' of QLinearMatMul has 6 scales, but 5 indices along its axis 1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_refused_by_name(name: str) -> None:
    model, pattern = REFUSED[name]
    refused(model, rf"^net\.onnx, node 'operator' \(\w+\): {pattern}")
