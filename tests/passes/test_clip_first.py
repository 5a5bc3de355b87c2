"""Limits go before max pooling, where they cost nothing, and only before that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.passes.clip_first import clip_first
from tests.support.examples import examples
from tests.support.pass_checks import assert_stays, check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("unary", "max_pool", "unary", "pooling", "global_pool", "binary")


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_very_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(clip_first, graph, seed=seed, tolerance=0)


@examples(100)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_very_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(clip_first, graph, seed=seed, tolerance=0)


POOLS = {
    "max_pool": "max_pool({}, kernel=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]) : f32[1,1,2,2]",
    "global_max_pool": "global_max_pool({}) : f32[1,1,1,1]",
}


@pytest.mark.parametrize("limit", ["relu({})", "clip({}, low=-0.5, high=0.25)"])
@pytest.mark.parametrize("pool", POOLS)
def test_every_limit_goes_before_every_max_pooling(pool: str, limit: str) -> None:
    pooled = POOLS[pool].format("x")
    shape = pooled.split(" : ")[1]
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        p = {pooled}
        y = {limit.format("p")} : {shape}
        return y=y
    """)
    for seed in range(5):
        after = check_pass(clip_first, graph, seed=seed, tolerance=0)
    assert [node.op.kind for node in after.operations] == [limit.split("(")[0], pool]


def test_limits_in_a_row_go_before_poolings_in_a_row() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        p = max_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]
        q = global_max_pool(p) : f32[1,1,1,1]
        r = relu(q) : f32[1,1,1,1]
        y = clip(r, high=0.5) : f32[1,1,1,1]
        return y=y
    """)
    after = check_pass(clip_first, graph, tolerance=0)
    kinds = [node.op.kind for node in after.operations]
    assert kinds == ["relu", "clip", "max_pool", "global_max_pool"]


STAYS = {
    "an average": "average_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]|relu|y=y",
    "what others read": "max_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]|relu|y=y, p=p",
    "a table": "max_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]|tanh|y=y",
}


@pytest.mark.parametrize("name", STAYS)
def test_others_stay(name: str) -> None:
    pooled, function, outputs = STAYS[name].split("|")
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        p = {pooled}
        y = {function}(p) : f32[1,1,2,2]
        return {outputs}
    """)
    assert_stays(clip_first, graph)
