"""Fully connected layers become filter banks, and the flattening sinks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Linear
from sightline.ir.text import to_text
from sightline.passes.linear_to_conv import linear_to_conv
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_stays, check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = (
    "linear", "linear", "flatten", "to_maps", "unary", "binary", "affine", "concat", "batch_norm",
    "softmax", "argmax", "transpose", "reshape", "conv",
)  # fmt: skip


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(linear_to_conv, graph, seed=seed)


@examples(150)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    after = check_pass(linear_to_conv, graph, seed=seed)
    assert not any(isinstance(node.op, Linear) for node in after.nodes)


def test_a_classifier_works_on_maps_to_the_end(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,2,1,2]
        f = flatten(x) : f32[2,4]
        fc1.weight = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] : f32[2,4] in fc1
        fc1.bias = const [1.0, -1.0] : f32[2] in fc1
        fc1 = linear(f, fc1.weight, fc1.bias) : f32[2,2] in fc1
        r = relu(fc1) : f32[2,2]
        c = const [1.0, 2.0] : f32[2]
        s = sub(c, r) : f32[2,2]
        m = mul(s, r) : f32[2,2]
        n = batch_norm(m, c, c, c, c) : f32[2,2]
        both = concat(n, r) : f32[2,4]
        fc2.weight = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] : f32[2,4] in fc2
        fc2 = linear(both, fc2.weight) : f32[2,2] in fc2
        p = softmax(fc2, axis=-1) : f32[2,2]
        best = arg_max(p) : i32[2]
        return p=p, best=best
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))


def test_plain_features_become_maps_of_one_pixel(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[3,2]
        w = const [1.0, 2.0] : f32[1,2]
        fc = linear(x, w) : f32[3,1]
        return y=fc
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))


def test_two_heads_read_the_same_maps(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,1,1,2]
        f = reshape(x, shape=[1, 2]) : f32[1,2]
        t = tanh(f) : f32[1,2]
        w = const [1.0, 2.0] : f32[1,2]
        a = linear(t, w) : f32[1,1]
        b = linear(t, w) : f32[1,1]
        return a=a, b=b
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))


def test_constants_are_shaped_like_the_maps(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,2,1,2]
        f = flatten(x) : f32[2,4]
        row = const [1.0, 2.0, 3.0, 4.0] : f32[4]
        column = const [5.0, 6.0] : f32[2,1]
        one = const [7.0] : f32[1,1]
        a = add(f, row) : f32[2,4]
        b = mul(column, a) : f32[2,4]
        y = sub(one, b) : f32[2,4]
        return y=y
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))


def test_integer_weights_stay_integers(golden: Golden) -> None:
    """Rounding sinks too; each plane of the kernels has the scale of its output map."""
    graph = graph_of("""
        x = input : f32[2,2,1,2]
        f = flatten(x) : f32[2,4]
        q = quantize(f, bits=8, scale=0.5, zero_point=3) : quant(i8,0x1.0p-1,3)[2,4]
        r = dequantize(q, bits=8, scale=0.5, zero_point=3) : f32[2,4]
        i = const [1, -2, 3, -4, 5, -6, 7, -8] : i8[2,4]
        s = const [0.5, 0.25] : f32[2]
        w = scaled_weights(i, s) : f32[2,4]
        j = const [100, -7] : i32[2]
        t = const [0.25, 0.125] : f32[2]
        b = scaled_weights(j, t) : f32[2]
        y = linear(r, w, b) : f32[2,2]
        return y=y
    """)
    golden(to_text(check_pass(linear_to_conv, graph, tolerance=0)))


STAYS = {
    "integer weights that are computed": "linear(f, u) : f32[2,2]",
    "weights that are computed": "linear(f, v) : f32[2,2]",
    "softmax over pixels": "softmax(f) : f32[2,4]",
    "softmax over frames": "softmax(p, axis=0) : f32[2,2]",
    "the best frame": "arg_max(p, axis=0) : i32[2]",
    "softmax over columns": "softmax(x, axis=3) : f32[2,2,1,2]",
    "a pointwise op on another rank": "relu(r) : f32[2,4,1]",
    "a concatenation over frames": "concat(p, p, axis=0) : f32[4,2]",
    "a concatenation with plain features": "concat(p, z) : f32[2,4]",
    "a sum with plain features": "add(p, z) : f32[2,2]",
    "a sum of maps of two shapes": "add(f, g) : f32[2,4]",
    "a constant of more axes": "add(p, e) : f32[1,2,2]",
    "a constant for more features": "add(q, d) : f32[2,2]",
    "normalization over pixels": "batch_norm(f, c, c, c, c) : f32[2,4]",
}


@pytest.mark.parametrize("lines", STAYS.values(), ids=STAYS)
def test_what_means_another_thing_on_maps_stays(lines: str) -> None:
    operands = """
        x = input : f32[2,2,1,2]
        w = input : f32[2,1,2,2]
        pixel = input : f32[2,2,1,1]
        one = input : f32[2,1,1,1]
        z = input : f32[2,2]
        v = input : f32[2,4]
        c = const [1.0, 2.0, 3.0, 4.0] : f32[4]
        d = const [1.0, 2.0] : f32[2]
        h = input : i8[2,4]
        u = scaled_weights(h, d) : f32[2,4]
        e = const [1.0] : f32[1,1,1]
        f = flatten(x) : f32[2,4]
        g = flatten(w) : f32[2,4]
        p = flatten(pixel) : f32[2,2]
        q = flatten(one) : f32[2,1]
        r = reshape(x, shape=[2, 4, 1]) : f32[2,4,1]
    """
    graph = graph_of(operands + f"y = {lines}\nreturn y=y")
    assert_stays(linear_to_conv, graph)


def test_a_flattening_of_what_are_no_maps_is_plain_features(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,2]
        f = flatten(x) : f32[1,4]
        w = const [1.0, 2.0, 3.0, 4.0] : f32[1,4]
        y = linear(f, w) : f32[1,1]
        return y=y
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))


def test_constants_may_broadcast_over_frames(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,1,1]
        f = flatten(x) : f32[1,2]
        c = const [1.0, 2.0, 3.0, 4.0] : f32[2,2]
        y = add(f, c) : f32[2,2]
        return y=y
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))


def test_a_flattening_that_mixes_frames_is_not_seen_as_maps(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,1,1,2]
        f = flatten(x, axis=0) : f32[1,4]
        w = const [1.0, 2.0, 3.0, 4.0] : f32[1,4]
        y = linear(f, w) : f32[1,1]
        return y=y
    """)
    golden(to_text(check_pass(linear_to_conv, graph)))
