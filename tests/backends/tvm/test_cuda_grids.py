"""How many blocks a launch of the target `cuda` has: CUDA ends y and z at 65,535."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.tvm.gpu import block_tiles
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.table import Table
from sightline.ir.types import FLOAT32, Element, Int, TensorType
from sightline.ir.window import Window
from tests.backends.tvm.test_cuda import BANKS, bank_graph
from tests.backends.tvm.test_tensor_cores import integers
from tests.support.cpu import assert_is_reference
from tests.support.cuda_models import compiled, merged, run_emulated

SMALL = Window((3, 3), pads=(1, 1, 1, 1))
MOST = (2**31 - 1, 65_535, 65_535)


def bank_of(table: Table, shape: tuple[int, ...], element: Element = FLOAT32) -> Graph:
    builder = GraphBuilder("bank")
    x = builder.input("x", TensorType(shape, element))
    weights = np.ones((table.pairs, 3, 3), np.int8 if element == Int(8) else np.float32)
    op = IntegerConv(SMALL, table, 32) if element == Int(8) else Conv(SMALL, table)
    operands = () if element == Int(8) else (builder.constant(np.zeros(table.maps, "f4"), "b"),)
    builder.output(builder.add(op, x, builder.constant(weights, "w"), *operands))
    return builder.finish()


def pooled(shape: tuple[int, ...]) -> Graph:
    builder = GraphBuilder("pooled")
    x = builder.input("x", TensorType(shape))
    builder.output(builder.add(MaxPool(Window((2, 2), (2, 2))), x))
    return builder.finish()


LARGE = {
    "a depthwise bank of a batch": bank_of(Table.grouped(1024, 1024, 1024), (65, 1024, 14, 14)),
    "tensor cores, a batch": bank_of(Table.dense(32, 32), (70_000, 32, 8, 8), Int(8)),
    "a line": bank_of(Table.dense(2, 4), (1, 2, 2, 12_000_000)),
    "tensor cores, a column": bank_of(Table.dense(32, 32), (1, 32, 6_000_000, 8), Int(8)),
    "a pool": pooled((70_000, 64, 8, 8)),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_device_can_launch_so_many_blocks(name: str, tmp_path: Path) -> None:
    plan = json.loads((compiled(LARGE[name], tmp_path) / "plan.json").read_text())
    for launch in plan["launches"]:
        assert all(size <= most for size, most in zip(launch["grid"], MOST, strict=True))
        assert np.prod([float(size) for size in launch["grid"]]) > MOST[1]


def test_rows_and_columns_of_tiles_join_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_tiles, "MOST_BLOCKS", 1)
    names = ("strided", "blocks, the last with fewer maps")
    graph, inputs = merged(bank_graph(*BANKS[name]) for name in names)
    assert_is_reference(graph, inputs, run=run_emulated)
    graph, inputs = merged(integers(seed) for seed in range(2))
    wanted = reference.run(graph, **inputs)
    for name, found in run_emulated(graph, inputs).items():
        np.testing.assert_array_equal(found, wanted[name])


def test_registers_are_kept_for_the_blocks_that_there_are(tmp_path: Path) -> None:
    few = bank_of(Table.dense(3, 8), (1, 3, 32, 32))
    source = (compiled(few, tmp_path / "few") / "model.cu").read_text()
    assert re.search(r"__launch_bounds__\(\d+, 1\) conv_0_kernel\(", source)
    many = bank_of(Table.dense(3, 64), (64, 3, 128, 128))
    source = (compiled(many, tmp_path / "many") / "model.cu").read_text()
    assert re.search(r"__launch_bounds__\(\d+\) conv_0_kernel\(", source)
