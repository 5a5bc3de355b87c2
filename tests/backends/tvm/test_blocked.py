"""Ops on values in vectors of maps, between two dense filter banks, on the target `cpu`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sightline.backends.tvm.fusion import fused, groups
from sightline.backends.tvm.host import host
from sightline.backends.tvm.layout_choice import layouts
from sightline.backends.tvm.lowering import lower
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.classify import Softmax
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.integer import IntegerAdd
from sightline.ir.ops.integer_bank import IntegerConv, IntegerSumPool
from sightline.ir.ops.movement import Concat, Pad
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pointwise import Relu, Sigmoid, Tanh
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.ops.quantization import Lookup, Requantize
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference

RNG = np.random.default_rng(0)
SHAPE = (2, 3, 9, 11)
AROUND = Window((3, 3), pads=(1, 1, 1, 1))
OVERLAPPING = Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
DILATED = Window((2, 3), dilation=(3, 2), pads=(0, 3, 2, 0))
LARGE = Window((5, 4), strides=(3, 2), pads=(2, 1, 2, 2))

Middle = Callable[["Net", str], str]


class Net(GraphBuilder):
    def numbers(self, *shape: int) -> str:
        return self.constant(RNG.standard_normal(shape).astype(np.float32), "w")

    def bank(self, x: str, maps: int, window: Window = AROUND, table: Table | None = None) -> str:
        table = table or Table.dense(self[x].type.shape[1], maps)
        weights = self.numbers(table.pairs, *window.kernel)
        return self.add(Conv(window, table), x, weights, self.numbers(table.maps))


def check(middle: Middle, *, blocked: bool = True) -> None:
    """What the middle computes of a blocked value; `blocked` is whether that is blocked too."""
    net = Net("net")
    value = middle(net, net.bank(net.input("x", TensorType(SHAPE)), 16))
    net.output(net.bank(value, 8))
    graph = net.finish()
    lie = layouts(fused(graph, groups(graph)), {}, host()[0].machine)
    assert bool(lie[value].lanes) == blocked
    assert_is_reference(graph, {"x": RNG.standard_normal(SHAPE).astype(np.float32)})


def alone(op: Op) -> Middle:
    return lambda net, x: net.add(op, x)


@pytest.mark.parametrize("window", [OVERLAPPING, DILATED, LARGE, Window((2, 2), (2, 2))])
@pytest.mark.parametrize("pool", [MaxPool, SumPool, AveragePool, LPPool])
def test_poolings(pool: type[MaxPool], window: Window) -> None:
    check(alone(pool(window)))


def test_poolings_of_whole_maps() -> None:
    """Of one pixel, a value in blocks is in order too."""
    for pool in (GlobalAveragePool(), GlobalMaxPool()):
        net = Net("net")
        x = net.bank(net.input("x", TensorType(SHAPE)), 16)
        net.output(net.bank(net.add(pool, x), 8, Window((1, 1))))
        assert_is_reference(net.finish(), {"x": RNG.standard_normal(SHAPE).astype(np.float32)})


def test_number_by_number() -> None:
    check(lambda net, x: net.add(Mul(), net.add(Tanh(), x), net.add(Sigmoid(), x)))
    check(lambda net, x: net.add(Relu(), net.add(Mul(), x, net.numbers(1, 16, 1, 1))))
    check(lambda net, x: net.add(Add(), net.add(MaxPool(AROUND), x), net.numbers(16, 9, 11)))


def test_an_operand_that_comes_before_the_bank() -> None:
    """`1 - y`, by a bank in vectors of maps, of pixels, and by a fully connected layer."""
    for maps in (16, 6):
        net = Net("net")
        y = net.bank(net.input("x", TensorType(SHAPE)), maps)
        net.output(net.bank(net.add(Sub(), net.numbers(maps, 1, 1), y), 8))
        assert_is_reference(net.finish(), {"x": RNG.standard_normal(SHAPE).astype(np.float32)})
    net = Net("net")
    y = net.add(Linear(), net.input("x", TensorType((2, 30))), net.numbers(6, 30))
    net.output(net.add(Sub(), net.numbers(), y))
    assert_is_reference(net.finish(), {"x": RNG.standard_normal((2, 30)).astype(np.float32)})


@pytest.mark.parametrize("spatial", [(7,), (3, 5), (3, 4, 5)])
@pytest.mark.parametrize("maps", [5, 16])
def test_filters_of_one_pixel_on_any_axes(spatial: tuple[int, ...], maps: int) -> None:
    """What follows them reads operands of one number, of one a map, and of one a pixel."""
    net, shape = Net("net"), (2, maps, *spatial)
    x, other = (net.input(name, TensorType(shape)) for name in ("x", "other"))
    y = net.bank(x, maps, Window((1,) * len(spatial)))
    y = net.add(Mul(), net.add(Mul(), y, net.numbers()), net.numbers(maps, *(1 for _ in spatial)))
    net.output(net.add(Add(), y, other))
    inputs = {name: RNG.standard_normal(shape).astype(np.float32) for name in ("x", "other")}
    assert_is_reference(net.finish(), inputs)


def test_enlargement_and_joining() -> None:
    check(alone(ResizeNearest((18, 22))))
    check(alone(ResizeNearest((13, 7))))
    check(lambda net, x: net.add(Concat(1), net.add(Relu(), x), x, net.add(MaxPool(AROUND), x)))


def test_what_is_not_done_map_by_map_takes_and_gives_planes() -> None:
    check(alone(Softmax(1)), blocked=False)
    check(alone(LocalNorm((3, 3), 1e-3)), blocked=False)
    check(alone(ResizeBilinear((18, 20))), blocked=False)
    check(alone(Pad((0, 0, 1, 2, 0, 0, 0, 3))), blocked=False)
    check(lambda net, x: net.bank(x, 12), blocked=False)


def test_each_map_alone_and_then_pooled() -> None:
    """The pooling is in the kernel of the bank, which then works on planes."""

    def middle(net: Net, x: str) -> str:
        x = net.add(MaxPool(Window((2, 2), (2, 2))), net.bank(x, 16, Window((2, 2)), OWN))
        return net.add(Relu(), x)

    check(middle, blocked=False)


OWN = Table.grouped(16, 16, 16)


def test_weights_that_flow_in_are_read_as_they_are() -> None:
    for table in (Table.dense(16, 16), OWN):
        net = Net("net")
        x = net.bank(net.input("x", TensorType(SHAPE)), 16)
        weights = net.input("flowing", TensorType((table.pairs, 3, 3)))
        net.output(net.bank(net.add(Conv(AROUND, table), x, weights), 8))
        given = {"x": SHAPE, "flowing": (table.pairs, 3, 3)}
        inputs = {
            name: RNG.standard_normal(shape).astype(np.float32) for name, shape in given.items()
        }
        assert_is_reference(net.finish(), inputs)


def whole(low: int, high: int, shape: tuple[int, ...], dtype: type[np.signedinteger]) -> Array:
    return RNG.integers(low, high, shape).astype(dtype)


def test_integers() -> None:
    """Rounded, looked up, pooled, added; by a bank of each map alone; and sums of 64 bits."""
    net = GraphBuilder("net")

    def bank(x: str, table: Table, bits: int) -> str:
        weights = net.constant(whole(-127, 128, (table.pairs, 3, 3), np.int8), "w")
        return net.add(IntegerConv(AROUND, table, bits, fill=3), x, weights)

    def rounded(x: str, shift: int) -> str:
        maps = net[x].type.shape[1]
        multipliers = net.constant(whole(1 << 15, 1 << 17, (1, maps, 1, 1), np.int32), "m")
        shifts = net.constant(np.full((1, maps, 1, 1), shift, np.int8), "s")
        return net.add(Requantize(Encoding(8, 0.5, 3), -128, 127), x, multipliers, shifts)

    x = net.input("x", TensorType(SHAPE, Int(8)))
    a = rounded(bank(x, Table.dense(3, 16), 22), 25)
    entries = net.constant(whole(-128, 128, (256,), np.int8), "t")
    b = net.add(Lookup(Encoding(8, 0.5)), a, entries)
    c = rounded(bank(b, OWN, 20), 24)
    d = rounded(net.add(IntegerSumPool(OVERLAPPING, 13, 3), c), 18)
    e = rounded(net.add(IntegerAdd(10), d, net.add(MaxPool(OVERLAPPING), a)), 17)
    net.output(rounded(bank(e, Table.dense(16, 24), 40), 26))
    exact = net.finish()
    assert_is_reference(exact, {"x": whole(-128, 128, SHAPE, np.int8)}, tolerance=0)


def test_integers_too_wide_for_pairs() -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType(SHAPE, Int(20)))
    table = Table.dense(3, 16)
    weights = net.constant(whole(-127, 128, (table.pairs, 3, 3), np.int8), "w")
    net.output(net.add(IntegerConv(AROUND, table, 32), x, weights))
    inputs = {"x": whole(-(1 << 19), 1 << 19, SHAPE, np.int32)}
    assert_is_reference(net.finish(), inputs, tolerance=0)


def test_kernels_of_equal_layers_are_shared() -> None:
    net = Net("net")
    x = net.bank(net.input("x", TensorType(SHAPE)), 16)
    for _ in range(4):
        x = net.add(Relu(), net.bank(x, 16))
    net.output(net.bank(x, 16))
    lowered = lower(net.finish(), host()[0].machine)
    assert len(lowered.plan.calls) == 6
    assert len(lowered.kernels) == 3
