"""Filter banks and fully connected layers on the target `cpu`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sightline.backends.tvm import cpu
from sightline.backends.tvm.banks import banks
from sightline.backends.tvm.host import Processor, host
from sightline.ir.build import GraphBuilder
from sightline.ir.op import Sample
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pooling import AveragePool, MaxPool
from sightline.ir.table import Table
from sightline.ir.types import Array, Shape, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference, side_by_side

RNG = np.random.default_rng(0)

RAGGED = Table(6, 9, 2, ((5, 0), (1, 2, 3), (4,), (0, 2), (3,)))
"""Three fan-ins, out of order, planes out of order, and a last block of one map."""

UNEVEN = Table(8, 11, 3, tuple(tuple(RNG.permutation(8)[:4].tolist()) for _ in range(4)))
"""One fan-in, and a last block of two maps."""

TABLES = {
    "dense": Table.dense(5, 7),
    "groups": Table.grouped(6, 9, 3),
    "depthwise": Table.grouped(6, 6, 6),
    "multiplier": Table.grouped(3, 12, 3),
    "uneven": UNEVEN,
    "ragged": RAGGED,
    "prime": Table.dense(2, 37),
}

WINDOWS = (
    Window((3, 3)),
    Window((1, 1)),
    Window((5, 4), pads=(2, 1, 2, 2)),
    Window((3, 3), strides=(2, 3), pads=(1, 0, 2, 1)),
    Window((2, 3), dilation=(3, 2), pads=(0, 4, 0, 0)),
    Window((3, 2), strides=(1, 2), dilation=(2, 3)),
    Window((1, 1), strides=(2, 2)),
)


def bank(table: Table, window: Window, spatial: Shape, batch: int = 1, bias: bool = True) -> Sample:
    x = RNG.standard_normal((batch, table.channels, *spatial)).astype(np.float32)
    weights = RNG.standard_normal((table.pairs, *window.kernel)).astype(np.float32)
    biases = [RNG.standard_normal(table.maps).astype(np.float32)] if bias else []
    return Sample(Conv(window, table), (x,), (weights, *biases))


def check(*samples: Sample) -> list[Array]:
    graph, inputs = side_by_side(samples)
    return list(assert_is_reference(graph, inputs).values())


@pytest.mark.parametrize("name", TABLES)
def test_tables_and_windows(name: str) -> None:
    check(*(bank(TABLES[name], window, (13, 22), bias=window.taps > 6) for window in WINDOWS))


@pytest.mark.parametrize("name", ["dense", "ragged"])
def test_batches(name: str) -> None:
    check(*(bank(TABLES[name], window, (8, 9), batch=3) for window in WINDOWS[:3]))


def test_one_and_three_axes() -> None:
    check(
        bank(Table.dense(3, 4), Window((5,), strides=(2,), pads=(2, 1)), (40,)),
        bank(Table.dense(3, 4), Window((3,)), (33,), batch=2),
        bank(UNEVEN, Window((2, 3, 3), pads=(1, 0, 1, 0, 1, 1)), (4, 6, 7)),
    )


def test_large_enough_for_threads() -> None:
    check(
        bank(Table.dense(4, 24), Window((3, 3), pads=(1, 1, 1, 1)), (40, 50)),
        bank(Table.dense(16, 40), Window((1, 1)), (30, 31)),
        bank(Table.dense(64, 48), Window((3, 3), pads=(1, 1, 1, 1)), (7, 7)),
    )


@pytest.mark.parametrize("name", ["prime", "ragged"])
def test_pooled_and_nothing_after(name: str) -> None:
    for pooling in (MaxPool(Window((2, 2), (2, 2))), AveragePool(Window((1, 2), (1, 2)))):
        table, size = TABLES[name], (33, 40)
        net = GraphBuilder("net")
        x = net.input("x", TensorType((1, table.channels, *size)))
        weights = RNG.standard_normal((table.pairs, 3, 3)).astype(np.float32)
        y = net.add(Conv(Window((3, 3)), table), x, net.constant(weights, "w"))
        net.output(net.add(pooling, y))
        pixels = RNG.standard_normal((1, table.channels, *size)).astype(np.float32)
        assert_is_reference(net.finish(), {"x": pixels})


def test_absent_planes_are_never_multiplied() -> None:
    """An infinity in a plane reaches only the maps that see it, and makes no map a NaN."""
    for table in (RAGGED, UNEVEN, TABLES["groups"], TABLES["depthwise"]):
        sample = bank(table, Window((3, 3)), (9, 20))
        sample.data[0][0, 2] = np.inf
        sample.weights[0][...] = np.abs(sample.weights[0])
        [y] = check(sample)
        sees = [2 in block.inputs for block in table.blocks() for _ in range(block.maps)]
        assert np.isinf(y[0]).all(axis=(1, 2)).tolist() == sees
        assert not np.isnan(y).any()


def test_a_bank_that_sees_everything_is_a_fully_connected_layer() -> None:
    check(bank(Table.dense(6, 10), Window((5, 4)), (5, 4), batch=2))


def test_a_picture_larger_than_any_kernel_may_be() -> None:
    check(bank(Table.dense(1, 1), Window((1, 1)), (1025, 1024)))


@pytest.mark.parametrize("features", [1, 3, 64, 65, 1000])
def test_fully_connected_layers(features: int) -> None:
    def layer(batch: int, bias: bool) -> Sample:
        x = RNG.standard_normal((batch, features)).astype(np.float32)
        weights = RNG.standard_normal((17, features)).astype(np.float32)
        biases = [RNG.standard_normal(17).astype(np.float32)] if bias else []
        return Sample(Linear(), (x,), (weights, *biases))

    check(layer(1, True), layer(3, False))


def test_weights_may_flow_in() -> None:
    sample = bank(RAGGED, Window((3, 2)), (6, 6))
    check(Sample(sample.op, sample.operands))


def test_a_table_of_many_fan_ins_is_a_few_banks() -> None:
    inputs = tuple(tuple(range(1 + number % 5)) for number in range(40))
    assert len(banks(Table(8, 40, 1, inputs))) == 5


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v3"])
def test_other_processors(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of 4 and 8 lanes; this processor runs their code too."""
    here, _ = host()
    if here.architecture != "x86_64" or "avx2" not in here.features:
        pytest.skip("this is no x86-64 processor with AVX2")
    features = ("avx", "avx2", "fma") if level.endswith("v3") else ()
    lesser = replace(here, name=level, features=features)

    def pretend() -> tuple[Processor, tuple[str, ...]]:
        return lesser, ()

    monkeypatch.setattr(cpu, "host", pretend)
    check(
        bank(UNEVEN, Window((3, 3), strides=(1, 2)), (9, 25)),
        bank(Table.dense(4, 16), Window((3, 3), pads=(1, 1, 1, 1)), (12, 17)),
        bank(Table.dense(40, 6), Window((1, 1)), (1, 1)),
    )


@pytest.mark.parametrize(("pixel", "weight"), [(500_000, 30_000), (30_000, 500_000)])
def test_products_of_more_than_32_bits(pixel: int, weight: int) -> None:
    """The operands of banks within normalizations are wider than 16 bits."""
    x = np.full((1, 1, 6, 6), pixel, np.int32)
    weights = np.full((1, 3, 3), weight, np.int32)
    op = IntegerConv(Window((3, 3)), Table.dense(1, 1), 40)
    graph, inputs = side_by_side([Sample(op, (x,), (weights,))])
    [y] = assert_is_reference(graph, inputs, tolerance=0).values()
    assert (y == 9 * pixel * weight).all()
