"""What a graph knows of itself: uses, multiply-accumulates, parameters."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.pointwise import Relu
from sightline.ir.table import Table
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from tests.support.strange_graphs import LENET_C3


@pytest.fixture
def shared() -> Graph:
    """One filter bank at two scales of its input, and a constant added to itself."""
    net = GraphBuilder("shared")
    bank = Conv(Window((3, 3)), Table.dense(2, 4))
    weights = net.constant(np.ones((8, 3, 3), np.float32), "w")
    bias = net.constant(np.ones(4, np.float32), "b")
    fine = net.input("fine", TensorType((1, 2, 8, 8)))
    coarse = net.input("coarse", TensorType((1, 2, 4, 4)))
    net.output(net.add(bank, fine, weights, bias, name="at_fine"), "one")
    net.output(net.add(bank, coarse, weights, bias, name="at_coarse"), "two")
    twice = net.add(Add(), bias, bias, name="twice")
    net.output(twice, "three")
    net.output(twice, "four")
    return net.finish()


def test_uses_count_readers_and_the_caller(shared: Graph) -> None:
    assert shared.uses == {
        "w": 2, "b": 4, "fine": 1, "coarse": 1, "at_fine": 1, "at_coarse": 1, "twice": 2,
    }  # fmt: skip
    assert shared.uses["no such node"] == 0


def test_nodes_by_what_they_are(shared: Graph) -> None:
    assert [node.name for node in shared.inputs] == ["fine", "coarse"]
    assert [node.name for node in shared.operations] == ["at_fine", "at_coarse", "twice"]
    assert shared["at_fine"].type == TensorType((1, 4, 6, 6))
    assert shared.input_types(shared["at_fine"])[0] == TensorType((1, 2, 8, 8))
    with pytest.raises(KeyError):
        shared["no such node"]


def test_multiply_accumulates(shared: Graph) -> None:
    assert shared.macs(shared["at_fine"]) == 6 * 6 * 4 * 2 * 9
    assert shared.macs(shared["twice"]) == 0
    assert shared.total_macs == (6 * 6 + 2 * 2) * 4 * 2 * 9


def test_absent_planes_are_not_counted() -> None:
    x, window = TensorType((2, 6, 14, 14)), Window((5, 5))
    assert Conv(window, LENET_C3).macs(x) == 2 * 60 * 25 * 10 * 10
    assert Conv(Window((2, 2), strides=(2, 2)), Table.grouped(6, 6, 6)).macs(x) == 2 * 6 * 4 * 49
    assert Linear().macs(TensorType((3, 8)), TensorType((10, 8)), TensorType((10,))) == 240


def test_a_shared_constant_counts_once_in_total(shared: Graph) -> None:
    assert shared.parameters(shared["at_fine"]) == shared.parameters(shared["at_coarse"]) == 76
    assert shared.parameters(shared["twice"]) == 4
    assert shared.total_parameters == 76


def test_the_place_in_the_users_model_is_no_part_of_equality() -> None:
    type_ = TensorType((1,))
    one = Node("y", Relu(), ("x",), type_, where="net.py:3")
    assert one == Node("y", Relu(), ("x",), type_, where="net.py:4")
    assert one != Node("y", Relu(), ("x",), type_, instance="net")
    assert hash(one) == hash(Node("y", Relu(), ("x",), type_))


def test_is_immutable(shared: Graph) -> None:
    with pytest.raises(FrozenInstanceError):
        shared.name = "other"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        shared.nodes[0].name = "other"  # type: ignore[misc]


def test_renamed(shared: Graph) -> None:
    other = shared.renamed("other")
    assert (other.name, other.nodes, other.outputs) == ("other", shared.nodes, shared.outputs)
    assert shared.name == "shared"
