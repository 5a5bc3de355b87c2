"""Maps between filter banks are scaled until they match, and no number of the graph changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.reference import run
from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Pad, Reshape, Slice, Stuff, Transpose
from sightline.ir.ops.pointwise import Abs, Clip, LeakyRelu, Relu, Sigmoid, Tanh
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from sightline.passes.bank import pair_inputs, pair_maps
from sightline.passes.calibrate import observe
from sightline.passes.equalize import equalize
from tests.support.examples import examples
from tests.support.random_graphs import graphs, inputs_for

MAPS = 6
HALVES = Window((2, 2), strides=(2, 2))

SCALING: dict[str, Op] = {
    "relu": Relu(),
    "leaky relu": LeakyRelu(0.1),
    "leaky relu that turns": LeakyRelu(-0.3),
    "absolute": Abs(),
    "relu as a clip": Clip(0.0, np.inf),
    "max pooling": MaxPool(Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1))),
    "average pooling": AveragePool(HALVES),
    "sum pooling": SumPool(HALVES),
    "global average": GlobalAveragePool(),
    "global maximum": GlobalMaxPool(),
    "nearest": ResizeNearest((16, 24)),
    "bilinear": ResizeBilinear((11, 13)),
    "pyramid down": PyramidDown(),
    "pyramid up": PyramidUp((16, 24)),
    "padding by 0": Pad((0, 0, 1, 1, 0, 0, 2, 2)),
    "padding by the edge": Pad((0, 0, 1, 1, 0, 0, 2, 2), mode="edge", value=1.0),
    "stuffing by 0": Stuff((2, 2)),
    "cropping": Slice((0, 0, 1, 1), (1, MAPS, 7, 9), (1, 1, 1, 1)),
    "reshaping of pixels": Reshape((1, MAPS, 24, 4)),
    "transposed pixels": Transpose((0, 1, 3, 2)),
}
NOT_SCALING: dict[str, Op] = {
    "tanh": Tanh(),
    "sigmoid": Sigmoid(),
    "relu with a ceiling": Clip(0.0, 6.0),
    "relu with a floor": Clip(-1.0, np.inf),
    "root of squares": LPPool(HALVES),
    "padding by 1": Pad((0, 0, 1, 1, 0, 0, 1, 1), value=1.0),
    "padding of maps": Pad((0, 1, 0, 0, 0, 0, 0, 0)),
    "stuffing by 1": Stuff((2, 2), 1.0),
    "some maps": Slice((0, 2, 0, 0), (1, MAPS, 8, 12), (1, 1, 1, 1)),
    "maps backwards": Slice((0, MAPS - 1, 0, 0), (1, -1, 8, 12), (1, -1, 1, 1)),
    "maps as pixels": Reshape((1, 12, 8, 6)),
    "maps for rows": Transpose((0, 2, 1, 3)),
}


def bank(net: GraphBuilder, x: str, table: Table, name: str, spread: Array | None = None) -> str:
    """A filter bank of random weights, times a number for each of its maps."""
    rng = np.random.default_rng(len(name))
    spread = np.ones(table.maps) if spread is None else spread
    weights = rng.standard_normal((table.pairs, 1, 1)) * spread[pair_maps(table)][:, None, None]
    bias = rng.standard_normal(table.maps) * spread
    constants = [
        net.constant(array.astype(np.float32), f"{name}.{part}")
        for array, part in ((weights, "weight"), (bias, "bias"))
    ]
    return net.add(Conv(Window((1, 1)), table), x, *constants, name=name)


SPREAD = 2.0 ** np.array([-7, 0, 5, -2, 3, 9])


def two_banks(op: Op, spread: Array = SPREAD, table: Table | None = None) -> Graph:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 3, 8, 12)))
    table = table or Table.dense(3, MAPS)
    value = net.add(op, bank(net, x, table, "first", spread), name="between")
    channels = net[value].type.shape[1]
    net.output(bank(net, value, Table.dense(channels, 4), "second"), "y")
    return net.finish()


def array(graph: Graph, name: str) -> Array:
    op = graph[name].op
    assert isinstance(op, Const)
    return op.value.array


def conv(node: Node) -> Conv:
    assert isinstance(node.op, Conv)
    return node.op


def imbalances(graph: Graph, first: str = "first", second: str = "second") -> Array:
    """log2 of what makes each map, weights and bias, over what reads it."""
    made, read = np.zeros(MAPS), np.zeros(MAPS)
    for name, map_of in (
        (f"{first}.weight", pair_maps(conv(graph[first]).table)),
        (f"{first}.bias", np.arange(MAPS)),
    ):
        planes = np.abs(array(graph, name)).reshape(len(map_of), -1).max(axis=1)
        np.maximum.at(made, map_of, planes)
    map_of = pair_inputs(conv(graph[second]).table)
    planes = np.abs(array(graph, f"{second}.weight")).reshape(len(map_of), -1).max(axis=1)
    np.maximum.at(read, map_of, planes)
    log: Array = np.log2(made / read)
    return log


def assert_same_numbers(before: Graph, after: Graph, seed: int = 0) -> None:
    """Not one bit of an output differs."""
    verify(after)
    inputs = inputs_for(before, seed)
    wanted, found = run(before, **inputs), run(after, **inputs)
    assert wanted.keys() == found.keys()
    for label, numbers in wanted.items():
        np.testing.assert_array_equal(found[label], numbers)


@examples(60)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    assert_same_numbers(graph, equalize(graph), seed)


@pytest.mark.parametrize("op", SCALING.values(), ids=SCALING)
def test_maps_match_through_what_scales(op: Op) -> None:
    graph = two_banks(op)
    after = equalize(graph)
    assert_same_numbers(graph, after)
    assert np.abs(imbalances(graph)).max() > 6
    assert np.abs(imbalances(after)).max() <= 1
    assert equalize(after) == after


@pytest.mark.parametrize("op", NOT_SCALING.values(), ids=NOT_SCALING)
def test_what_does_not_scale_stays(op: Op) -> None:
    graph = two_banks(op)
    assert equalize(graph) == graph


def test_the_ranges_of_maps_come_together() -> None:
    graph = two_banks(Relu())
    frames = [inputs_for(graph, seed) for seed in range(4)]

    def spread(graph: Graph) -> float:
        means = observe(graph, frames)["between"].means
        return float(means.max() / means.min())

    # Half of what is uneven, in octaves, goes into the weights that read the maps.
    assert spread(graph) > 2.0**14
    assert spread(equalize(graph)) < 2.0**-6 * spread(graph)


@pytest.mark.parametrize(
    "table", [Table.grouped(3, MAPS, 3), Table(3, MAPS, 2, ((0, 2), (1,), (2, 0, 1)))]
)
def test_tables_are_honoured(table: Table) -> None:
    graph = two_banks(Relu(), table=table)
    after = equalize(graph)
    assert_same_numbers(graph, after)
    assert np.abs(imbalances(after)).max() <= 1


def test_a_chain_through_a_depthwise_bank_matches_all_along() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 3, 8, 12)))
    first = net.add(Relu(), bank(net, x, Table.dense(3, MAPS), "first", SPREAD))
    middle = bank(net, first, Table.grouped(MAPS, MAPS, MAPS), "middle", SPREAD[::-1])
    net.output(bank(net, net.add(Relu(), middle), Table.dense(MAPS, 4), "second"), "y")
    graph = net.finish()
    after = equalize(graph)
    assert_same_numbers(graph, after)
    for pair in (("first", "middle"), ("middle", "second")):
        assert np.abs(imbalances(after, *pair)).max() <= 1


@pytest.mark.parametrize("name", ["first.weight", "second.weight"])
def test_dead_maps_stay(name: str) -> None:
    graph = two_banks(Relu())
    weights = array(graph, name).copy()
    weights[LAST[name]] = 0
    graph = with_constant(graph, name, weights)
    after = equalize(graph)
    assert_same_numbers(graph, after)
    assert changed_maps(graph, after) == UNEVEN - {5}


def test_maps_that_would_be_rounded_stay() -> None:
    graph = two_banks(Relu())
    assert changed_maps(graph, equalize(graph)) == UNEVEN
    weights = array(graph, "first.weight").copy()
    weights[15] = 1e-44  # of the last map, whose weights would become smaller
    graph = with_constant(graph, "first.weight", weights)
    after = equalize(graph)
    assert_same_numbers(graph, after)
    assert changed_maps(graph, after) == UNEVEN - {5}


UNEVEN = {0, 2, 3, 4, 5}
"""The maps of `two_banks` that are not level with what reads them."""

LAST = {"first.weight": slice(15, None), "second.weight": slice(5, None, MAPS)}
"""The planes of the last map."""


def changed_maps(before: Graph, after: Graph) -> set[int]:
    changed = array(before, "first.bias") != array(after, "first.bias")
    return set(np.flatnonzero(changed).tolist())


def test_a_bias_keeps_small_weights_from_growing() -> None:
    graph = with_constant(two_banks(Relu()), "first.bias", np.ones(MAPS))
    assert np.abs(array(equalize(graph), "first.bias")).max() <= 4


def with_constant(graph: Graph, name: str, numbers: Array) -> Graph:
    """The graph with other numbers in one of its constants."""
    op = Const(Constant(numbers.astype(np.float32)))
    nodes = (replace(node, op=op) if node.name == name else node for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def read_twice(what: str) -> Graph:
    """Two banks, where one thing between them has a second reader."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 3, 8, 12)))
    first = bank(net, x, Table.dense(3, MAPS), "first", SPREAD)
    between = net.add(Relu(), first, name="between")
    net.output(bank(net, between, Table.dense(MAPS, 4), "second"), "y")
    net.output({"first": first, "between": between}.get(what, what), "also")
    return net.finish()


@pytest.mark.parametrize(
    "what", ["first", "between", "first.weight", "first.bias", "second.weight"]
)
def test_what_others_read_stays(what: str) -> None:
    graph = read_twice(what)
    assert equalize(graph) == graph


def test_the_bias_of_the_second_bank_may_have_readers() -> None:
    graph = read_twice("second.bias")
    after = equalize(graph)
    assert_same_numbers(graph, after)
    assert np.abs(imbalances(after)).max() <= 1
