"""Banks that see one pixel filter before pixels are repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.text import to_text
from sightline.passes.upsample_last import upsample_last
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_stays, check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("upsample", "conv_1x1", "upsample", "conv_1x1", "resize", "unary")
ROUNDING = 1e-6
"""A matrix product may sum in another order when its matrix has another width."""


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(upsample_last, graph, seed=seed, tolerance=ROUNDING)


@examples(150)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(upsample_last, graph, seed=seed, tolerance=ROUNDING)


def test_a_chain_of_banks_and_upsamplings_is_sorted(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,1,2]
        w = const [1.0, 2.0] : f32[2,1,1]
        b = const [1.0] : f32[1]
        v = const [3.0] : f32[1,1,1]
        u1 = resize_nearest(x, size=[2, 2]) : f32[1,2,2,2]
        u2 = resize_nearest(u1, size=[4, 6]) : f32[1,2,4,6]
        c1 = conv(u2, w, b, kernel=[1, 1], maps=[2, 1]) : f32[1,1,4,6]
        c2 = conv(c1, v, kernel=[1, 1], maps=[1, 1]) : f32[1,1,4,6]
        return y=c2
    """)
    after = check_pass(upsample_last, graph, tolerance=ROUNDING)
    assert (graph.total_macs, after.total_macs) == (48 + 24, 4 + 2)
    golden(to_text(after))


STAYS = {
    "an upsampling that others read": (
        "u = resize_nearest(x, size=[2, 2]) : f32[1,1,2,2]\n"
        "y = conv(u, w, kernel=[1, 1], maps=[1, 1]) : f32[1,1,2,2]\nreturn y=y, u=u"
    ),
    "a step over pixels": (
        "u = resize_nearest(x, size=[2, 2]) : f32[1,1,2,2]\n"
        "y = conv(u, w, kernel=[1, 1], strides=[1, 2], maps=[1, 1]) : f32[1,1,2,1]\nreturn y=y"
    ),
    "padding": (
        "u = resize_nearest(x, size=[2, 2]) : f32[1,1,2,2]\n"
        "y = conv(u, w, kernel=[1, 1], pads=[0, 0, 0, 1], maps=[1, 1]) : f32[1,1,2,3]\nreturn y=y"
    ),
    "a bank that is wider than a pixel": (
        "u = resize_nearest(x, size=[2, 2]) : f32[1,1,2,2]\n"
        "y = conv(u, v, kernel=[1, 2], maps=[1, 1]) : f32[1,1,2,1]\nreturn y=y"
    ),
    "blocks of two sizes": (
        "u = resize_nearest(x, size=[2, 3]) : f32[1,1,2,3]\n"
        "y = conv(u, w, kernel=[1, 1], maps=[1, 1]) : f32[1,1,2,3]\nreturn y=y"
    ),
    "interpolation": (
        "u = resize_bilinear(x, size=[2, 2]) : f32[1,1,2,2]\n"
        "y = conv(u, w, kernel=[1, 1], maps=[1, 1]) : f32[1,1,2,2]\nreturn y=y"
    ),
}


@pytest.mark.parametrize("lines", STAYS.values(), ids=STAYS)
def test_what_does_not_commute_stays(lines: str) -> None:
    operands = """
        x = input : f32[1,1,1,2]
        w = const [3.0] : f32[1,1,1]
        v = const [3.0, 4.0] : f32[1,1,2]
    """
    assert_stays(upsample_last, graph_of(operands + lines))
