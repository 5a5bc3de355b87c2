"""Stages: what is in one, and that they mean what their ops meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from sightline.backends.reference import run
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.ops.pooling import LPPool, MaxPool
from sightline.ir.ops.quantization import Requantize
from sightline.ir.ops.stage import Stage
from sightline.ir.parse import parse
from sightline.ir.table import Table
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Quant
from sightline.ir.verify import verify
from sightline.ir.window import Window
from sightline.passes.fuse import EXACT, fuse
from sightline.passes.inline_stages import inline_stages
from sightline.passes.legalize import legalize
from sightline.passes.pool_sums import pool_sums
from sightline.passes.rewrite import rewrite
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.integer_networks import STEPS, IntegerNetwork, integer_networks
from tests.support.pass_checks import graph_of


def check(graph: Graph, net: IntegerNetwork) -> Graph:
    """The graph in stages: the same numbers, and the same ops once they are inlined."""
    fused = fuse(graph)
    verify(fused)
    assert fuse(fused) == fused
    wanted, found = run(graph, **net.inputs), run(fused, **net.inputs)
    for label, y in wanted.items():
        np.testing.assert_array_equal(found[label], y, strict=True)
    assert fused.total_macs == graph.total_macs
    assert fused.total_parameters == graph.total_parameters
    assert parse(to_text(fused), constants_of(fused)) == fused
    flat = inline_stages(fused)
    verify(flat)
    assert unnamed(flat) == unnamed(graph)
    return fused


def unnamed(graph: Graph) -> Graph:
    """The graph that is read, whose ops are numbered from its outputs up."""
    graph = rewrite(graph, lambda rewriter, node: None)
    seen: dict[str, str] = {}

    def visit(name: str) -> None:
        for value in graph[name].inputs:
            visit(value) if value not in seen else None
        seen.setdefault(name, f"n{len(seen)}")

    for output in graph.outputs:
        visit(output.node)
    lines = (
        f"{seen[name]} {graph[name].op} {[seen[v] for v in graph[name].inputs]} "
        f"{graph[name].type} {graph[name].instance}"
        for name in seen
    )
    return Graph("\n".join(lines), (), ())


def kinds(graph: Graph) -> list[list[str]]:
    """The ops of each stage."""
    return [
        [node.op.kind for node in stage.op.body.operations]
        for stage in graph.operations
        if isinstance(stage.op, Stage)
    ]


def loose(graph: Graph) -> set[str]:
    """The kinds of ops that are in no stage."""
    return {node.op.kind for node in graph.operations} - {"stage"}


@examples(60)
@given(integer_networks())
def test_every_exact_number_is_in_a_stage(net: IntegerNetwork) -> None:
    for graph in (legalize(net.builder.finish()), pool_sums(legalize(net.builder.finish()))):
        fused = check(graph, net)
        for node in fused.operations:
            assert not isinstance(node.op, EXACT)
            if isinstance(node.op, Stage):
                assert isinstance(node.type.element, Quant)
                data = [fused[v] for v in node.inputs if not fused[v].is_leaf]
                assert all(isinstance(each.type.element, Quant) for each in data)


@pytest.mark.parametrize("step", STEPS)
def test_every_step_by_itself(step: str) -> None:
    net = IntegerNetwork(3)
    check(net.finish(STEPS[step](net, net.first)), net)


def test_a_bank_with_all_that_follows() -> None:
    net = IntegerNetwork(0)
    y = net.rounded(net.bank(net.first, Table.dense(4, 6)), 10)
    y = net.rounded(net.add(Tanh(), net.moved(MaxPool(Window((2, 2), (2, 2))), y)))
    graph = net.finish(y)
    assert kinds(check(graph, net)) == [["integer_conv", "requantize", "max_pool", "lookup"]]
    pooled = check(pool_sums(graph), net)
    assert kinds(pooled) == [["integer_conv", "max_pool", "requantize", "lookup"]]
    assert loose(pooled) == {"quantize", "dequantize"}


def test_a_stage_bears_the_name_and_place_of_its_last_op() -> None:
    net = IntegerNetwork(0)
    graph = net.finish(net.rounded(net.bank(net.first, Table.dense(4, 2))))
    placed = replace(
        graph,
        nodes=tuple(replace(n, instance=f"of.{n.name}", where=f"{n.name}.py") for n in graph.nodes),
    )
    [stage] = [node for node in fuse(placed).operations if isinstance(node.op, Stage)]
    [last] = [node for node in placed.operations if isinstance(node.op, Requantize)]
    assert (stage.name, stage.instance, stage.where) == (last.name, last.instance, last.where)
    again = inline_stages(fuse(placed))
    assert {(n.instance, n.where) for n in again.nodes} == {
        (n.instance, n.where) for n in placed.nodes
    }


def test_what_two_read_is_a_result_of_its_own() -> None:
    """A rounded number with two readers ends a stage, and both begin with it."""
    net = IntegerNetwork(0)
    index = net.rounded(net.bank(net.first, Table.dense(4, 6)), 10)
    y = net.rounded(net.add(Tanh(), index))
    fused = check(net.finish(y, net.moved(MaxPool(Window((2, 2))), index)), net)
    assert sorted(kinds(fused)) == [["integer_conv", "requantize"], ["lookup"], ["max_pool"]]


def test_results_that_part_and_meet_are_one_stage() -> None:
    for bits in (8, 16):
        net = IntegerNetwork(0)
        x = net.rounded(net.first, bits)
        y = net.rounded(net.add(LocalNorm((3, 3), 0.05), x), bits)
        fused = check(net.finish(y), net)
        [*_, stage] = kinds(fused)
        assert {"integer_mul", "integer_sum_pool", "reciprocal_sqrt", "requantize"} <= set(stage)
        assert loose(fused) == {"quantize", "dequantize"}


def test_a_table_of_powers_is_in_the_stage_of_the_pooling() -> None:
    net = IntegerNetwork(0)
    x = net.rounded(net.bank(net.first, Table.dense(4, 2)))
    y = net.rounded(net.add(LPPool(Window((2, 2)), 3.0), x))
    fused = check(net.finish(y), net)
    first, second = kinds(fused)
    assert first == ["integer_conv", "requantize"]
    assert second[:2] == ["lookup", "integer_sum_pool"]


def test_stages_that_do_the_same_are_equal() -> None:
    net = IntegerNetwork(0)
    table, weights, to = Table.dense(4, 4), np.ones((16, 3, 3), np.int8), Encoding(8, 0.1)
    x = net.rounded(net.first, to=to)
    for _ in range(3):
        x = net.rounded(net.bank(x, table, weights), to=to)
    fused = check(net.finish(x), net)
    banks = [n.op for n in fused.operations if isinstance(n.op, Stage) and len(n.inputs) > 3]
    assert len(banks) == 3
    assert len(set(banks)) == 1


def test_exact_numbers_with_two_results_stay() -> None:
    graph = graph_of(
        """x = input : i8[1,2]
        m = const [3] : i32[1,1]
        s = const [1] : i8[1,1]
        double = integer_add(x, x, bits=9) : i9[1,2]
        one = requantize(double, m, s, bits=8, scale=1.0, low=-128, high=127)"""
        """ : quant(i8,0x1p+0,0)[1,2]
        two = requantize(double, m, s, bits=8, scale=1.0, low=0, high=127)"""
        """ : quant(i8,0x1p+0,0)[1,2]
        return one=one, two=two"""
    )
    assert fuse(graph) == graph


def test_exact_numbers_that_the_caller_reads_stay() -> None:
    graph = graph_of("x = input : i8[1,2]\ny = integer_add(x, x, bits=9) : i9[1,2]\nreturn y=y")
    assert fuse(graph) == graph


def test_floats_stay() -> None:
    net = IntegerNetwork(0)
    y = net.add(MaxPool(Window((2, 2))), net.first)
    graph = net.finish(net.add(Tanh(), y))
    assert fuse(graph) == graph


def test_reads_well(golden: Golden) -> None:
    net = IntegerNetwork(0, (1, 1, 6, 6))
    y = net.rounded(net.bank(net.first, Table.dense(1, 2)), 10)
    golden(to_text(fuse(net.finish(net.rounded(net.add(Tanh(), y))))))
