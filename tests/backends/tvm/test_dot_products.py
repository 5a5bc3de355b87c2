"""Instructions for short integers: which are taken, that they are exact, what corrects them."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.dot_products import SURPLUS, fitting, instructions, surplus
from sightline.backends.tvm.host import Processor, host
from sightline.backends.tvm.layout import Sums
from sightline.backends.tvm.lowering import lower
from sightline.backends.tvm.plan import Argument
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference, without_bytes
from tests.support.examples import examples

VNNI = ("avx", "avx2", "avx512bw", "avx512f", "avx512vl", "avx512vnni")

BYTES, PAIRS = instructions(VNNI, 16)

TABLES = {
    "dense": Table.dense(19, 32),
    "groups": Table.grouped(32, 64, 2),
    "blocks": Table(9, 7, 3, ((0, 4), (1, 2, 8), (5,))),
}


def op(planes: int, taps: int = 1, bits: int = 32) -> IntegerConv:
    return IntegerConv(Window((1, taps)), Table.dense(planes, 16), bits)


def bank(
    table: Table, x: Int, weights: Int, size: tuple[int, int]
) -> tuple[Graph, dict[str, Array]]:
    """Numbers at the ends of what they may be: whatever overflows or saturates is seen."""
    net = GraphBuilder("net")
    shape = (1, table.channels, *size)
    pixels = net.input("x", TensorType(shape, x))
    ends = np.array([-weights.high, weights.high, 1], weights.dtype)
    rng = np.random.default_rng(table.pairs)
    filters = net.constant(rng.choice(ends, (table.pairs, 3, 3)), "w")
    window = Window((3, 3), pads=(1, 1, 1, 1))
    net.output(net.add(IntegerConv(window, table, 32, fill=x.high), pixels, filters))
    return net.finish(), {"x": rng.choice(np.array([x.low, x.high, 2], x.dtype), shape)}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("x", [Int(8), Int(8, signed=False), Int(16)], ids=str)
@pytest.mark.parametrize("size", [(5, 4), (3, 37)])
def test_sums_are_exact(table: Table, x: Int, size: tuple[int, int]) -> None:
    assert_is_reference(*bank(table, x, Int(8), size), tolerance=0)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_pairs_of_bytes_are_exact(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    without_bytes(monkeypatch)
    assert_is_reference(*bank(table, Int(8), Int(8), (3, 37)), tolerance=0)


def test_which_is_chosen() -> None:
    both = (BYTES, PAIRS)
    assert fitting(op(64), both, "int8", "int8") is BYTES
    assert fitting(op(64), both, "uint8", "int8") is BYTES
    assert fitting(op(64), (PAIRS,), "int8", "int8") is PAIRS
    assert fitting(op(64), both, "int16", "int8") is PAIRS
    assert fitting(op(64), both, "int8", "int16") is PAIRS
    assert fitting(op(64), both, "uint8", "int16") is None
    assert fitting(op(64), both, "int32", "int8") is None
    assert fitting(op(64, bits=33), both, "int8", "int8") is None


def test_bytes_that_might_not_fit_are_multiplied_in_pairs() -> None:
    """Pixels are taken 128 too large: the largest sums of those must fit 32 bits as well."""
    most = max(
        n for n in range(65000, 67000) if fitting(op(n), (BYTES, PAIRS), "int8", "int8") is BYTES
    )
    assert most * 255 * 128 < 1 << 31 <= (most + 1) * 255 * 128
    assert fitting(op(most // 3, 3), (BYTES, PAIRS), "int8", "int8") is BYTES
    assert fitting(op(most // 3 + 1, 3), (BYTES, PAIRS), "int8", "int8") is PAIRS


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_instruction_of_a_table(table: Table) -> None:
    """Compiled here, whether or not it could run here."""
    processor = Processor("x86_64", "cascadelake", VNNI)
    graph, _ = bank(table, Int(8), Int(8), (4, 37))
    [kernel] = lower(graph, processor.machine).kernels
    built = tvm.tirx.build(kernel.module(), target=processor.target())
    assert "vpdpbusd" in built.inspect_source("asm")


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(TABLES.values())), st.integers(1, 4))
@examples(30)
def test_the_surplus_of_signed_pixels(seed: int, table: Table, taps: int) -> None:
    """By what sums grow, map by map, if every pixel does by 128."""
    weights = np.random.default_rng(seed).integers(-128, 128, (table.pairs, taps)).astype(np.int8)
    sums = surplus(table, "int8", BYTES)
    assert sums is not None
    expected = [
        sum(int(weights[pair].sum()) for pair in range(first, first + len(block.inputs))) * SURPLUS
        for block in table.blocks()
        for first in range(block.pairs.start, block.pairs.stop, len(block.inputs))
    ]
    found = sums.apply(weights)
    assert found.dtype == np.int32
    assert found.tolist() == expected
    assert found.shape == sums.stored
    assert surplus(table, "uint8", BYTES) is surplus(table, "int8", PAIRS) is None


def test_what_is_made_of_weights_is_kept_with_the_plan() -> None:
    made = Argument("constant", "w", (7,), "int32", Sums((2, 3, 1), 7, 128))
    fields = {**vars(made), "packing": vars(made.packing)}
    assert Argument.from_json(fields) == made


def test_this_processor_has_what_it_tells() -> None:
    here, _ = host()
    assert ("avx512vnni" in here.features) == any(dot.terms == 4 for dot in here.machine.dots)
