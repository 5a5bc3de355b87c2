"""Tables without zeros, and maps in another order: fewer products, the same integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.reference import run
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.movement import Concat
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.ops.pooling import AveragePool, LPPool, MaxPool
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.ir.verify import verify
from sightline.ir.window import Window
from sightline.passes.bank import pair_maps
from sightline.passes.fuse import fuse
from sightline.passes.pool_sums import pool_sums
from sightline.passes.tables import SPARSE, tables
from tests.passes.test_fuse import check as check_fused
from tests.support.examples import examples
from tests.support.integer_networks import IntegerNetwork, Step, integer_networks
from tests.support.strange_graphs import LENET_C3
from tests.support.strange_graphs import tables as any_tables


def check(graph: Graph, net: IntegerNetwork) -> Graph:
    after = tables(graph)
    verify(after)
    wanted, found = run(graph, **net.inputs), run(after, **net.inputs)
    for label, y in wanted.items():
        np.testing.assert_array_equal(found[label], y, strict=True)
    assert after.total_macs <= graph.total_macs
    assert tables(after) == after
    for before, node in zip(banks(graph), banks(after), strict=True):
        # Strictly more of them are left than make smaller blocks worth their while, or all.
        least, left = least_planes(graph, before), table_of(after, node).pairs
        assert left == least or least > SPARSE * left
    return after


def banks(graph: Graph) -> list[str]:
    return [node.name for node in graph.operations if isinstance(node.op, IntegerConv)]


def table_of(graph: Graph, bank: str) -> Table:
    op = graph[bank].op
    assert isinstance(op, IntegerConv)
    return op.table


def weights_of(graph: Graph, bank: str) -> Array:
    op = graph[graph[bank].inputs[1]].op
    assert isinstance(op, Const)
    return op.value.array


def least_planes(graph: Graph, bank: str) -> int:
    """Planes that are not of zeros, and one for each map that has no other."""
    used = weights_of(graph, bank).any(axis=(1, 2))
    maps = np.bincount(pair_maps(table_of(graph, bank)), used)
    return int(np.maximum(maps, 1).sum())


def striped(maps: int, channels: int = 4) -> tuple[Table, Array]:
    """A dense bank: even maps have weights of input 0 alone, odd ones of 1 and 3, bar the last."""
    weights = np.arange(1, maps * channels * 9 + 1).reshape(maps, channels, 3, 3) % 7 + 1
    seen = np.zeros((maps, channels, 1, 1), bool)
    seen[::2, 0] = seen[1::2, 1] = seen[1::2, 3] = True
    return Table.dense(channels, maps), (weights * seen).reshape(-1, 3, 3).astype(np.int8)


@examples(40)
@given(integer_networks())
def test_integers_stay_in_any_network(net: IntegerNetwork) -> None:
    graph = net.finish()
    for each in (graph, pool_sums(graph)):
        after = check(each, net)
        check_fused(after, net)


@examples(40)
@given(integer_networks(("sparse", "squashed", "joined", "largest", "average", "dense"), most=8))
def test_integers_stay_where_orders_change(net: IntegerNetwork) -> None:
    check(net.finish(), net)


@examples(40)
@given(any_tables(channels=4), st.data())
def test_any_table_with_zeros(table: Table, data: st.DataObject) -> None:
    net = IntegerNetwork(0)
    kept = data.draw(st.lists(st.booleans(), min_size=table.pairs, max_size=table.pairs))
    weights = net.rng.integers(1, 9, (table.pairs, 3, 3)) * np.reshape(kept, (-1, 1, 1))
    y = net.rounded(net.bank(net.first, table, weights.astype(np.int8)))
    check(net.finish(net.rounded(net.bank(y, Table.dense(table.maps, 2)))), net)


def test_planes_of_zeros_are_never_multiplied() -> None:
    net = IntegerNetwork(0)
    weights = np.ones((8, 3, 3), np.int8)
    weights[[1, 2, 3, 4]] = 0
    graph = net.finish(net.rounded(net.bank(net.first, Table.dense(4, 2), weights)))
    after = check(graph, net)
    [bank] = banks(after)
    assert table_of(after, bank) == Table(4, 2, 1, ((0,), (1, 2, 3)))
    assert after.total_macs == graph.total_macs // 2


def test_a_map_without_weights_keeps_one_plane() -> None:
    net = IntegerNetwork(0)
    weights = np.zeros((8, 3, 3), np.int8)
    weights[[4, 6]] = 1
    after = check(net.finish(net.rounded(net.bank(net.first, Table.dense(4, 2), weights))), net)
    [bank] = banks(after)
    assert table_of(after, bank) == Table(4, 2, 1, ((0,), (0, 2)))


def test_few_zeros_do_not_split_a_block() -> None:
    net = IntegerNetwork(0)
    weights = np.ones((8, 3, 3), np.int8)
    weights[[1, 3, 5]] = 0
    after = check(net.finish(net.rounded(net.bank(net.first, Table.dense(4, 2), weights))), net)
    [bank] = banks(after)
    assert table_of(after, bank) == Table(4, 2, 2, ((0, 2, 3),))


def test_maps_that_see_the_same_become_neighbours() -> None:
    net = IntegerNetwork(0)
    y = net.rounded(net.add(Relu(), net.bank(net.first, *striped(7))))
    after = check(net.finish(net.rounded(net.bank(y, Table.dense(7, 2)))), net)
    first, second = banks(after)
    assert table_of(after, first) == Table(4, 7, 4, ((0,), (1, 3)))
    assert table_of(after, second) == Table.dense(7, 2)


def test_blocks_grow_in_place() -> None:
    net = IntegerNetwork(0)
    table = Table(4, 6, 1, ((0, 1), (0, 1), (2,), (2,), (2,), (2,)))
    after = check(net.finish(net.rounded(net.bank(net.first, table))), net)
    [bank] = banks(after)
    assert table_of(after, bank) == Table(4, 6, 2, ((0, 1), (2,), (2,)))


def test_the_last_block_may_be_smaller() -> None:
    net = IntegerNetwork(0)
    table = Table(4, 5, 1, ((2,), (0, 1), (0, 1), (0, 1), (0, 1)))
    y = net.rounded(net.bank(net.first, table))
    after = check(net.finish(net.rounded(net.bank(y, Table.dense(5, 2)))), net)
    assert table_of(after, banks(after)[0]) == Table(4, 5, 4, ((0, 1), (2,)))


def test_plain_tables_stay() -> None:
    for table in (Table.dense(4, 6), Table.grouped(4, 6, 2), Table.grouped(4, 4, 4)):
        net = IntegerNetwork(0)
        weights = np.ones((table.pairs, 3, 3), np.int8)
        y = net.rounded(net.bank(net.first, table, weights))
        graph = net.finish(net.rounded(net.bank(y, Table.dense(table.maps, 2))))
        assert tables(graph) == graph


def test_lenets_third_layer() -> None:
    """Its maps all see something else, so that its table stays, and its inputs may change."""
    net = IntegerNetwork(0)
    y = net.rounded(net.add(Tanh(), net.rounded(net.bank(net.first, *striped(6)), 10)))
    y = net.rounded(net.add(AveragePool(Window((2, 2), (2, 2))), y))
    y = net.rounded(net.bank(y, LENET_C3))
    after = check(net.finish(y), net)
    first, third = banks(after)
    assert table_of(after, first) == Table(4, 6, 3, ((0,), (1, 3)))
    assert table_of(after, third).pairs == LENET_C3.pairs == 60
    order = (0, 2, 4, 1, 3, 5)
    seen = tuple(tuple(sorted(order.index(i) for i in row)) for row in LENET_C3.inputs)
    assert table_of(after, third).inputs == seen


FOLLOWING: dict[str, Step] = {
    "pooled": lambda net, x: net.moved(MaxPool(Window((2, 2))), x),
    "nearest": lambda net, x: net.moved(ResizeNearest((24, 24)), x),
    "bilinear": lambda net, x: net.rounded(net.add(ResizeBilinear((7, 9)), x)),
    "tanh": lambda net, x: net.rounded(net.add(Tanh(), x)),
    "average": lambda net, x: net.rounded(net.add(AveragePool(Window((2, 2))), x)),
    "l2": lambda net, x: net.rounded(net.add(LPPool(Window((2, 2)), 2.0), x)),
    "local": lambda net, x: net.rounded(net.add(LocalNorm((3, 3), 0.05), x)),
    "sum with constants": lambda net, x: net.rounded(
        net.add(Add(), x, net.constant(np.arange(7, dtype=np.float32).reshape(7, 1, 1), "c"))
    ),
    "concatenated": lambda net, x: net.moved(Concat(1), x, x),
}


@pytest.mark.parametrize("name", FOLLOWING)
def test_orders_pass(name: str) -> None:
    net = IntegerNetwork(0)
    x = net.rounded(net.add(Relu(), net.bank(net.first, *striped(7))))
    y = FOLLOWING[name](net, x)
    y = net.rounded(net.bank(y, Table.dense(net.maps(y), 2)))
    after = check(net.finish(y), net)
    assert table_of(after, banks(after)[0]).block == 4


def test_orders_pass_into_a_sum_of_two_in_the_same_order() -> None:
    net = IntegerNetwork(0)
    table, weights = striped(7)
    first = net.rounded(net.bank(net.first, table, weights))
    second = net.rounded(
        net.bank(net.moved(MaxPool(Window((3, 3), pads=(1,) * 4)), net.first), table, weights)
    )
    y = net.rounded(net.add(Add(), first, second))
    after = check(net.finish(net.rounded(net.bank(y, Table.dense(7, 2)))), net)
    one, other, _ = banks(after)
    assert table_of(after, one).block == table_of(after, other).block == 4
    assert after[one].inputs[1] == after[other].inputs[1], "what is shared stays shared"


STAYING: dict[str, Step] = {
    "an output": lambda net, x: x,
    "a sum with another order": lambda net, x: net.rounded(
        net.bank(
            net.rounded(net.add(Add(), x, net.rounded(net.bank(net.first, Table.dense(4, 7))))),
            Table.dense(7, 2),
        )
    ),
    "groups": lambda net, x: net.rounded(net.bank(x, Table.grouped(7, 7, 7))),
    "another axis": lambda net, x: net.moved(Concat(2), x, x),
}


@pytest.mark.parametrize("name", STAYING)
def test_orders_that_would_show_stay(name: str) -> None:
    net = IntegerNetwork(0)
    x = net.rounded(net.bank(net.first, *striped(7)))
    after = check(net.finish(STAYING[name](net, x)), net)
    seen = ((0,), (1, 3), (0,), (1, 3), (0,), (1, 3), (0,))
    assert table_of(after, banks(after)[0]) == Table(4, 7, 1, seen)


def test_banks_that_share_weights_keep_their_order_together() -> None:
    net = IntegerNetwork(0)
    table, weights = striped(7)
    first = net.rounded(net.bank(net.first, table, weights))
    x = net.moved(MaxPool(Window((2, 2), (2, 2))), net.first)
    seen = net.rounded(net.bank(x, table, weights))
    graph = net.finish(net.rounded(net.bank(first, Table.dense(7, 2))), seen)
    after = check(graph, net)
    assert after[banks(after)[0]].inputs[1] == after[banks(after)[1]].inputs[1]
    assert table_of(after, banks(after)[0]).block == 1


def test_stages_of_reordered_banks() -> None:
    net = IntegerNetwork(0)
    y = net.rounded(net.bank(net.first, *striped(7)))
    after = tables(net.finish(net.rounded(net.bank(y, Table.dense(7, 2)))))
    wanted = run(after, **net.inputs)["y0"]
    np.testing.assert_array_equal(run(fuse(after), **net.inputs)["y0"], wanted)
