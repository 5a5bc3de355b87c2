"""How values and weights lie in memory."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.layout import PLANAR, Layout, Packing
from sightline.backends.tvm.layout_choice import layouts
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Concat, Flatten
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import TensorType
from sightline.ir.window import Window

AVX2 = Machine(lanes=8, registers=16)
BLOCKED = Layout(8)


def test_a_blocked_value_has_its_maps_in_vectors() -> None:
    assert Layout(8).stored((2, 24, 5, 6)) == (2, 3, 5, 6, 8)
    assert PLANAR.stored((2, 24, 5, 6)) == (2, 24, 5, 6)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_packed_weights_are_where_a_kernel_reads_them(
    slabs: int, planes: int, lanes: int, taps: int
) -> None:
    """`[slab, plane pair, tap, lane, plane of the pair]`; what a pair lacks is zero."""
    maps, pairs = slabs * lanes, -(-planes // 2)
    packing = Packing(
        (maps, planes, taps),
        (maps, 2 * pairs, taps),
        (slabs, lanes, pairs, 2, taps),
        (0, 2, 4, 1, 3),
        "int16",
    )
    weights = np.arange(1, maps * planes * taps + 1, dtype=np.int8).reshape(-1, taps)
    packed = packing.apply(weights)
    assert (packed.shape, packed.dtype) == (packing.stored, np.dtype(np.int16))
    plain = weights.reshape(maps, planes, taps)
    for slab, pair, tap, lane, plane in np.ndindex(packed.shape):
        number = 2 * pair + plane
        wanted = plain[slab * lanes + lane, number, tap] if number < planes else 0
        assert packed[slab, pair, tap, lane, plane] == wanted
    assert Packing.from_json(json.loads(json.dumps(asdict(packing)))) == packing


def finished(builder: GraphBuilder, *outputs: str) -> Graph:
    for value in outputs:
        builder.output(value)
    return builder.finish()


def bank(builder: GraphBuilder, x: str, name: str, table: Table) -> str:
    weights = np.zeros((table.pairs, 3, 3), np.float32)
    window = Window((3, 3), pads=(1, 1, 1, 1))
    return builder.add(Conv(window, table), x, builder.constant(weights, f"{name}.w"), name=name)


def test_values_between_dense_banks_are_blocked_and_those_of_the_caller_planar() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 3, 8, 8)))
    a = bank(net, x, "a", Table.dense(3, 16))
    pooled = net.add(MaxPool(Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1))), a, name="pool")
    large = net.add(ResizeNearest((8, 8)), pooled, name="large")
    both = net.add(Concat(1), large, a, name="both")
    own = bank(net, both, "own", Table.grouped(32, 32, 32))
    last = bank(net, own, "last", Table.dense(32, 8))
    lie = layouts(finished(net, last), {}, AVX2)
    assert [lie[name] for name in ("a", "pool", "large", "both", "own")] == [BLOCKED] * 5
    assert lie["x"] == lie["last"] == PLANAR


def test_what_is_seen_under_another_name_or_has_odd_maps_is_planar() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 3, 8, 8)))
    a = bank(net, x, "a", Table.dense(3, 16))
    odd = bank(net, a, "odd", Table.dense(16, 12))
    flat = net.add(Flatten(), bank(net, odd, "b", Table.dense(12, 16)), name="flat")
    lie = layouts(finished(net, flat), {"flat": "b"}, AVX2)
    assert lie["a"] == BLOCKED
    assert lie["odd"] == lie["b"] == PLANAR


def test_a_bank_of_each_map_alone_leaves_planar_what_is_planar() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 16, 8, 8)))
    own = bank(net, x, "own", Table.grouped(16, 16, 16))
    lie = layouts(finished(net, bank(net, own, "last", Table.dense(16, 8))), {}, AVX2)
    assert lie["own"] == PLANAR
