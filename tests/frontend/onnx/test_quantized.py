"""Models that are quantized already: they keep their integers, scales and zero points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnxruntime.quantization import QuantFormat, QuantType

from sightline.backends import reference
from sightline.frontend.onnx import read
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import Concat
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights, random_integers
from sightline.ir.types import Array, Int, Quant, TensorType
from sightline.passes import pipeline
from tests.support.onnx_models import graph_of, model_of, node
from tests.support.onnxruntime import assert_close, run_onnx
from tests.support.quantized_models import (
    NETWORKS,
    Form,
    float_model,
    frames,
    input_of,
    quantized_model,
)

U8, S8, S16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QInt16
FORMS = (
    Form(QuantFormat.QDQ, U8, U8),
    Form(QuantFormat.QDQ, U8, S8, per_channel=True, reduce_range=True),
    Form(QuantFormat.QDQ, S16, S8),
    Form(QuantFormat.QOperator, U8, U8),
    Form(QuantFormat.QOperator, U8, S8, per_channel=True, reduce_range=True),
)
"""Those for which onnxruntime is right on every processor: see `benchmarks/quantized.py`."""

SCALE: Array = np.array(0.05, np.float32)
WEIGHT_SCALE: Array = np.array(0.02, np.float32)
RNG = np.random.default_rng(7)
BYTES = RNG.integers(-128, 128, (4, 2, 3, 3)).astype(np.int8)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_model_of_onnxruntime_computes_the_same(network: str, form: Form, tmp_path: Path) -> None:
    """As it is read, in float with roundings; its own operators round halves otherwise."""
    model = float_model(network)
    path = quantized_model(model, form, tmp_path)
    name, shape = input_of(model)
    graph = read(path).graph
    optimized = pipeline.run(graph)
    for frame in frames(shape, 2, seed=3):
        (expected,) = run_onnx(path, {name: frame}, optimized=False).values()
        for each in (graph, optimized):
            (found,) = reference.run(each, **{name: frame}).values()
            apart = np.abs(found - expected) / np.abs(expected).max()
            assert apart.max() <= 0.06
            assert form.format is QuantFormat.QOperator or (apart <= 1e-4).mean() >= 0.8


def only(graph: Graph, kind: type) -> list[str]:
    return [node.name for node in graph.nodes if isinstance(node.op, kind)]


def array(graph: Graph, name: str) -> Array:
    op = graph[name].op
    assert isinstance(op, Const)
    return op.value.array


def bank(
    weights: Array,
    scale: Array,
    zero_point: Array,
    activation_zero: Array,
    *,
    bias: Array | None = None,
    **axis: int,
) -> onnx.ModelProto:
    """x → Quantize → Dequantize → Conv of weights with a bias → Quantize → Dequantize."""
    constants: dict[str, Array] = {
        "s": SCALE,
        "z": activation_zero,
        "w": weights,
        "ws": scale,
        "wz": zero_point,
    }
    nodes = [
        node("QuantizeLinear", "x s z", "xq"),
        node("DequantizeLinear", "xq s z", "xr"),
        node("DequantizeLinear", "w ws wz", "wr", **axis),
    ]
    operands = "xr wr"
    if bias is not None:
        constants |= {"b": bias, "bs": SCALE * scale, "bz": np.zeros(scale.shape, np.int32)}
        nodes.append(node("DequantizeLinear", "b bs bz", "br", axis=0))
        operands = "xr wr br"
    nodes += [
        node("Conv", operands, "c", name="conv"),
        node("QuantizeLinear", "c s z", "yq"),
        node("DequantizeLinear", "yq s z", "y"),
    ]
    return model_of(nodes, {"x": (1, 2, 5, 5)}, constants)


def agrees(model: onnx.ModelProto, graph: Graph) -> None:
    """The graph computes what onnxruntime does."""
    inputs = {n.name: some(n.type, np.random.default_rng(1)) for n in graph.inputs}
    found = reference.run(graph, **inputs)
    for label, y in run_onnx(model, inputs, optimized=False).items():
        assert_close(found[label], y, relative=1e-6)


def some(type_: TensorType, rng: np.random.Generator) -> Array:
    if isinstance(type_.element, Int):
        return random_integers(rng, type_.element, type_.shape)
    return (2 * rng.standard_normal(type_.shape)).astype(np.float32)


@pytest.mark.parametrize("zero", [np.array(3, np.int8), np.array(131, np.uint8)])
def test_scales_zero_points_and_integers_are_kept(zero: Array) -> None:
    bias = np.array([70000, -5, 0, 9], np.int32)
    scales = np.array([0.02, 0.01, 0.5, 0.003], np.float32)
    model = bank(BYTES, scales, np.zeros(4, np.int8), zero, bias=bias, axis=0)
    graph = graph_of(model)
    encoding = Encoding(8, float(SCALE), int(zero), zero.dtype == np.int8)
    assert graph["xq"].op == graph["yq"].op == Quantize(encoding)
    assert graph["xr"].op == Dequantize(encoding)
    weights, constant = graph["wr"], graph["br"]
    assert isinstance(weights.op, ScaledWeights)
    np.testing.assert_array_equal(array(graph, weights.inputs[0]), BYTES.reshape(8, 3, 3))
    assert array(graph, weights.inputs[0]).dtype == np.int8
    np.testing.assert_array_equal(array(graph, weights.inputs[1]), np.repeat(scales, 2))
    np.testing.assert_array_equal(array(graph, constant.inputs[0]), bias)
    np.testing.assert_array_equal(array(graph, constant.inputs[1]), SCALE * scales)
    agrees(model, graph)


@pytest.mark.parametrize(
    ("weights", "zero", "dtype"),
    [
        (BYTES, np.int8(0), np.int8),
        (BYTES, np.int8(5), np.int16),
        (BYTES.view(np.uint8), np.uint8(128), np.int8),
        (BYTES.view(np.uint8), np.uint8(120), np.int16),
        (BYTES.astype(np.int16) * 200, np.int16(0), np.int16),
    ],
)
def test_weights_lose_their_zero_point(weights: Array, zero: np.generic, dtype: type) -> None:
    model = bank(weights, WEIGHT_SCALE, np.asarray(zero), np.array(3, np.int8))
    graph = graph_of(model)
    integers = array(graph, graph["wr"].inputs[0])
    assert integers.dtype == dtype
    expected = weights.astype(np.int64) - int(zero)
    np.testing.assert_array_equal(integers, expected.reshape(8, 3, 3))
    agrees(model, graph)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("op_type", ["Gemm", "MatMul"])
def test_matrices_have_a_scale_for_each_output(op_type: str, transposed: int) -> None:
    weights = BYTES.reshape(9, 8)[:, :3]
    scales = np.array([0.1, 0.2, 0.3], np.float32)
    transposed = transposed if op_type == "Gemm" else 0
    stored = np.ascontiguousarray(weights.T if transposed else weights)
    constants: dict[str, Array] = {
        "s": SCALE,
        "z": np.array(7, np.uint8),
        "w": stored,
        "ws": scales,
    }
    given = {"transB": transposed, "alpha": 0.5} if op_type == "Gemm" else {}
    nodes = [
        node("QuantizeLinear", "x s z", "xq"),
        node("DequantizeLinear", "xq s z", "xr"),
        node("DequantizeLinear", "w ws", "wr", axis=1 - transposed),
        node(op_type, "xr wr", "y", **given),
    ]
    model = model_of(nodes, {"x": (2, 9)}, constants)
    graph = graph_of(model)
    assert only(graph, Linear) == ["y"]
    np.testing.assert_array_equal(array(graph, graph["wr"].inputs[0]), weights.T)
    factor = np.float32(given.get("alpha", 1.0))
    np.testing.assert_array_equal(array(graph, graph["wr"].inputs[1]), scales * factor)
    agrees(model, graph)
    agrees(model, pipeline.run(graph))


@pytest.mark.parametrize("bits", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("narrow", [False, True])
def test_fewer_bits_are_a_clip_between_the_two(bits: int, narrow: bool) -> None:
    """As Brevitas exports: weights in float, and a Clip on the integers of both operands."""
    high = (1 << (bits - 1)) - 1
    low = -high if narrow else -high - 1
    constants: dict[str, Array] = {
        "w": RNG.standard_normal((4, 2, 3, 3)).astype(np.float32),
        "ws": np.full(4, 0.3, np.float32),
        "wz": np.zeros(4, np.int8),
        "s": np.array(np.float32(0.23)),
        "z": np.array(0, np.int8),
        "low": np.array(low, np.int8),
        "high": np.array(high, np.int8),
    }
    nodes = [
        node("QuantizeLinear", "w ws wz", "wq", axis=0),
        node("Clip", "wq low high", "wc"),
        node("DequantizeLinear", "wc ws wz", "wr", axis=0),
        node("QuantizeLinear", "x s z", "xq"),
        node("Clip", "xq low high", "xc"),
        node("DequantizeLinear", "xc s z", "xr"),
        node("Conv", "xr wr", "y"),
    ]
    model = model_of(nodes, {"x": (1, 2, 5, 5)}, constants)
    graph = graph_of(model)
    integers = array(graph, graph["wr"].inputs[0])
    assert integers.dtype == np.int8
    assert low <= integers.min() < integers.max() <= high
    held = reference.run(graph_of(model_of(nodes, {"x": (1, 2, 5, 5)}, constants, "xc")), x=WIDE)
    assert (held["xc"].min(), held["xc"].max()) == (low, high)
    agrees(model, graph)


WIDE = np.linspace(-99, 99, 50, dtype=np.float32).reshape(1, 2, 5, 5)


def test_bounds_of_integers_elsewhere_hold_them() -> None:
    constants: dict[str, Array] = {
        "s": SCALE,
        "z": np.array(10, np.uint8),
        "low": np.array(20, np.uint8),
    }
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("MaxPool", "q", "p", kernel_shape=[2, 2]),
        node("Clip", "p low", "y"),
    ]
    model = model_of(nodes, {"x": (1, 2, 5, 5)}, constants)
    graph = graph_of(model)
    element = Quant(Int(8, signed=False), float(SCALE), 10)
    assert {name: graph[name].type.element for name in ("q", "p", "y")} == dict.fromkeys(
        ("q", "p", "y"), element
    )
    agrees(model, graph)


def test_data_moves_as_integers() -> None:
    constants: dict[str, Array] = {
        "s": SCALE,
        "z": np.array(10, np.uint8),
        "shape": np.array([1, -1]),
    }
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("MaxPool", "q", "p", kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
        node("Transpose", "p", "t", perm=[0, 1, 3, 2]),
        node("Concat", "t t", "c", axis=1),
        node("Reshape", "c shape", "r"),
        node("DequantizeLinear", "r s z", "y"),
    ]
    model = model_of(nodes, {"x": (1, 2, 5, 5)}, constants)
    graph = graph_of(model)
    assert only(graph, MaxPool) + only(graph, Concat) == ["p", "c"]
    assert only(graph, Dequantize) == ["y"]
    agrees(model, graph)


def test_a_quantized_constant_that_is_no_weight_is_a_number() -> None:
    constants: dict[str, Array] = {
        "c": np.array([[[10]], [[20]]], np.uint8),
        "s": SCALE,
        "z": np.array(12, np.uint8),
    }
    nodes = [node("DequantizeLinear", "c s z", "r"), node("Add", "x r")]
    graph = graph_of(model_of(nodes, {"x": (1, 2, 5, 5)}, constants))
    np.testing.assert_array_equal(array(graph, "r").ravel(), np.array([-2, 8]) * SCALE)
    assert not only(graph, ScaledWeights)


def test_weights_that_two_banks_share_are_one() -> None:
    constants: dict[str, Array] = {"w": BYTES[:2], "s": WEIGHT_SCALE}
    nodes = [
        node("DequantizeLinear", "w s", "wr"),
        node("Conv", "x wr", "a", pads=[1, 1, 1, 1]),
        node("Conv", "a wr", "y"),
    ]
    graph = graph_of(model_of(nodes, {"x": (1, 2, 5, 5)}, constants))
    assert only(graph, ScaledWeights) == ["wr"]
    assert {graph[name].inputs[1] for name in only(graph, Conv)} == {"wr"}


def test_weights_keep_their_integers_when_they_are_transposed() -> None:
    constants: dict[str, Array] = {"w": BYTES.reshape(8, 9), "s": np.arange(1, 9, dtype=np.float32)}
    nodes = [
        node("DequantizeLinear", "w s", "wr", axis=0),
        node("Transpose", "wr", "wt", perm=[1, 0]),
        node("MatMul", "x wt"),
    ]
    model = model_of(nodes, {"x": (1, 9)}, constants)
    graph = graph_of(model)
    np.testing.assert_array_equal(array(graph, graph["wt"].inputs[0]), BYTES.reshape(8, 9))
    agrees(model, graph)


@pytest.mark.parametrize(
    ("mover", "kept"),
    [
        (node("Identity", "wr", "wm"), True),
        (node("Reshape", "wr shape", "wm"), True),
        (node("Slice", "wr zero one", "wm"), False),
    ],
)
def test_weights_that_are_moved_stay_integers_where_the_scale_follows(
    mover: onnx.NodeProto, kept: bool
) -> None:
    constants: dict[str, Array] = {"w": BYTES, "s": WEIGHT_SCALE, "shape": np.array([4, 2, 9, 1])}
    constants |= {"zero": np.array([0]), "one": np.array([1])}
    nodes = [node("DequantizeLinear", "w s", "wr"), mover, node("Conv", "x wm")]
    model = model_of(nodes, {"x": (1, 2, 9, 9)}, constants)
    graph = graph_of(model)
    assert bool(only(graph, ScaledWeights)) == kept
    agrees(model, graph)


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT8])
def test_a_network_may_take_and_give_integers(kind: int) -> None:
    zero = np.array(12, np.uint8 if kind == TensorProto.UINT8 else np.int8)
    nodes = [
        node("DequantizeLinear", "x s z", "r"),
        node("LeakyRelu", "r", "l", alpha=0.2),
        node("QuantizeLinear", "l s z"),
    ]
    model = model_of(nodes, {"x": (1, 2, 5, 5)}, {"s": SCALE, "z": zero})
    model.graph.input[0].type.tensor_type.elem_type = kind
    model.graph.output[0].type.tensor_type.elem_type = kind
    graph = graph_of(model)
    assert graph["x"].type.element == Int(8, signed=kind == TensorProto.INT8)
    agrees(model, graph)


def test_the_type_may_be_told_by_an_attribute() -> None:
    nodes = [node("QuantizeLinear", "x s", "q", output_dtype=TensorProto.INT16)]
    graph = graph_of(model_of(nodes, {"x": (3,)}, {"s": SCALE}, "q"))
    assert graph["q"].op == Quantize(Encoding(16, float(SCALE)))
    plain = [node("QuantizeLinear", "x s", "q")]
    graph = graph_of(model_of(plain, {"x": (3,)}, {"s": SCALE}, "q"))
    assert graph["q"].op == Quantize(Encoding(8, float(SCALE), signed=False))
