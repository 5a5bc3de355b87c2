"""Filter banks in vectors of maps, and what is done with their sums, on the target `cpu`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tvm
from tvm.target import Target

from sightline.backends.tvm import cpu
from sightline.backends.tvm.build import MAP_TILE, Machine
from sightline.backends.tvm.dot_products import instructions
from sightline.backends.tvm.host import Processor, host
from sightline.backends.tvm.lowering import lower
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv, IntegerSumPool
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Requantize
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference

RNG = np.random.default_rng(0)

WINDOWS = (
    Window((3, 3), pads=(1, 1, 1, 1)),
    Window((1, 1)),
    Window((3, 2), strides=(2, 3), pads=(1, 0, 2, 1)),
    Window((1, 1), strides=(2, 3)),
    Window((1, 3), strides=(3, 2), pads=(1, 1, 0, 1)),
    Window((2, 3), dilation=(3, 2), pads=(0, 4, 0, 0)),
)

BLOCKS = Table(20, 64, 32, tuple(tuple(RNG.permutation(20)[:12].tolist()) for _ in range(2)))
"""Two blocks of 32 maps, each of 12 planes out of order."""

TABLES = {
    "dense": Table.dense(16, 48),
    "three planes": Table.dense(3, 32),
    "a prime of planes": Table.dense(23, 16),
    "groups": Table.grouped(32, 64, 2),
    "blocks": BLOCKS,
}


def numbers(shape: tuple[int, ...]) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def two_banks(table: Table, window: Window, batch: int = 1) -> tuple[Graph, dict[str, Array]]:
    """A bank whose result lies blocked, one that reads it, and a sum with what the first gave."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((batch, table.channels, 9, 11)))
    y = net.add(
        Conv(window, table),
        x,
        net.constant(numbers((table.pairs, *window.kernel)), "w"),
        net.constant(numbers((table.maps,)), "b"),
    )
    y = net.add(Relu(), y)
    after = Table.dense(table.maps, table.maps)
    z = net.add(Conv(WINDOWS[0], after), y, net.constant(numbers((after.pairs, 3, 3)) / 20, "v"))
    net.output(net.add(Tanh(), net.add(Add(), z, y)))
    return net.finish(), {"x": numbers((batch, table.channels, 9, 11))}


def has_vectors_of_maps(graph: Graph, machine: Machine) -> bool:
    text = "".join(kernel.function.script() for kernel in lower(graph, machine).kernels)
    return MAP_TILE in text


@pytest.mark.parametrize("name", TABLES)
def test_tables_and_windows(name: str) -> None:
    for window in WINDOWS:
        graph, inputs = two_banks(TABLES[name], window)
        assert has_vectors_of_maps(graph, host()[0].machine)
        assert_is_reference(graph, inputs)


def test_batches() -> None:
    assert_is_reference(*two_banks(TABLES["dense"], WINDOWS[0], batch=3))


def test_an_infinity_reaches_only_the_maps_that_see_it() -> None:
    for table in (BLOCKS, TABLES["three planes"], TABLES["a prime of planes"]):
        net = GraphBuilder("net")
        x = net.input("x", TensorType((1, table.channels, 6, 7)))
        weights = np.abs(numbers((table.pairs, 3, 3)))
        net.output(net.add(Conv(WINDOWS[0], table), x, net.constant(weights, "w")))
        pixels = numbers((1, table.channels, 6, 7))
        pixels[0, 2, 3, 3] = np.inf
        [y] = assert_is_reference(net.finish(), {"x": pixels}).values()
        sees = [2 in block.inputs for block in table.blocks() for _ in range(block.maps)]
        assert np.isinf(y[0]).any(axis=(1, 2)).tolist() == sees
        assert not np.isnan(y).any()


def test_a_pooling_between() -> None:
    """In the kernel of the bank; its windows are neighbours there, and pixels by number."""
    for kernel in ((2, 2), (1, 2), (4, 1)):
        net = GraphBuilder("net")
        x = net.input("x", TensorType((2, 8, 12, 10)))
        weights = net.constant(numbers((8 * 24, 3, 3)), "w")
        y = net.add(Conv(WINDOWS[0], Table.dense(8, 24)), x, weights)
        y = net.add(Tanh(), net.add(MaxPool(Window(kernel, kernel)), y))
        weights = net.constant(numbers((24 * 8, 1, 1)), "v")
        net.output(net.add(Conv(Window((1, 1)), Table.dense(24, 8)), y, weights))
        assert_is_reference(net.finish(), {"x": numbers((2, 8, 12, 10))})


def test_each_map_alone_on_what_is_blocked() -> None:
    for window in WINDOWS:
        net = GraphBuilder("net")
        x = net.input("x", TensorType((2, 3, 9, 11)))
        y = net.add(Conv(WINDOWS[0], Table.dense(3, 16)), x, net.constant(numbers((48, 3, 3)), "w"))
        own = Table.grouped(16, 16, 16)
        weights = net.constant(numbers((16, *window.kernel)), "v")
        y = net.add(Relu(), net.add(Conv(window, own), y, weights))
        weights = net.constant(numbers((16 * 8, 1, 1)), "u")
        net.output(net.add(Conv(Window((1, 1)), Table.dense(16, 8)), y, weights))
        assert_is_reference(net.finish(), {"x": numbers((2, 3, 9, 11))})


def integer_bank(planes: int, kind: type[np.signedinteger]) -> tuple[Graph, dict[str, Array]]:
    """At the ends of what the numbers may be, so that any instruction that saturates is seen."""
    top = np.iinfo(kind).max
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, planes, 6, 10), Int(8 * np.dtype(kind).itemsize)))
    table = Table.dense(planes, 16)
    sign = RNG.choice([-1, 1], (table.pairs, 3, 3))
    weights = net.constant((sign * top).astype(kind), "w")
    bits = 2 * 8 * np.dtype(kind).itemsize + (9 * planes).bit_length()
    y = net.add(IntegerConv(WINDOWS[0], table, bits, fill=-3), x, weights)
    y = net.add(IntegerSumPool(Window((2, 2), (2, 2)), bits + 2, zero_point=5), y)
    multipliers = net.constant(RNG.integers(1, 1 << 17, (1, 16, 1, 1)).astype(np.int32), "m")
    shifts = net.constant(RNG.integers(20, 47, (1, 16, 1, 1)).astype(np.int8), "s")
    y = net.add(Requantize(Encoding(8, 0.5), -128, 127), y, multipliers, shifts)
    net.output(y)
    info = np.iinfo(kind)
    pixels = RNG.choice([info.min, info.max, -1, 0], (1, planes, 6, 10)).astype(kind)
    return net.finish(), {"x": pixels}


@pytest.mark.parametrize("planes", [1, 3, 8, 17, 24])
@pytest.mark.parametrize("kind", [np.int8, np.int16])
def test_integers_are_exact(planes: int, kind: type[np.signedinteger]) -> None:
    assert_is_reference(*integer_bank(planes, kind), tolerance=0)


@pytest.mark.parametrize(("level", "lanes"), [("x86-64", 4), ("x86-64-v3", 8)])
def test_other_processors(level: str, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = host()
    if here.architecture != "x86_64" or "avx2" not in here.features:
        pytest.skip("this is no x86-64 processor with AVX2")
    features = ("avx", "avx2", "fma", "sse2") if lanes == 8 else ("sse2",)
    lesser = replace(here, name=level, features=features)
    assert lesser.machine.lanes == lanes
    assert lesser.machine.dots

    def pretend() -> tuple[Processor, tuple[str, ...]]:
        return lesser, ()

    monkeypatch.setattr(cpu, "host", pretend)
    assert_is_reference(*two_banks(TABLES["dense"], WINDOWS[0]))
    assert_is_reference(*integer_bank(8, np.int8), tolerance=0)


@pytest.mark.parametrize(
    ("features", "expected"),
    [(("avx512bw", "avx512f"), "vpmaddwd"), (("avx512vl", "avx512vnni"), "vpdpbusd")],
)
def test_the_instruction_of_a_wider_processor(features: tuple[str, ...], expected: str) -> None:
    """Compiled here, whether or not it could run here."""
    machine = Machine(16, 32, instructions(features, 16))
    graph, _ = integer_bank(16, np.int8)
    target = Target({"kind": "llvm", "mcpu": "cascadelake"})
    [kernel] = lower(graph, machine).kernels
    assert expected in tvm.tirx.build(kernel.module(), target=target).inspect_source("asm")
