"""A bank over a concatenation becomes a sum of banks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.text import to_text
from sightline.passes.split_concat import split_concat
from sightline.passes.upsample_last import upsample_last
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_agree, assert_stays, check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("conv_1x1", "concat", "concat", "conv_1x1", "unary", "identity")


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(split_concat, graph, seed=seed)


@examples(150)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(split_concat, graph, seed=seed)


def test_one_bank_for_each_part_and_the_bias_once(golden: Golden) -> None:
    graph = graph_of("""
        a = input : f32[1,1,2,2]
        b = input : f32[1,2,2,2]
        c = input : f32[1,1,2,2]
        all = concat(a, b, c, axis=-3) : f32[1,4,2,2]
        y.weight = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] : f32[8,1,1] in top
        y.bias = const [0.5, 0.25] : f32[2] in top
        y = conv(all, y.weight, y.bias, kernel=[1, 1], strides=[2, 1], maps=[4, 2]) : f32[1,2,1,2]
        return y=y
    """)
    golden(to_text(check_pass(split_concat, graph)))


def test_tables_are_split_and_what_no_block_sees_is_left_out(golden: Golden) -> None:
    graph = graph_of("""
        a = input : f32[1,2,1]
        e = input : f32[1,2,1]
        f = input : f32[1,2,1]
        inner = concat(e, f) : f32[1,4,1]
        c = concat(a, inner) : f32[1,6,1]
        w = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0] : f32[7,1]
        b = const [0.5, 0.25, 0.125] : f32[3]
        y = conv(c, w, b, kernel=[1], maps=[6, 3], block=2, inputs=[[5, 2], [3, 2, 4]]) : f32[1,3,1]
        return y=y
    """)
    golden(to_text(check_pass(split_concat, graph)))


def test_a_concatenation_within_that_is_read_twice_is_split_as_well(golden: Golden) -> None:
    graph = graph_of("""
        a = input : f32[1,1,1]
        b = input : f32[1,1,1]
        inner = concat(a, b) : f32[1,2,1]
        twice = concat(inner, inner) : f32[1,4,1]
        w = const [1.0, 2.0] : f32[2,1]
        y = conv(twice, w, kernel=[1], maps=[4, 1], block=1, inputs=[[3, 2]]) : f32[1,1,1]
        return y=y
    """)
    golden(to_text(check_pass(split_concat, graph)))


def test_a_bank_that_sees_one_part_alone_reads_it(golden: Golden) -> None:
    graph = graph_of("""
        a = input : f32[1,2,1]
        b = input : f32[1,2,1]
        all = concat(a, b) : f32[1,4,1]
        w = const [1.0, 2.0] : f32[2,1]
        bias = const [0.5] : f32[1]
        y = conv(all, w, bias, kernel=[1], maps=[4, 1], block=1, inputs=[[3, 2]]) : f32[1,1,1]
        return y=y
    """)
    golden(to_text(check_pass(split_concat, graph)))


STAYS = {
    "a bank that is wider than a pixel": (
        "c = concat(a, b) : f32[1,4,2]\ny = conv(c, w, kernel=[2], maps=[4, 1]) : f32[1,1,1]\n"
        "return y=y"
    ),
    "a concatenation that others read": (
        "c = concat(a, b) : f32[1,4,2]\ny = conv(c, v, kernel=[1], maps=[4, 1]) : f32[1,1,2]\n"
        "return y=y, c=c"
    ),
    "a concatenation of columns": (
        "c = concat(a, b, axis=2) : f32[1,2,4]\n"
        "y = conv(c, v, kernel=[1], maps=[2, 2]) : f32[1,2,4]\nreturn y=y"
    ),
    "a table of which a block would be empty": (
        "c = concat(a, b) : f32[1,4,2]\n"
        "y = conv(c, v, kernel=[1], maps=[4, 2], groups=2) : f32[1,2,2]\nreturn y=y"
    ),
    "a fully connected layer": (
        "c = concat(d, d) : f32[1,2]\ny = linear(c, u) : f32[1,1]\nreturn y=y"
    ),
    "weights that are computed": (
        "c = concat(a, b) : f32[1,4,2]\ny = conv(c, z, kernel=[1], maps=[4, 1]) : f32[1,1,2]\n"
        "return y=y"
    ),
}


@pytest.mark.parametrize("lines", STAYS.values(), ids=STAYS)
def test_what_cannot_be_a_sum_stays(lines: str) -> None:
    operands = """
        a = input : f32[1,2,2]
        b = input : f32[1,2,2]
        z = input : f32[4,1]
        w = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] : f32[4,2]
        v = const [1.0, 2.0, 3.0, 4.0] : f32[4,1]
        u = const [1.0, 2.0] : f32[1,2]
        d = input : f32[1,1]
    """
    assert_stays(split_concat, graph_of(operands + lines))


def test_scores_instead_of_features_are_upsampled(golden: Golden) -> None:
    """The scene net in small: 2 scales of 3 features, 1 class; 96 multiplications become 60."""
    graph = graph_of("""
        fine = input : f32[1,3,4,4]
        coarse = input : f32[1,3,2,2]
        up = resize_nearest(coarse, size=[4, 4]) : f32[1,3,4,4]
        features = concat(fine, up) : f32[1,6,4,4]
        w = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : f32[6,1,1]
        scores = conv(features, w, kernel=[1, 1], maps=[6, 1]) : f32[1,1,4,4]
        return scores=scores
    """)
    after = upsample_last(split_concat(graph))
    assert_agree(graph, after)
    assert (graph.total_macs, after.total_macs) == (96, 60)
    golden(to_text(after))
