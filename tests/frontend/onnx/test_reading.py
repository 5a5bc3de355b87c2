"""How files are read: names, constants known while reading, order, batches, weights, elements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sightline.backends import reference
from sightline.frontend.onnx import read
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.arithmetic import Mul
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import Gather, Reshape
from sightline.ir.ops.pointwise import Clip, LeakyRelu, SoftShrink
from sightline.ir.ops.pooling import LPPool
from sightline.ir.types import Array, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from tests.support.onnx_models import Sizes, graph_of, model_of, node, one_node
from tests.support.onnxruntime import assert_close, run_onnx


def maps(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check(model: onnx.ModelProto, **inputs: Array) -> Graph:
    """The graph of a model, valid, and with the results of onnxruntime."""
    graph = graph_of(model)
    verify(graph)
    expected = run_onnx(model, inputs)
    found = reference.run(graph, **inputs)
    assert list(found) == list(expected)
    for name, y in expected.items():
        assert_close(found[name], y, 1e-5)
    return graph


def kinds(graph: Graph) -> list[str]:
    return [entry.op.kind for entry in graph.operations]


def test_nodes_are_named_and_know_where_they_came_from(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "r", name="/act/Relu"), node("Tanh", "r", "y")]
    onnx.save(model_of(nodes, {"x": (1, 2)}), tmp_path / "net.onnx")
    graph = read(tmp_path / "net.onnx").graph
    assert [entry.name for entry in graph.nodes] == ["x", "/act/Relu", "y"]
    assert graph["/act/Relu"].where == "net.onnx, node '/act/Relu' (Relu)"
    assert graph["y"].where == "net.onnx, node 'y' (Tanh)"
    assert graph.outputs[0].label == "y"


def test_nodes_in_any_order() -> None:
    nodes = [node("Tanh", "b"), node("Abs", "a", "b"), node("Relu", "x", "a")]
    graph = graph_of(model_of(nodes, {"x": (1, 2)}))
    assert kinds(graph) == ["relu", "abs", "tanh"]


@pytest.mark.parametrize("batch", ["N", None, 0, 1, 3])
def test_an_open_batch_is_one_frame(batch: int | str | None) -> None:
    shape: Sizes = (batch, 2)
    graph = graph_of(model_of([node("Relu", "x")], {"x": shape}))
    assert graph["x"].type == TensorType((3 if batch == 3 else 1, 2))


def test_the_target_of_a_reshape_is_computed_as_exporters_write_it() -> None:
    nodes = [
        node("Shape", "x", "shape"),
        node("Constant", "", "zero", value_int=0),
        node("Gather", "shape zero", "batch", axis=0),
        node("Constant", "", "two", value_ints=[2]),
        node("Slice", "shape one two", "height"),
        node("Mul", "height two", "twice"),
        node("Div", "twice two", "once"),
        node("Constant", "", "axes", value_ints=[0]),
        node("Unsqueeze", "batch axes", "listed"),
        node("Cast", "once", "narrow", to=TensorProto.INT32),
        node("Cast", "narrow", "wide", to=TensorProto.INT64),
        node("Sub", "wide zero", "rows"),
        node("Concat", "listed rows rest", "target", axis=0),
        node("Reshape", "x target"),
    ]
    constants = {"one": np.array([1]), "rest": np.array([-1])}
    graph = check(model_of(nodes, {"x": (2, 3, 4, 5)}, constants), x=maps(2, 3, 4, 5))
    assert graph.operations[0].op == Reshape((2, 3, 20))
    assert kinds(graph) == ["reshape"]


def test_scales_computed_in_floating_point() -> None:
    nodes = [
        node("Shape", "x", "shape"),
        node("Slice", "shape two four", "spatial"),
        node("Cast", "spatial", "sizes", to=TensorProto.FLOAT),
        node("Mul", "sizes factor", "larger"),
        node("Floor", "larger", "whole"),
        node("Cast", "whole", "target", to=TensorProto.INT64),
        node("Slice", "shape zero two", "front"),
        node("Concat", "front target", "all", axis=0),
        node("Resize", "x _ _ all", mode="linear"),
    ]
    constants = {
        "zero": np.array([0]),
        "two": np.array([2]),
        "four": np.array([4]),
        "factor": np.array(1.5, np.float32),
    }
    graph = check(model_of(nodes, {"x": (1, 2, 3, 5)}, constants), x=maps(1, 2, 3, 5))
    assert graph.operations[0].type.shape == (1, 2, 4, 7)


def test_weights_that_are_computed_are_constants() -> None:
    nodes = [
        node("Transpose", "w", "t", perm=[1, 0]),
        node("ConstantOfShape", "n", "bias", value=helper.make_tensor("", 1, [1], [0.5])),
        node("Mul", "bias bias", "small"),
        node("MatMul", "x t", "product"),
        node("Add", "product small"),
    ]
    constants = {"w": maps(4, 3), "n": np.array([4])}
    graph = check(model_of(nodes, {"x": (2, 3)}, constants), x=maps(2, 3))
    assert kinds(graph) == ["linear", "add"]


def test_shared_weights_are_one_constant() -> None:
    nodes = [node("Conv", "a w", "p"), node("Conv", "b w", "q"), node("Add", "p q")]
    model = model_of(nodes, {"a": (1, 2, 5, 5), "b": (1, 2, 5, 5)}, {"w": maps(3, 2, 3, 3)})
    graph = check(model, a=maps(1, 2, 5, 5), b=maps(1, 2, 5, 5, seed=1))
    assert [entry.name for entry in graph.nodes if isinstance(entry.op, Const)] == ["w"]


def test_initializers_among_the_inputs_are_constants() -> None:
    model = model_of([node("Add", "x w")], {"x": (1, 2), "w": (1, 2)}, {"w": maps(1, 2)})
    assert [entry.name for entry in graph_of(model).inputs] == ["x"]


def test_outputs_may_be_inputs_and_constants() -> None:
    nodes = [node("Identity", "w", "c"), node("Relu", "x", "r")]
    graph = graph_of(model_of(nodes, {"x": (1, 2)}, {"w": maps(2)}, "x c r"))
    found = reference.run(graph, x=maps(1, 2))
    np.testing.assert_array_equal(found["x"], maps(1, 2))
    np.testing.assert_array_equal(found["c"], maps(2))


ELEMENTS = {
    TensorProto.FLOAT: [1.5, -2.0],
    TensorProto.DOUBLE: [1.5, -2.0],
    TensorProto.FLOAT16: [1.5, -2.0],
    TensorProto.INT8: [1, -2],
    TensorProto.INT16: [1, -2],
    TensorProto.INT32: [1, -2],
    TensorProto.INT64: [1, -2],
    TensorProto.UINT8: [1, 2],
    TensorProto.UINT16: [1, 2],
    TensorProto.UINT32: [1, 2],
    TensorProto.UINT64: [1, 2],
    TensorProto.BOOL: [True, False],
}


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("data_type", ELEMENTS)
def test_elements_of_every_type_may_be_cast(data_type: int, raw: bool) -> None:
    tensor = helper.make_tensor("w", data_type, [2], ELEMENTS[data_type])
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(tensor), "w")
    model = model_of([node("Cast", "w", "f", to=1), node("Mul", "x f")], {"x": (2,)})
    model.graph.initializer.append(tensor)
    check(model, x=maps(2))


@pytest.mark.parametrize(
    "attributes", [{}, {"transB": 1}, {"transA": 1}, {"alpha": 0.5, "beta": 2.0}]
)
@pytest.mark.parametrize("shape", [None, (), (1,), (4,), (1, 4), (2, 1), (2, 4), (1, 1)])
def test_gemm(attributes: dict[str, float], shape: tuple[int, ...] | None) -> None:
    weights = maps(4, 3) if attributes.get("transB") else maps(3, 4)
    x = maps(3, 2) if attributes.get("transA") else maps(2, 3)
    addend = None if shape is None else maps(*shape)
    model = one_node("Gemm", x.shape, weights, addend, opset=13, **attributes)
    check(model, x=x)


def test_gemm_adds_what_is_computed() -> None:
    model = model_of(
        [node("Gemm", "x w c", beta=0.5)], {"x": (2, 3), "c": (2, 4)}, {"w": maps(3, 4)}
    )
    assert kinds(check(model, x=maps(2, 3), c=maps(2, 4))) == ["mul", "linear", "add"]


def test_clip_takes_bounds_from_attributes_and_inputs() -> None:
    def op(model: onnx.ModelProto) -> object:
        return graph_of(model).operations[0].op

    low, high = (np.array(number, np.float32) for number in (-1, 2))
    assert op(one_node("Clip", (1, 2), opset=6 + 1, min=-1.0)) == Clip(-1.0, np.inf)
    assert op(one_node("Clip", (1, 2), opset=10)) == Clip(-np.inf, np.inf)
    assert op(one_node("Clip", (1, 2), low, high)) == Clip(-1.0, 2.0)
    assert op(one_node("Clip", (1, 2), None, high)) == Clip(-np.inf, 2.0)
    crossed = one_node("Clip", (1, 2), high, low)
    check(crossed, x=maps(1, 2))


def test_division_is_a_product_with_the_reciprocal() -> None:
    graph = check(one_node("Div", (2, 3), maps(3)), x=maps(2, 3))
    assert graph.operations[0].op == Mul()


@pytest.mark.parametrize("indices", [[2, 0], [-1], 1, [[0, 1], [2, -3]]])
def test_gather(indices: list[int] | int) -> None:
    graph = check(one_node("Gather", (2, 3, 4), np.array(indices), axis=1), x=maps(2, 3, 4))
    assert isinstance(graph.operations[0].op, Gather)


@pytest.mark.parametrize("opset", [7, 13])
@pytest.mark.parametrize("axes", [None, [0], [-1, 0], [0, 3]])
def test_squeeze_and_unsqueeze(opset: int, axes: list[int] | None) -> None:
    for name, shape in (("Squeeze", (1, 2, 3, 1)), ("Unsqueeze", (2, 3))):
        if axes is None and name == "Unsqueeze":
            continue
        if opset < 13:
            plain = {} if axes is None else {"axes": [axis % 4 for axis in axes]}
            model = one_node(name, shape, opset=opset, **plain)
        else:
            lists = () if axes is None else (np.array(axes),)
            model = one_node(name, shape, *lists, opset=opset)
        check(model, x=maps(*shape))


def test_split_gives_slices_and_may_leave_outputs_unread() -> None:
    for opset, sizes in ((7, None), (11, [1, 3]), (13, [1, 3]), (18, None)):
        attributes: dict[str, object] = {"axis": 1}
        operands = "x"
        constants = {}
        if sizes and opset < 13:
            attributes["split"] = sizes
        elif sizes:
            operands, constants = "x s", {"s": np.array(sizes)}
        elif opset >= 18:
            attributes["num_outputs"] = 2
        nodes = [node("Split", operands, "a b", **attributes), node("Relu", "b")]
        check(model_of(nodes, {"x": (1, 4)}, constants, opset=opset), x=maps(1, 4))


def test_labels_keep_their_axis_and_may_be_cast() -> None:
    nodes = [node("ArgMax", "x", "l", axis=1), node("Cast", "l", to=TensorProto.INT32)]
    graph = check(model_of(nodes, {"x": (1, 5, 2, 2)}), x=maps(1, 5, 2, 2))
    assert graph.operations[-1].type.shape == (1, 1, 2, 2)


def test_a_sum_of_many_dropouts_and_identities() -> None:
    nodes = [
        node("Dropout", "x", "a"),
        node("Identity", "x", "b"),
        node("Sum", "a b x", "s"),
        node("Sum", "s"),
    ]
    graph = check(model_of(nodes, {"x": (1, 3)}), x=maps(1, 3))
    assert kinds(graph) == ["identity", "identity", "add", "add", "identity"]


def test_attributes_are_the_decimals_that_were_written() -> None:
    assert graph_of(one_node("LeakyRelu", (1, 2), alpha=0.1)).operations[0].op == LeakyRelu(0.1)
    model = one_node("Shrink", (1, 2), bias=0.3, lambd=0.3)
    assert graph_of(model).operations[0].op == SoftShrink(0.3)


def test_global_lp_pool_is_one_window() -> None:
    graph = check(one_node("GlobalLpPool", (1, 2, 3, 4), p=3), x=maps(1, 2, 3, 4))
    assert graph.operations[0].op == LPPool(Window((3, 4)), 3.0)


def test_groups_and_a_missing_bias() -> None:
    model = one_node("Conv", (1, 4, 5, 5), maps(6, 2, 3, 3), group=2)
    (conv,) = check(model, x=maps(1, 4, 5, 5)).operations
    assert isinstance(conv.op, Conv)
    assert conv.op.table.groups == 2
    assert len(conv.inputs) == 2


def test_a_matrix_product_is_a_linear_layer() -> None:
    assert check(one_node("MatMul", (2, 3), maps(3, 4)), x=maps(2, 3)).operations[0].op == Linear()


def test_a_chain_of_thousands_is_read_in_linear_time() -> None:
    nodes = [node("Relu", f"v{i}", f"v{i + 1}") for i in range(4000)]
    graph = graph_of(model_of(nodes[::-1], {"v0": (1, 2)}, outputs="v4000"))
    assert len(graph.operations) == 4000


def test_importing_the_frontend_does_not_import_onnx() -> None:
    program = "import sys, sightline.frontend.onnx; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
