"""Trained subsampling is a filter bank, of the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Const, Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.text import to_text
from sightline.ir.verify import verify
from sightline.passes.fold_affine import fold_affine
from sightline.passes.pool_to_bank import pool_to_bank
from sightline.passes.simplify import simplify
from sightline.source import read
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_agree, assert_stays, graph_of
from tests.support.random_graphs import graphs


def check(graph: Graph, seed: int = 0) -> Graph:
    """A bank has MACs that a pooling is not counted for, so `check_pass` is not for it."""
    after = pool_to_bank(graph)
    verify(after)
    assert_agree(graph, after, seed=seed)
    assert pool_to_bank(after) == after
    return after


@examples(100)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check(graph, seed)


def test_a_factor_and_an_offset_go_into_the_bank(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,4,4]
        a = const [2.0, -4.0] : f32[1,2,1,1]
        b = const [0.5, 0.0] : f32[1,2,1,1]
        p = average_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,2,2,2] in s2
        m = mul(p, a) : f32[1,2,2,2] in s2
        y = add(m, b) : f32[1,2,2,2] in s2
        return y=y
    """)
    after = simplify(fold_affine(check(graph)))
    assert_agree(graph, after)
    golden(to_text(after))


@pytest.mark.parametrize(("kind", "weight"), [("sum", 3.0), ("average", 0.75)])
def test_the_weight_is_that_of_the_formula(kind: str, weight: float) -> None:
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        a = const [3.0] : f32[1,1,1,1]
        p = {kind}_pool(x, kernel=[2, 2]) : f32[1,1,3,3]
        y = mul(p, a) : f32[1,1,3,3]
        return y=y
    """)
    after = check(graph)
    (bank,) = (node for node in after.operations if isinstance(node.op, Conv))
    op = after[bank.inputs[1]].op
    assert isinstance(op, Const)
    np.testing.assert_array_equal(op.value.array, np.full((1, 2, 2), weight, np.float32))


STAYS = {
    "one with padding": "average_pool(x, kernel=[2, 2], pads=[1, 1, 1, 1]) : f32[1,1,5,5]|y=y",
    "one that others read": "average_pool(x, kernel=[2, 2]) : f32[1,1,3,3]|y=y, p=p",
    "another pooling": "max_pool(x, kernel=[2, 2]) : f32[1,1,3,3]|y=y",
}


@pytest.mark.parametrize("name", STAYS)
def test_others_stay(name: str) -> None:
    pooled, outputs = STAYS[name].split("|")
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        a = const [3.0] : f32[1,1,1,1]
        p = {pooled}
        y = mul(p, a) : {pooled.split(" : ")[1]}
        return {outputs}
    """)
    assert_stays(pool_to_bank, graph)


def test_a_pooling_without_a_factor_stays() -> None:
    assert_stays(
        pool_to_bank,
        graph_of("""
            x = input : f32[1,1,4,4]
            y = average_pool(x, kernel=[2, 2]) : f32[1,1,3,3]
            return y=y
        """),
    )


def test_a_factor_that_single_precision_has_not_stays() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        a = const [3e38] : f32[1,1,1,1]
        p = sum_pool(x, kernel=[2, 2]) : f32[1,1,3,3]
        m = mul(p, a) : f32[1,1,3,3]
        y = mul(m, a) : f32[1,1,3,3]
        return y=y
    """)
    after = pool_to_bank(graph)
    verify(after)
    for node in after.nodes:
        if isinstance(node.op, Const):
            assert np.isfinite(node.op.value.array).all()


def test_lenet_subsamples_by_banks() -> None:
    after = simplify(pool_to_bank(read("models:lenet5").graph))
    kinds = [node.op.kind for node in after.operations]
    assert not any("pool" in kind for kind in kinds)
