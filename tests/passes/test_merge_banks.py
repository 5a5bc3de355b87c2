"""Concatenated banks on one input become one bank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Concat, Gather
from sightline.ir.table import Table
from sightline.ir.text import to_text
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from sightline.passes import pipeline
from sightline.passes.merge_banks import joint_table, merge_banks
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_agree, check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("concat_of_convs", "concat_of_convs", "conv", "concat", "unary")


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(merge_banks, graph, seed=seed)


@examples(100)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    after = check_pass(merge_banks, graph, seed=seed)
    assert_agree(graph, pipeline.run(after), seed=seed)


def test_tables_join(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,3,2]
        w0 = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] : f32[8,1]
        b0 = const [1.0, 2.0, 3.0, 4.0] : f32[4]
        c0 = conv(x, w0, b0, kernel=[1], maps=[3, 4], block=2, inputs=[[0, 1], [2, 1]]) : f32[1,4,2]
        w1 = const [9.0, 10.0, 11.0] : f32[3,1]
        c1 = conv(x, w1, kernel=[1], maps=[3, 1]) : f32[1,1,2]
        y = concat(c0, c1) : f32[1,5,2]
        return y=y
    """)
    golden(to_text(check_pass(merge_banks, graph)))


def test_neighbours_join_and_others_stay(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,2,2]
        w0 = const [1.0, 2.0] : f32[2,1,1]
        w1 = const [3.0, 4.0] : f32[2,1,1]
        c0 = conv(x, w0, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        c1 = conv(x, w1, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        c2 = conv(x, w1, kernel=[1, 1], maps=[2, 2], groups=2) : f32[1,2,2,2]
        y = concat(c0, c1, x, c2, axis=-3) : f32[1,6,2,2]
        return y=y
    """)
    golden(to_text(check_pass(merge_banks, graph)))


STAYS = {
    "banks of two inputs": "c1 = conv(z, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]",
    "banks of two windows": (
        "c1 = conv(x, w, kernel=[1, 1], maps=[2, 1], dilation=[2, 2]) : f32[1,1,2,2]"
    ),
    "a bank whose weights are computed": (
        "c1 = conv(x, v, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]"
    ),
    "what is no bank": """
        s = slice(x, starts=[0, 0, 0, 0], stops=[1, 1, 2, 2], steps=[1, 1, 1, 1]) : f32[1,1,2,2]
        c1 = relu(s) : f32[1,1,2,2]
    """,
}


@pytest.mark.parametrize("lines", STAYS.values(), ids=STAYS)
def test_what_does_not_fit_stays(lines: str) -> None:
    graph = graph_of(f"""
        x = input : f32[1,2,2,2]
        z = input : f32[1,2,2,2]
        v = input : f32[2,1,1]
        w = const [1.0, 2.0] : f32[2,1,1]
        c0 = conv(x, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        {lines.strip()}
        y = concat(c0, c1) : f32[1,2,2,2]
        return y=y
    """)
    assert check_pass(merge_banks, graph) == graph


@pytest.mark.parametrize(("axis", "output"), [(2, ""), (1, ", c=c0")])
def test_rows_and_banks_that_others_read_stay(axis: int, output: str) -> None:
    shape = "1,1,4,2" if axis == 2 else "1,2,2,2"
    graph = graph_of(f"""
        x = input : f32[1,2,2,2]
        w = const [1.0, 2.0] : f32[2,1,1]
        c0 = conv(x, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        c1 = conv(x, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        y = concat(c0, c1, axis={axis}) : f32[{shape}]
        return y=y{output}
    """)
    assert check_pass(merge_banks, graph) == graph


def test_fully_connected_layers_stay() -> None:
    graph = graph_of("""
        x = input : f32[1,2]
        w = const [1.0, 2.0] : f32[1,2]
        a = linear(x, w) : f32[1,1]
        b = linear(x, w) : f32[1,1]
        y = concat(a, b) : f32[1,2]
        return y=y
    """)
    assert check_pass(merge_banks, graph) == graph


def test_joint_blocks_are_the_largest_that_fit() -> None:
    six = Table(3, 12, 6, ((0, 1), (1, 2)))
    four = Table(3, 4, 4, ((0, 2),))
    assert joint_table([six, four]) == Table(3, 16, 6, ((0, 1), (1, 2), (0, 2)))
    assert joint_table([four, six]) == Table(
        3, 16, 2, ((0, 2),) * 2 + ((0, 1),) * 3 + ((1, 2),) * 3
    )
    assert joint_table([Table.dense(3, 4), Table.dense(3, 7)]) == Table.dense(3, 11)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    channels, maps = draw(st.integers(1, 6)), draw(st.integers(2, 12))
    block = draw(st.integers(1, maps))
    subset = st.lists(st.integers(0, channels - 1), min_size=1, unique=True).map(tuple)
    count = -(-maps // block)
    inputs = draw(st.lists(subset, min_size=count, max_size=count, unique=True))
    return Table(channels, maps, block, tuple(inputs))


@examples(100)
@given(tables(), st.integers(0, 99))
def test_a_table_written_as_grouped_banks_is_read_back(table: Table, seed: int) -> None:
    """Gather, grouped convolution, concatenation: how ONNX, which has no tables, says it."""
    weights = np.random.default_rng(seed).standard_normal((table.pairs, 3, 1)).astype(np.float32)
    window = Window((3, 1), pads=(1, 0, 1, 0))
    builder = GraphBuilder("export")
    x = builder.input("x", TensorType((1, table.channels, 3, 2)))
    parts = []
    for run in table.runs():
        seen = tuple(channel for block in run for channel in block.inputs)
        gathered = builder.add(Gather(1, seen), x)
        maps = sum(block.maps for block in run)
        grouped = Conv(window, Table.grouped(len(seen), maps, len(run)))
        own = builder.constant(np.concatenate([weights[block.pairs] for block in run]), "w")
        parts.append(builder.add(grouped, gathered, own))
    builder.output(builder.add(Concat(), *parts), "y")
    graph = builder.finish()

    after = pipeline.run(graph)

    (conv,) = after.operations
    assert conv.op == Conv(window, table)
    assert after[conv.inputs[1]].op == Const(Constant(weights))
    assert after.total_macs == graph.total_macs
    assert_agree(graph, after, seed=seed)
