"""Ops that one kernel computes: which join, which do not, and that all means the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.fusion import fused, groups
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.arithmetic import Add, Mul
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.table import Table
from sightline.ir.types import TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from tests.support.examples import examples
from tests.support.pass_checks import all_values
from tests.support.random_graphs import graphs, inputs_for

RNG = np.random.default_rng(0)
AROUND = Window((3, 3), pads=(1, 1, 1, 1))
HALVES = MaxPool(Window((2, 2), strides=(2, 2)))


class Net(GraphBuilder):
    """A network of 8 maps that grows op by op."""

    def __init__(self) -> None:
        super().__init__("net")
        self.first = self.input("x", TensorType((1, 8, 6, 10)))

    def bank(self, x: str, name: str, table: Table | None = None) -> str:
        table = table or Table.dense(8, 8)
        weights = RNG.standard_normal((table.pairs, 3, 3)).astype(np.float32)
        return self.add(Conv(AROUND, table), x, self.constant(weights, f"{name}.w"), name=name)

    def parts(self, *outputs: str) -> list[tuple[str, ...]]:
        for value in outputs:
            self.output(value)
        graph = self.finish()
        assert_same(graph, {"x": RNG.standard_normal((1, 8, 6, 10)).astype(np.float32)})
        return [tuple(node.name for node in group.nodes) for group in groups(graph)]


def assert_same(graph: Graph, inputs: dict[str, np.ndarray]) -> None:
    """Fused or not, the values that remain are the very same."""
    staged = fused(graph, groups(graph))
    verify(staged)
    assert [out.label for out in staged.outputs] == [out.label for out in graph.outputs]
    wanted, got = all_values(graph, inputs), all_values(staged, inputs)
    assert {out.node for out in graph.outputs} <= got.keys() <= wanted.keys()
    for name, value in got.items():
        np.testing.assert_array_equal(value, wanted[name])


def test_a_bank_its_pooling_and_what_follows_are_one() -> None:
    net = Net()
    y = net.add(HALVES, net.bank(net.first, "bank"), name="pool")
    y = net.add(Relu(), y, name="relu")
    assert net.parts(net.add(Tanh(), y, name="tanh")) == [("bank", "pool", "relu", "tanh")]


def test_a_sum_joins_the_bank_that_it_alone_reads() -> None:
    """The other branch was computed before, or is what both began with."""
    net = Net()
    one = net.bank(net.first, "one")
    two = net.bank(one, "two")
    y = net.add(Relu(), net.add(Add(), one, two, name="sum"), name="relu")
    assert net.parts(y) == [("one",), ("two", "sum", "relu")]


def test_what_a_sum_adds_number_by_number_joins_the_bank_too() -> None:
    net = Net()
    scaled = net.add(Tanh(), net.add(Relu(), net.first, name="relu"), name="tanh")
    y = net.add(Add(), scaled, net.bank(net.first, "bank"), name="sum")
    assert net.parts(y) == [("bank", "relu", "tanh", "sum")]


def test_what_two_banks_make_is_added_in_the_kernel_of_one() -> None:
    net = Net()
    one = net.add(Relu(), net.bank(net.first, "one"), name="relu")
    two = net.add(Tanh(), net.bank(net.first, "two"), name="tanh")
    y = net.add(Add(), one, two, name="sum")
    assert net.parts(y) == [("one", "relu"), ("two", "tanh", "sum")]


def test_a_bank_is_pooled_before_what_it_adds_joins() -> None:
    """Pixels of another map are read behind the pooling, and none is pooled after them."""
    net = Net()
    small = net.add(HALVES, net.first, name="small")
    relu = net.add(Relu(), small, name="relu")
    pooled = net.add(HALVES, net.bank(net.first, "bank"), name="pool")
    y = net.add(Add(), pooled, net.add(Tanh(), relu, name="tanh"), name="sum")
    assert net.parts(y, small) == [("small",), ("bank", "pool", "relu", "tanh", "sum")]


def test_what_several_read_goes_through_memory() -> None:
    net = Net()
    bank = net.bank(net.first, "bank")
    one, two = net.add(Relu(), bank, name="one"), net.add(Tanh(), bank, name="two")
    assert net.parts(one, two) == [("bank",), ("one",), ("two",)]


def test_an_output_goes_through_memory() -> None:
    net = Net()
    bank = net.bank(net.first, "bank")
    assert net.parts(bank, net.add(Relu(), bank, name="relu")) == [("bank",), ("relu",)]


def test_a_square_reads_its_operand_twice() -> None:
    net = Net()
    bank = net.bank(net.first, "bank")
    assert net.parts(net.add(Mul(), bank, bank, name="square")) == [("bank",), ("square",)]


def test_windows_that_overlap_or_leave_pixels_are_pooled_apart() -> None:
    for window in (
        Window((3, 3), strides=(2, 2)),
        Window((2, 2), strides=(2, 2), pads=(0, 0, 0, 1)),
        Window((4, 4), strides=(4, 4)),
        Window((3, 1), strides=(3, 1)),
    ):
        net = Net()
        y = net.add(MaxPool(window), net.bank(net.first, "bank"), name="pool")
        assert net.parts(y) == [("bank",), ("pool",)]


def test_a_pooling_joins_no_bank_of_several_fan_ins() -> None:
    net = Net()
    ragged = Table(8, 8, 4, ((0, 1, 2), (3, 4)))
    y = net.add(HALVES, net.bank(net.first, "bank", ragged), name="pool")
    assert net.parts(y) == [("bank",), ("pool",)]


def test_pixels_of_another_map_are_added_behind_the_pooling_alone() -> None:
    net = Net()
    bank = net.bank(net.first, "bank")
    y = net.add(HALVES, net.add(Add(), bank, net.first, name="sum"), name="pool")
    assert net.parts(y) == [("bank", "sum"), ("pool",)]


def test_a_row_of_numbers_joins_nothing() -> None:
    """It is another one for each column, where maps have one number each."""
    net = Net()
    row = net.constant(RNG.standard_normal(10).astype(np.float32), "row")
    each = net.constant(RNG.standard_normal((8, 1, 1)).astype(np.float32), "each")
    y = net.add(Mul(), net.bank(net.first, "bank"), each, name="scaled")
    assert net.parts(net.add(Add(), y, row, name="sum")) == [("bank", "scaled"), ("sum",)]


@examples(60)
@given(graphs(max_nodes=6), st.integers(0, 99))
def test_of_any_graph(graph: Graph, seed: int) -> None:
    assert_same(graph, dict(inputs_for(graph, seed)))
