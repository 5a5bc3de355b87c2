"""Which ops one kernel of a GPU computes, and that the integers stay; run by the emulator."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.cuda_options import DEFAULT
from sightline.backends.tvm.fusion import fused
from sightline.backends.tvm.gpu.fusion import groups
from sightline.backends.tvm.gpu.machine import gpu
from sightline.backends.tvm.narrow_sums import with_narrow_sums
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer import IntegerAdd, IntegerMul, IntegerSub
from sightline.ir.ops.integer_bank import IntegerConv, IntegerSumPool
from sightline.ir.ops.movement import Pad, Slice, Stuff
from sightline.ir.ops.normalization import DivisiveNorm, LocalNorm, SubtractiveNorm
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Quantize
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference
from tests.support.cuda_models import integer_network, merged, run_checked
from tests.support.examples import examples
from tests.support.integer_networks import IntegerNetwork
from tests.support.pass_checks import all_values
from tests.support.random_graphs import graphs, inputs_for

RNG = np.random.default_rng(0)
SHAPE = (1, 3, 12, 18)
BYTES = TensorType(SHAPE, Int(8))
DENSE = Table.dense(3, 8)
FRAME = Pad((0, 0, 1, 1, 0, 0, 1, 1), "reflect")


def kernels(graph: Graph) -> list[str]:
    """The kinds of ops of each kernel."""
    return [" ".join(node.op.kind for node in group.nodes) for group in groups(graph)]


def numbers(type_: TensorType) -> Array:
    return RNG.integers(-128, 128, type_.shape).astype(type_.element.dtype)


class Net(GraphBuilder):
    """A network of three maps of bytes that grows op by op."""

    def __init__(self) -> None:
        super().__init__("net")
        self.first = self.input("x", BYTES)

    def bank(self, x: str, table: Table = DENSE) -> str:
        weights = RNG.integers(-9, 10, (table.pairs, 3, 3)).astype(np.int8)
        return self.add(IntegerConv(Window((3, 3)), table, 20), x, self.constant(weights, "w"))

    def graph(self, *values: str) -> Graph:
        for value in values:
            self.output(value)
        return self.finish()


def checked(*parts: Graph) -> None:
    """Kernel by kernel in the emulator, the very numbers of the reference."""
    graph, inputs = merged(
        (part, {node.name: numbers(node.type) for node in part.inputs}) for part in parts
    )
    assert_is_reference(graph, inputs, tolerance=0, run=run_checked)


NORMS = {
    "local": (LocalNorm((15, 15), 0.05), 3),
    "divisive": (DivisiveNorm((13, 15), 0.05), 2),
    "subtractive": (SubtractiveNorm((15, 13)), 2),
}
"""And how many kernels they are, one of them for all that is not sums of columns."""


def test_normalization_is_a_kernel_for_columns_and_one_for_the_rest() -> None:
    """Wherever its integers begin; columns of numbers and of their squares are two."""
    parts = []
    for (op, count), zero_point in product(NORMS.values(), (0, 5)):
        net = IntegerNetwork(1, (1, 2, 20, 24))
        x = net.rounded(net.first, to=Encoding(8, 0.05, zero_point))
        graph = net.finish(net.rounded(net.add(op, x)))
        before = [node for node in graph.operations if isinstance(node.op, Quantize)]
        assert len(kernels(with_narrow_sums(graph, gpu(DEFAULT)))) - len(before) == count
        parts.append((graph, net.inputs))
    graph, inputs = merged(parts)
    assert_is_reference(graph, inputs, tolerance=0, run=run_checked)


def framed(frame: Op, kind: str) -> Graph:
    net = Net()
    x = net.add(frame, net.first)
    maps = net[x].type.shape[1]
    table = Table.dense(maps, 8) if kind == "dense" else Table.grouped(maps, maps, maps)
    return net.graph(net.bank(x, table))


def framed_twice() -> Graph:
    net = Net()
    apart = net.add(Stuff((2, 2), 3), net.add(FRAME, net.first))
    return net.graph(net.add(MaxPool(Window((3, 3), (2, 2))), apart))


def framed_for_two(is_shown: bool) -> Graph:
    net = Net()
    frame = net.add(FRAME, net.first)
    return net.graph(net.bank(frame), net.bank(frame), *[frame] * is_shown)


def added_resized() -> Graph:
    net = Net()
    other = net.add(ResizeNearest((10, 16)), net.first)
    return net.graph(net.add(IntegerAdd(21), net.bank(net.first, Table.dense(3, 3)), other))


def parted() -> Graph:
    net = Net()
    sums = net.add(IntegerSumPool(Window((3, 3), pads=(1,) * 4), 12), net.first)
    square, product = net.add(IntegerMul(24), sums, sums), net.add(IntegerMul(20), sums, net.first)
    return net.graph(net.add(IntegerSub(25), square, product))


def summed_twice() -> Graph:
    net = Net()
    sums = net.add(IntegerSumPool(Window((3, 3)), 12), net.first)
    return net.graph(net.add(IntegerSumPool(Window((3, 3)), 16), sums))


def summed_products() -> Graph:
    net = Net()
    product = net.add(IntegerMul(16), net.first, net.input("y", BYTES))
    return net.graph(net.add(IntegerSumPool(Window((3, 3)), 20), product))


FRAMES = {
    "reflect": FRAME,
    "edge": Pad((0, 0, 2, 1, 0, 0, 1, 2), "edge"),
    "constant": Pad((0, 0, 2, 1, 0, 0, 1, 2), "constant", 7),
    "maps": Pad((0, 1, 0, 0, 0, 2, 0, 0), "constant", 7),
    "apart": Stuff((2, 2), 3),
    "cut": Slice((0, 0, 1, 3), (1, 3, 9, 17), (1, 1, 2, 1)),
}
NETWORKS = {
    **{
        f"a bank, {kind}, asks where pixels lie: {name}": (
            framed(frame, kind),
            [f"{frame.kind} integer_conv"],
        )
        for name, frame in FRAMES.items()
        for kind in ("dense", "own planes")
    },
    "and again": (framed_twice(), ["pad stuff max_pool"]),
    "each bank asks": (framed_for_two(False), ["pad integer_conv"] * 2),
    "what the caller wants is stored": (framed_for_two(True), ["pad", *["integer_conv"] * 2]),
    "a bank adds what is resized": (added_resized(), ["resize_nearest integer_conv integer_add"]),
    "what parts and meets again is computed once": (
        parted(),
        ["integer_sum_pool integer_mul integer_mul integer_sub"],
    ),
    "neighbours' sums are stored": (summed_twice(), ["integer_sum_pool"] * 2),
    "neighbours' products of two are stored": (
        summed_products(),
        ["integer_mul", "integer_sum_pool"],
    ),
}
"""Networks, and the ops of each of their kernels."""


@pytest.mark.parametrize("name", NETWORKS)
def test_kernels_of(name: str) -> None:
    graph, wanted = NETWORKS[name]
    assert kernels(graph) == wanted


def test_integers_of_all_of_them() -> None:
    checked(*(graph for graph, _ in NETWORKS.values()))


def test_floats_are_framed_by_the_bank_too() -> None:
    builder = GraphBuilder("net")
    x = builder.input("x", TensorType(SHAPE))
    weights = builder.constant(RNG.standard_normal((24, 3, 3)).astype(np.float32), "w")
    bank = builder.add(Conv(Window((3, 3)), Table.dense(3, 8)), builder.add(FRAME, x), weights)
    pooled = builder.add(MaxPool(Window((2, 2), (2, 2))), builder.add(Tanh(), bank))
    resized = builder.add(ResizeNearest(SHAPE[2:]), pooled)
    builder.output(builder.add(Relu(), resized))
    graph = builder.finish()
    assert kernels(graph) == ["pad conv tanh max_pool", "resize_nearest relu"]
    inputs = {"x": RNG.standard_normal(SHAPE).astype(np.float32)}
    assert_is_reference(graph, inputs, run=run_checked)


@examples(60)
@given(graphs(max_nodes=8), st.integers(0, 99))
def test_of_any_graph(graph: Graph, seed: int) -> None:
    assert_same(graph, dict(inputs_for(graph, seed)))


@pytest.mark.parametrize("seed", range(12))
def test_of_networks_of_integers(seed: int) -> None:
    assert_same(*integer_network(seed))


def assert_same(graph: Graph, inputs: dict[str, Array]) -> None:
    """Joined or not, the values that remain are the very same."""
    staged = fused(graph, groups(graph))
    verify(staged)
    wanted, found = all_values(graph, inputs), all_values(staged, inputs)
    assert {out.node for out in graph.outputs} <= found.keys() <= wanted.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, wanted[name])
