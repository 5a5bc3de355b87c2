"""Selections of channels go into connection tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.text import to_text
from sightline.passes.absorb_gathers import absorb_gathers
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("gather", "slice_channels", "slice_", "conv", "conv_1x1", "concat_of_convs")


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(absorb_gathers, graph, seed=seed)


@examples(100)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(absorb_gathers, graph, seed=seed)


def test_a_table_is_composed_with_what_was_gathered(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,4,2,2]
        g = gather(x, axis=1, indices=[3, 0, 0, 2]) : f32[1,4,2,2]
        w = const [1.0, 2.0, 3.0, 4.0] : f32[4,1,1]
        y = conv(g, w, kernel=[1, 1], maps=[4, 2], groups=2) : f32[1,2,2,2]
        return y=y
    """)
    golden(to_text(check_pass(absorb_gathers, graph)))


def test_slices_and_gathers_in_a_row_are_composed(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,6,2,2]
        s = slice(x, starts=[0, 5, 0, 0], stops=[-1, 0, 2, 2], steps=[-1, -2, 1, 1]) : f32[1,3,2,2]
        g = gather(s, axis=-3, indices=[2, 0]) : f32[1,2,2,2]
        w = const [1.0, 2.0] : f32[2,1,1]
        b = const [3.0] : f32[1]
        y = conv(g, w, b, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        return y=y
    """)
    golden(to_text(check_pass(absorb_gathers, graph)))


def test_a_gather_that_others_read_stays_for_them(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,3,2,2]
        g = gather(x, axis=1, indices=[2, 1]) : f32[1,2,2,2]
        w = const [1.0, 2.0] : f32[2,1,1]
        y = conv(g, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        return y=y, g=g
    """)
    golden(to_text(check_pass(absorb_gathers, graph)))


STAYS = {
    "a block that would see a channel twice": "gather(x, axis=1, indices=[1, 1])",
    "a gather of rows": "gather(x, axis=2, indices=[1, 0])",
    "a gather of frames": "gather(x, axis=0, indices=[1, 0])",
    "a slice of channels and rows": (
        "slice(x, starts=[0, 0, 1, 0], stops=[2, 2, 3, 2], steps=[1, 1, 1, 1])"
    ),
    "a slice that walks backwards along rows": (
        "slice(x, starts=[0, 0, 1, 0], stops=[2, 2, -1, 2], steps=[1, 1, -1, 1])"
    ),
}


@pytest.mark.parametrize("op", STAYS.values(), ids=STAYS)
def test_other_selections_stay(op: str) -> None:
    rows = 3 if "[2, 2, 3, 2]" in op else 2
    graph = graph_of(f"""
        x = input : f32[2,2,{rows},2]
        g = {op} : f32[2,2,2,2]
        w = const [1.0, 2.0] : f32[2,1,1]
        y = conv(g, w, kernel=[1, 1], maps=[2, 1]) : f32[2,1,2,2]
        return y=y
    """)
    assert check_pass(absorb_gathers, graph) == graph
