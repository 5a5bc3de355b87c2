"""Filter banks of 3x3 by Winograd's minimal filtering, on the target `cpu`."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm import winograd
from sightline.backends.tvm.build import MIXED_TILE
from sightline.backends.tvm.host import Processor, host
from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.lowering import lower
from sightline.backends.tvm.winograd_filters import OUTPUTS, PIXELS, mixed
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pointwise import Relu
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Requantize
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference, without_bytes
from tests.support.examples import examples

RNG = np.random.default_rng(0)

TABLES = {
    "dense": Table.dense(32, 48),
    "groups": Table.grouped(64, 32, 2),
    "a prime of planes": Table.dense(37, 16),
    "blocks": Table(50, 64, 32, tuple(tuple(RNG.permutation(50)[:40].tolist()) for _ in range(2))),
}

PADS = ((1, 1, 1, 1), (0, 0, 0, 0), (2, 0, 1, 3))


def numbers(shape: tuple[int, ...]) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def float_bank(
    table: Table, pads: tuple[int, int, int, int], size: tuple[int, ...]
) -> tuple[Graph, dict[str, Array]]:
    """A bank of which a second one reads, and a sum with what the first gave."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((size[0], table.channels, *size[1:])))
    weights = net.constant(numbers((table.pairs, 3, 3)), "w")
    bias = net.constant(numbers((table.maps,)), "b")
    y = net.add(Relu(), net.add(Conv(Window((3, 3), pads=pads), table), x, weights, bias))
    after = Table.dense(table.maps, table.maps)
    weights = net.constant(numbers((after.pairs, 3, 3)) / 20, "v")
    z = net.add(Conv(Window((3, 3), pads=PADS[0]), after), y, weights)
    net.output(net.add(Add(), z, y))
    return net.finish(), {"x": numbers((size[0], table.channels, *size[1:]))}


def integer_bank(planes: int, size: tuple[int, ...]) -> tuple[Graph, dict[str, Array]]:
    """Pixels and weights at the ends of what they may be."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, planes, *size), Int(8)))
    table = Table.dense(planes, 16)
    weights = net.constant(RNG.choice([-127, 127], (table.pairs, 3, 3)).astype(np.int8), "w")
    bits = 16 + (9 * planes).bit_length()
    y = net.add(IntegerConv(Window((3, 3), pads=PADS[0]), table, bits, fill=-3), x, weights)
    multipliers = net.constant(RNG.integers(1, 1 << 17, (1, 16, 1, 1)).astype(np.int32), "m")
    shifts = net.constant(RNG.integers(20, 40, (1, 16, 1, 1)).astype(np.int8), "s")
    net.output(net.add(Requantize(Encoding(8, 0.5), -128, 127), y, multipliers, shifts))
    pixels = RNG.choice([-128, 127], (1, planes, *size)).astype(np.int8)
    return net.finish(), {"x": pixels}


def is_mixed(graph: Graph, processor: Processor | None = None) -> bool:
    kernels = lower(graph, (processor or host()[0]).machine).kernels
    return any(MIXED_TILE in kernel.function.script() for kernel in kernels)


@pytest.mark.parametrize("name", TABLES)
def test_tables_pads_and_sizes(name: str) -> None:
    for pads, size in zip(PADS, ((1, 9, 11), (3, 6, 5), (1, 4, 16)), strict=True):
        graph, inputs = float_bank(TABLES[name], pads, size)
        assert is_mixed(graph)
        assert_is_reference(graph, inputs)


@pytest.mark.parametrize("size", [(2, 2), (7, 7), (12, 40), (33, 5)])
def test_integers_are_exact(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    processor = without_bytes(monkeypatch)
    for planes in (32, 37, 64):
        graph, inputs = integer_bank(planes, size)
        assert is_mixed(graph, processor)
        assert_is_reference(graph, inputs, tolerance=0)


def test_the_most_planes_of_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the last number of planes that is mixed, the largest sums are exact still."""
    most = max(n for n in range(32, 4096) if takes_integers(n))
    assert not takes_integers(most + 1)
    graph, inputs = integer_bank(most, (4, 4))
    assert is_mixed(graph, without_bytes(monkeypatch))
    assert_is_reference(graph, inputs, tolerance=0)


def takes_integers(planes: int, bits: int = 8, kernel: tuple[int, int] = (3, 3)) -> bool:
    op = IntegerConv(Window(kernel), Table.dense(planes, 16), 31)
    return winograd.takes(op, (1, planes, 8, 8), (1, 1), (bits, 8))


def test_bytes_are_not_mixed_where_there_is_an_instruction_for_them() -> None:
    features = ("avx", "avx512bw", "avx512f", "avx512vl", "avx512vnni")
    graph, _ = integer_bank(64, (12, 40))
    assert is_mixed(graph, Processor("x86_64", "a", features[:-1]))
    assert not is_mixed(graph, Processor("x86_64", "a", features))


def test_what_is_not_mixed() -> None:
    assert takes_integers(64)
    assert not takes_integers(64, bits=16)
    assert not takes_integers(8)
    assert not takes_integers(64, kernel=(3, 5))
    long_rows = Conv(Window((3, 3)), Table.dense(64, 16))
    assert winograd.takes(long_rows, (1, 64, 8, 1920), (1, 1), (32, 32))
    assert not winograd.takes(long_rows, (1, 64, 8, 20000), (1, 1), (32, 32))
    strided = Conv(Window((3, 3), strides=(2, 2)), Table.dense(64, 16))
    assert not winograd.takes(strided, (1, 64, 8, 8), (1, 1), (32, 32))


@pytest.mark.parametrize("size", [(12, 10), (9, 11)])
def test_a_pooling_of_its_tiles(size: tuple[int, int]) -> None:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((2, 32, *size)))
    weights = net.constant(numbers((32 * 48, 3, 3)), "w")
    y = net.add(Conv(Window((3, 3), pads=PADS[0]), Table.dense(32, 48)), x, weights)
    net.output(net.add(MaxPool(Window((2, 2), (2, 2))), y))
    graph = net.finish()
    assert is_mixed(graph)
    assert_is_reference(graph, {"x": numbers((2, 32, *size))})


@given(st.integers(0, 2**32 - 1))
@examples(20)
def test_mixing_is_filtering(seed: int) -> None:
    """Of integers, four times the sums of the filter, exactly; of others, the sums themselves."""
    rng = np.random.default_rng(seed)
    pixels, taps = rng.integers(-128, 128, (4, 4)), rng.integers(-128, 128, (3, 3))
    expected = [
        [int((pixels[i : i + 3, j : j + 3] * taps).sum()) for j in range(2)] for i in range(2)
    ]
    mix, unmix = np.array(PIXELS), np.array(OUTPUTS)
    found = unmix @ (mix @ pixels @ mix.T * mixed(taps)) @ unmix.T
    assert found.tolist() == [[4 * number for number in row] for row in expected]
    quarters = mixed(taps.astype(np.float32))
    assert [Fraction(number) * 4 for number in quarters.flat] == mixed(taps).flatten().tolist()


def test_weights_are_mixed_before_they_are_packed() -> None:
    filters = np.arange(2 * 9, dtype=np.int8).reshape(2, 3, 3)
    packing = Packing((2, 4, 4), (2, 4, 4), (2, 4, 4), (1, 2, 0), "int16", mixed=True)
    assert packing.apply(filters).tolist() == mixed(filters).transpose(1, 2, 0).tolist()
