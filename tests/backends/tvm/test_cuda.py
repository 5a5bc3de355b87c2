"""Every op on the target `cuda` against its own meaning, run by the emulator and its checks."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends.target import Taken
from sightline.backends.tvm.cuda import TARGET
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.op import OPS, Sample
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from tests.backends.tvm.test_expressions import EXACT
from tests.support.cpu import assert_is_reference, side_by_side
from tests.support.cuda_models import merged, run_checked, run_emulated

FLOAT = sorted(set(OPS) - EXACT)
RANDOM = np.random.default_rng(3)


def samples(kinds: list[str], seeds: range) -> list[Sample]:
    return [OPS[kind].sample(np.random.default_rng(seed)) for kind in kinds for seed in seeds]


@pytest.mark.parametrize("kind", OPS)
def test_every_op_is_taken(kind: str) -> None:
    assert TARGET.support(OPS[kind]) == Taken()


def test_samples_of_ops_that_are_exact() -> None:
    graph, inputs = side_by_side(samples(sorted(EXACT), range(2)))
    assert_is_reference(graph, inputs, tolerance=0, run=run_checked)


def test_samples_of_ops_in_float() -> None:
    graph, inputs = side_by_side(samples(FLOAT, range(2)))
    assert_is_reference(graph, inputs, run=run_checked)


def random_table(channels: int, maps: int) -> Table:
    rows = (
        tuple(sorted(map(int, RANDOM.choice(channels, int(RANDOM.integers(1, 4)), replace=False))))
        for _ in range(maps)
    )
    return Table(channels, maps, 1, tuple(rows))


BANKS = {
    "dense": (Table.dense(5, 48), Window((7, 7)), (1, 5, 20, 40)),
    "strided": (Table.dense(3, 22), Window((5, 3), (2, 3), (2, 1, 0, 1)), (2, 3, 21, 34)),
    "dilated": (
        Table.dense(9, 7),
        Window((3, 3), pads=(2, 2, 2, 2), dilation=(2, 2)),
        (1, 9, 9, 9),
    ),
    "one pixel": (Table.dense(33, 40), Window((1, 1)), (1, 33, 10, 20)),
    "blocks, the last with fewer maps": (
        Table(6, 16, 6, ((0, 2), (1, 3, 5), (0, 4))),
        Window((3, 3)),
        (1, 6, 20, 20),
    ),
    "own planes": (Table.grouped(12, 12, 12), Window((5, 5), pads=(2, 2, 2, 2)), (1, 12, 10, 33)),
    "any planes": (random_table(9, 14), Window((3, 5)), (1, 9, 12, 33)),
    "a line": (Table.dense(3, 4), Window((5,)), (2, 3, 30)),
}


def bank_graph(
    table: Table, window: Window, shape: tuple[int, ...]
) -> tuple[Graph, dict[str, Array]]:
    """A filter bank with bias, its tanh; and the same, pooled and added to what is there."""
    builder = GraphBuilder("bank")
    x = builder.input("x", TensorType(shape))
    weights = RANDOM.standard_normal((table.pairs, *window.kernel)).astype(np.float32)
    weights /= np.sqrt(window.taps)
    operands = (
        builder.constant(weights, "w"),
        builder.constant(RANDOM.standard_normal(table.maps).astype(np.float32), "b"),
    )
    sums = builder.add(Conv(window, table), x, *operands)
    builder.output(builder.add(Tanh(), sums))
    if window.rank == 2:
        spatial = builder[sums].type.shape[2:]
        again = builder.add(Conv(window, table), x, *operands)
        if all(size % 2 == 0 for size in spatial):
            again = builder.add(MaxPool(Window((2, 2), (2, 2))), again)
        builder.output(builder.add(Add(), again, builder.add(Tanh(), again)))
    return builder.finish(), {"x": RANDOM.standard_normal(shape).astype(np.float32)}


def test_filter_banks_of_many_forms() -> None:
    graph, inputs = merged(bank_graph(*bank) for bank in BANKS.values())
    assert_is_reference(graph, inputs, run=run_checked)


def test_a_filter_bank_that_no_tile_holds() -> None:
    graph, inputs = bank_graph(Table.dense(2, 3), Window((120, 90)), (1, 2, 122, 93))
    assert_is_reference(graph, inputs, run=run_emulated)
