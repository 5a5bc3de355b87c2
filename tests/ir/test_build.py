"""Building: names become unique, types are inferred, mistakes name the node and its place."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder, graph_of_sample
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Input
from sightline.ir.op import Sample
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Linear
from sightline.ir.ops.pointwise import Relu
from sightline.ir.types import TensorType
from sightline.ir.verify import verify


def test_types_what_is_added() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((2, 3)), where="net.py:1")
    w = net.constant(np.zeros((4, 3), np.float32), "w", "net.fc", "net.py:2")
    y = net.add(Linear(), x, w, name="fc", instance="net.fc", where="net.py:3")
    net.output(y, "scores")
    net.output(x)
    graph = net.finish()
    verify(graph)
    assert graph[y].type == TensorType((2, 4))
    assert [(n.name, n.instance, n.where) for n in graph.nodes] == [
        ("x", "", "net.py:1"), ("w", "net.fc", "net.py:2"), ("fc", "net.fc", "net.py:3"),
    ]  # fmt: skip
    assert [(out.label, out.node) for out in graph.outputs] == [("scores", "fc"), ("x", "x")]


def test_unnamed_nodes_are_called_by_their_kind() -> None:
    net = GraphBuilder("net")
    x = net.input("", TensorType((1,)))
    assert [x, net.add(Relu(), x), net.add(Relu(), x)] == ["value", "relu", "relu_1"]


def test_names_stay_clear_of_those_given() -> None:
    net = GraphBuilder("net")
    x = net.input("a", TensorType((1,)))
    names = [net.add(Relu(), x, name=name) for name in ("a_1", "a", "a_1", "a", "a_1_1")]
    assert names == ["a_1", "a_2", "a_1_1", "a_3", "a_1_1_1"]


@given(st.lists(st.sampled_from(["a", "a_1", "a_1_1", "a_2", "b"])))
def test_names_are_unique(names: list[str]) -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1,)))
    given_ = [net.add(Relu(), x, name=name) for name in names]
    assert len(set(given_)) == len(names)
    for name, unique in zip(names, given_, strict=True):
        assert unique.startswith(name)


def test_ten_thousand_nodes_of_one_name() -> None:
    net = GraphBuilder("deep")
    value = net.input("x", TensorType((1,)))
    start = time.perf_counter()
    for _ in range(10_000):
        value = net.add(Relu(), value, name="layer")
    assert time.perf_counter() - start < 2.0, "unique names must not cost a search each"
    assert value == "layer_9999"


def test_a_mistake_names_its_node_and_place() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((2, 3)))
    y = net.input("y", TensorType((2, 4)))
    with pytest.raises(
        UserError,
        match=r"^node 'sum' \(net\.py:7\): shapes \[2, 3\] and \[2, 4\] do not broadcast: ",
    ) as caught:
        net.add(Add(), x, y, name="sum", where="net.py:7")
    assert (caught.value.node, caught.value.where) == ("sum", "net.py:7")
    with pytest.raises(UserError, match=r"^node 'add': shapes "):
        net.add(Add(), x, y)
    assert "sum" not in net
    assert len(net.finish().nodes) == 2


def test_values_are_looked_up_by_name() -> None:
    net = GraphBuilder("net")
    net.input("x", TensorType((2, 3)))
    assert "x" in net
    assert "y" not in net
    assert net["x"].type == TensorType((2, 3))


def test_keep_takes_a_node_of_another_graph() -> None:
    other = GraphBuilder("other")
    x = other.input("x", TensorType((2,)))
    node = other[other.add(Relu(), x, name="r", instance="net.r", where="net.py:3")]
    net = GraphBuilder("net")
    y = net.input("y", TensorType((5,)))
    kept = net[net.keep(node, (y,))]
    assert (kept.name, kept.op, kept.inputs, kept.type) == ("r", Relu(), ("y",), TensorType((5,)))
    assert (kept.instance, kept.where) == ("net.r", "net.py:3")


def test_a_constant_is_kept_as_it_is() -> None:
    net = GraphBuilder("net")
    constant = Constant(np.zeros(3, np.int8))
    op = net[net.constant(constant, "c")].op
    assert isinstance(op, Const)
    assert op.value is constant


def test_the_graph_of_a_sample_has_data_as_inputs_and_weights_as_constants() -> None:
    x, w = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
    graph = graph_of_sample(Sample(Linear(), (x,), (w,)))
    verify(graph)
    assert [type(node.op) for node in graph.nodes] == [Input, Const, Linear]
    assert [(out.label, out.node) for out in graph.outputs] == [("y", "linear")]
