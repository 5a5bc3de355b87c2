"""Sums over large windows, by columns and then by rows: when that is done, and that it is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends import reference
from sightline.backends.tvm.cuda_options import DEFAULT
from sightline.backends.tvm.gpu.machine import gpu
from sightline.backends.tvm.host import host
from sightline.backends.tvm.narrow_sums import with_narrow_sums
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.integer_bank import IntegerSumPool
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pooling import AveragePool
from sightline.ir.table import Table
from sightline.ir.types import Int, TensorType
from sightline.ir.window import Window
from tests.support.cpu import assert_is_reference
from tests.support.cuda_models import merged
from tests.support.examples import examples
from tests.support.integer_networks import IntegerNetwork

RNG = np.random.default_rng(0)
MACHINES = {"cpu": host()[0].machine, "gpu": gpu(DEFAULT)}

each_machine = pytest.mark.parametrize("machine", MACHINES)


def sums(op: IntegerSumPool, shape: tuple[int, ...] = (2, 3, 64, 66)) -> Graph:
    builder = GraphBuilder("sums")
    builder.output(builder.add(op, builder.input("x", TensorType(shape, Int(8)))))
    return builder.finish()


@each_machine
def test_large_windows_are_summed_by_columns_and_then_by_rows(machine: str) -> None:
    graph = sums(IntegerSumPool(Window((13, 15), pads=(6, 7, 6, 7)), 16, 3))
    first, second = with_narrow_sums(graph, MACHINES[machine]).operations
    assert first.op == IntegerSumPool(Window((13, 1), pads=(6, 0, 6, 0)), 12, 3)
    assert second.op == IntegerSumPool(Window((1, 15), pads=(0, 7, 0, 7)), 16)


@each_machine
@pytest.mark.parametrize(
    "window", [Window((3, 3)), Window((1, 15)), Window((8, 8), (8, 8)), Window((7, 7), (7, 7))]
)
def test_small_ones_and_those_that_do_not_overlap_are_not(machine: str, window: Window) -> None:
    graph = sums(IntegerSumPool(window, 16))
    assert with_narrow_sums(graph, MACHINES[machine]) == graph


def test_a_kernel_more_costs_a_gpu_more() -> None:
    graph = sums(IntegerSumPool(Window((5, 5)), 13))
    assert with_narrow_sums(graph, MACHINES["gpu"]) == graph
    assert len(with_narrow_sums(graph, MACHINES["cpu"]).operations) == 2


sizes = st.tuples(st.integers(11, 17), st.integers(11, 17))
small = st.tuples(st.integers(1, 2), st.integers(1, 2))


@examples(60)
@given(
    sizes, small, small, st.lists(st.integers(0, 5), min_size=4, max_size=4), st.integers(-128, 127)
)
def test_sums_of_any_large_window_are_the_same(
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilation: tuple[int, int],
    pads: list[int],
    zero_point: int,
) -> None:
    window = Window(kernel, strides, tuple(pads), dilation)
    graph = sums(IntegerSumPool(window, 18, zero_point), (2, 3, 34, 36))
    narrow = with_narrow_sums(graph, MACHINES["gpu"])
    assert len(narrow.operations) == 2
    inputs = {"x": RNG.integers(-128, 128, (2, 3, 34, 36)).astype(np.int8)}
    [wanted], [found] = (reference.run(each, **inputs).values() for each in (graph, narrow))
    np.testing.assert_array_equal(found, wanted)


def test_integers_of_the_target_cpu() -> None:
    """Of planar maps, and of those that a filter bank leaves in vectors."""
    ops: list[Op] = [LocalNorm((7, 9), 0.05), AveragePool(Window((5, 7), pads=(2, 3, 2, 3)))]
    parts = []
    for op in ops:
        for maps in (3, 16):
            net = IntegerNetwork(maps, (1, 3, 40, 44))
            x = net.rounded(net.bank(net.first, Table.dense(3, maps)))
            x = net.rounded(net.add(op, x))
            graph = net.finish(net.rounded(net.bank(x, Table.dense(maps, maps))))
            narrow = with_narrow_sums(graph, MACHINES["cpu"])
            assert len(narrow.operations) > len(graph.operations)
            parts.append((graph, net.inputs))
    graph, inputs = merged(parts)
    assert_is_reference(graph, inputs, tolerance=0)
