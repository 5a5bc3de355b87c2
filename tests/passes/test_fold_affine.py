"""Batch normalization and other affine steps go into filter banks, where that is exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.text import to_text
from sightline.passes.fold_affine import fold_affine
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_stays, check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("affine", "affine", "batch_norm", "conv", "conv_1x1", "linear", "flatten", "binary")


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(fold_affine, graph, seed=seed)


@examples(150)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(fold_affine, graph, seed=seed)


def test_batch_norm_goes_into_the_bank_above_it(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,2]
        c1.weight = const [1.0, 2.0, 3.0] : f32[3,1] in c1
        c1 = conv(x, c1.weight, kernel=[1], maps=[2, 2], block=1, inputs=[[0, 1], [1]]) : f32[1,2,2]
        scale = const [2.0, 10.0] : f32[2]
        shift = const [1.0, 0.0] : f32[2]
        mean = const [0.5, 0.0] : f32[2]
        variance = const [3.0, 24.0] : f32[2]
        n = batch_norm(c1, scale, shift, mean, variance, epsilon=1.0) : f32[1,2,2] in bn1
        y = relu(n) : f32[1,2,2]
        return y=y
    """)
    golden(to_text(check_pass(fold_affine, graph)))


def test_a_chain_with_either_order_of_operands_goes_into_the_bank(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,2]
        w = const [1.0, 2.0, 3.0, 4.0] : f32[2,2]
        b = const [1.0, -1.0] : f32[2]
        half = const [0.5] : f32[]
        c = const [10.0, 20.0] : f32[1,2]
        l = linear(x, w, b) : f32[2,2]
        m = mul(half, l) : f32[2,2]
        d = sub(m, c) : f32[2,2]
        y = sub(c, d) : f32[2,2]
        return y=y
    """)
    golden(to_text(check_pass(fold_affine, graph)))


def test_steps_before_a_bank_without_padding_go_into_it(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,2]
        scale = const [2.0, 3.0] : f32[2,1]
        shift = const [1.0, -1.0] : f32[2,1]
        m = mul(x, scale) : f32[1,2,2]
        a = sub(m, shift) : f32[1,2,2]
        w = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : f32[3,2]
        y = conv(a, w, kernel=[2], maps=[2, 2], block=1, inputs=[[1, 0], [1]]) : f32[1,2,1]
        return y=y
    """)
    golden(to_text(check_pass(fold_affine, graph)))


def test_steps_before_a_linear_layer_go_into_it(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,3]
        shift = const [1.0, 2.0, 3.0] : f32[3]
        a = sub(shift, x) : f32[1,3]
        w = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : f32[2,3]
        b = const [0.5, 0.25] : f32[2]
        y = linear(a, w, b) : f32[1,2]
        return y=y
    """)
    golden(to_text(check_pass(fold_affine, graph)))


def test_padding_lets_factors_through_but_no_shift(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,1,2]
        one = const [1.0] : f32[]
        two = const [2.0] : f32[]
        a = add(x, one) : f32[1,1,2]
        m = mul(a, two) : f32[1,1,2]
        w = const [1.0, 2.0] : f32[1,2]
        y = conv(m, w, kernel=[2], pads=[0, 1], maps=[1, 1]) : f32[1,1,2]
        return y=y
    """)
    golden(to_text(check_pass(fold_affine, graph)))


def test_a_bias_that_vanishes_is_left_out(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,1]
        w = const [2.0] : f32[1,1]
        b = const [3.0] : f32[1]
        l = linear(x, w, b) : f32[1,1]
        y = sub(l, b) : f32[1,1]
        return y=y
    """)
    golden(to_text(check_pass(fold_affine, graph)))


def test_a_shared_bank_with_a_shared_normalization_stays_shared(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,1,2]
        z = input : f32[1,1,4]
        w = const [1.0] : f32[1,1]
        two = const [2.0] : f32[]
        a = conv(x, w, kernel=[1], maps=[1, 1]) : f32[1,1,2]
        b = conv(z, w, kernel=[1], maps=[1, 1]) : f32[1,1,4]
        y1 = mul(a, two) : f32[1,1,2]
        y2 = mul(b, two) : f32[1,1,4]
        return y1=y1, y2=y2
    """)
    golden(to_text(check_pass(fold_affine, graph)))


STAYS = {
    "a bank that others read": """
        y = add(c, shift) : f32[1,2,2,2]
        return y=y, c=c
    """,
    "one number per pixel": """
        y = add(c, pixels) : f32[1,2,2,2]
        return y=y
    """,
    "a computed operand": """
        y = add(c, z) : f32[1,2,2,2]
        return y=y
    """,
    "statistics that are computed": """
        y = batch_norm(c, v, v, v, v) : f32[1,2,2,2]
        return y=y
    """,
    "a step that broadcasts": """
        y = mul(c, batch) : f32[3,2,2,2]
        return y=y
    """,
    "a step that makes several channels of one": """
        one = const [1.0, 2.0] : f32[2,1,1]
        d = conv(x, one, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        y = mul(d, shift) : f32[1,2,2,2]
        return y=y
    """,
    "a step on what has no channels": """
        y = mul(v, half) : f32[2]
        return y=y
    """,
    "a step below a nonlinearity": """
        t = tanh(c) : f32[1,2,2,2]
        y = add(t, shift) : f32[1,2,2,2]
        return y=y
    """,
    "a bank whose weights are computed": """
        d = conv(z, u, kernel=[1, 1], maps=[2, 2]) : f32[1,2,2,2]
        y = add(d, shift) : f32[1,2,2,2]
        return y=y
    """,
    "a step that others read before a bank": """
        a = add(z, shift) : f32[1,2,2,2]
        y = conv(a, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,2,2]
        return y=y, a=a
    """,
    "a step with one number per pixel before a bank": """
        a = add(z, pixels) : f32[1,2,2,2]
        y = conv(a, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,2,2]
        return y=y
    """,
    "a shift before padding": """
        a = add(z, shift) : f32[1,2,2,2]
        y = conv(a, w, kernel=[1, 1], pads=[1, 0, 0, 0], maps=[2, 2]) : f32[1,2,3,2]
        return y=y
    """,
    "an overflow of weights": """
        y = mul(c, huge) : f32[1,2,2,2]
        return y=y
    """,
    "an overflow of the bias": """
        small = const [1e-30, 1e-30, 1e-30, 1e-30] : f32[4,1,1]
        bias = const [1e30, 1e30] : f32[2]
        d = conv(x, small, bias, kernel=[1, 1], maps=[2, 2]) : f32[1,2,2,2]
        y = mul(d, huge) : f32[1,2,2,2]
        return y=y
    """,
}


@pytest.mark.parametrize("lines", STAYS.values(), ids=STAYS)
def test_what_would_not_be_the_same_stays(lines: str) -> None:
    operands = """
        x = input : f32[1,2,2,2]
        z = input : f32[1,2,2,2]
        u = input : f32[4,1,1]
        v = input : f32[2]
        w = const [1.0, 2.0, 3.0, 1e3] : f32[4,1,1]
        shift = const [1.0, 2.0] : f32[2,1,1]
        pixels = const [1.0, 2.0] : f32[2]
        batch = const [1.0, 2.0, 3.0] : f32[3,1,1,1]
        huge = const [3e38] : f32[]
        half = const [0.5] : f32[]
        c = conv(x, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,2,2]
    """
    assert_stays(fold_affine, graph_of(operands + lines))


ZERO_VARIANCE = """
    x = input : f32[1,1,2]
    w = const [2.0] : f32[1,1]
    c = conv(x, w, kernel=[1], maps=[1, 1]) : f32[1,1,2]
    one = const [1.0] : f32[1]
    variance = const [{variance}] : f32[1]
    y = batch_norm(c, one, one, one, variance, epsilon={epsilon}) : f32[1,1,2]
    return y=y
"""


@pytest.mark.parametrize(("variance", "epsilon"), [("0.0", "0.0"), ("-1.0", "1e-05")])
def test_a_division_by_zero_is_not_hidden_in_weights(variance: str, epsilon: str) -> None:
    graph = graph_of(ZERO_VARIANCE.format(variance=variance, epsilon=epsilon))
    assert_stays(fold_affine, graph)


def test_a_variance_of_zero_is_folded_where_epsilon_keeps_it_finite() -> None:
    graph = graph_of(ZERO_VARIANCE.format(variance="0.0", epsilon="1e-05"))
    after = check_pass(fold_affine, graph)
    assert [node.op.kind for node in after.operations] == ["conv"]


def test_a_factor_that_makes_weights_vanish_makes_no_nan() -> None:
    graph = graph_of("""
        x = input : f32[1,1,2]
        w = const [1e-30] : f32[1,1]
        c = conv(x, w, kernel=[1], maps=[1, 1]) : f32[1,1,2]
        tiny = const [1e-30] : f32[1]
        y = mul(c, tiny) : f32[1,1,2]
        return y=y
    """)
    after = check_pass(fold_affine, graph)
    assert [node.op.kind for node in after.operations] == ["conv"]
