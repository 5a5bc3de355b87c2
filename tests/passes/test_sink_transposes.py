"""Transposes sink and cancel, and never multiply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.ops.movement import Transpose
from sightline.ir.text import to_text
from sightline.passes.sink_transposes import sink_transposes
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = (
    "transpose", "transpose", "unary", "binary", "affine", "concat", "gather", "slice_", "pad",
    "softmax", "argmax", "flatten", "linear", "global_pool", "reshape", "to_maps", "conv",
)  # fmt: skip


def transposes(graph: Graph) -> int:
    return sum(isinstance(node.op, Transpose) for node in graph.nodes)


@examples(60)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(sink_transposes, graph, seed=seed)


@examples(150)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    after = check_pass(sink_transposes, graph, seed=seed)
    assert transposes(after) <= transposes(graph)


def test_an_nhwc_model_loses_all_but_the_first(golden: Golden) -> None:
    graph = graph_of("""
        image = input : f32[1,4,4,1]
        to1 = transpose(image, order=[0, 3, 1, 2]) : f32[1,1,4,4]
        w1 = const [1.0, -1.0, 2.0, 0.5] : f32[4,1,1]
        c1 = conv(to1, w1, kernel=[1, 1], maps=[1, 4]) : f32[1,4,4,4]
        from1 = transpose(c1, order=[0, 2, 3, 1]) : f32[1,4,4,4]
        bias = const [1.0, 2.0, 3.0, 4.0] : f32[4]
        b1 = add(from1, bias) : f32[1,4,4,4]
        r1 = relu(b1) : f32[1,4,4,4]
        pads = pad(r1, pads=[0, 1, 0, 0, 0, 0, 2, 0]) : f32[1,5,6,4]
        to2 = transpose(pads, order=[0, 3, 1, 2]) : f32[1,4,5,6]
        w2 = const [1.0, -1.0, 2.0, 0.5] : f32[4,1,1]
        c2 = conv(to2, w2, kernel=[1, 1], maps=[4, 4], groups=4) : f32[1,4,5,6]
        from2 = transpose(c2, order=[0, 2, 3, 1]) : f32[1,5,6,4]
        sum = add(pads, from2) : f32[1,5,6,4]
        both = concat(sum, pads, axis=3) : f32[1,5,6,8]
        s = slice(both, starts=[0, 1, 0, 6], stops=[1, 5, 6, 0], steps=[1, 2, 1, -2]) : f32[1,2,6,3]
        few = gather(s, axis=-1, indices=[2, 0]) : f32[1,2,6,2]
        scores = softmax(few, axis=3) : f32[1,2,6,2]
        labels = arg_max(scores, axis=-1) : i32[1,2,6]
        return labels=labels
    """)
    golden(to_text(check_pass(sink_transposes, graph)))


def test_a_transpose_becomes_part_of_the_next_one(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,3,4]
        a = transpose(x, order=[1, 2, 0]) : f32[3,4,2]
        b = transpose(a, order=[0, 2, 1]) : f32[3,2,4]
        c = transpose(b, order=[1, 0, 2]) : f32[2,3,4]
        return b=b, c=c
    """)
    golden(to_text(check_pass(sink_transposes, graph, tolerance=0)))


def test_axes_of_size_one_move_for_free(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,3,1,1]
        a = transpose(x, order=[0, 2, 3, 1]) : f32[2,1,1,3]
        y = flatten(a) : f32[2,3]
        return y=y
    """)
    golden(to_text(check_pass(sink_transposes, graph, tolerance=0)))


def test_a_linear_layer_on_flattened_nhwc_maps_has_its_weights_permuted(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2,1,3]
        t = transpose(x, order=[0, 2, 3, 1]) : f32[1,1,3,2]
        f = reshape(t, shape=[1, 6]) : f32[1,6]
        w = const [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0] : f32[2,6]
        b = const [1.0, -1.0] : f32[2]
        y = linear(f, w, b) : f32[1,2]
        return y=y
    """)
    golden(to_text(check_pass(sink_transposes, graph)))


def test_labels_keep_the_order_of_their_axes(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,3,4]
        t = transpose(x, order=[2, 1, 0]) : f32[4,3,2]
        y = arg_max(t, axis=1) : i32[4,2]
        return y=y
    """)
    golden(to_text(check_pass(sink_transposes, graph)))


STAYS = {
    "a concatenation of two orders": """
        u = transpose(x, order=[2, 1, 0]) : f32[2,2,2]
        y = concat(t, u) : f32[2,4,2]
    """,
    "a concatenation with what is not transposed": "y = concat(t, x) : f32[2,4,2]",
    "a sum of two orders": """
        u = transpose(x, order=[2, 1, 0]) : f32[2,2,2]
        y = add(t, u) : f32[2,2,2]
    """,
    "a sum with what is not transposed": "y = add(x, t) : f32[2,2,2]",
    "a sum with a constant of more axes": """
        c = const [1.0, 2.0] : f32[2,1,1,1]
        y = add(t, c) : f32[2,2,2,2]
    """,
    "a reshape that would read in another order": "y = reshape(t, shape=[4, 2]) : f32[4,2]",
    "an op on the second axis": """
        s = const [1.0, 2.0] : f32[2]
        y = batch_norm(t, s, s, s, s) : f32[2,2,2]
    """,
}


@pytest.mark.parametrize("lines", STAYS.values(), ids=STAYS)
def test_what_needs_the_order_keeps_it(lines: str) -> None:
    graph = graph_of(f"""
        x = input : f32[2,2,2]
        t = transpose(x, order=[0, 2, 1]) : f32[2,2,2]
        {lines.strip()}
        return y=y
    """)
    assert check_pass(sink_transposes, graph) == graph


LINEAR_STAYS = {
    "a transposed batch": ("1, 0, 2", "2,2,2", "2,4"),
    "a flattening that mixes frames": ("0, 2, 1", "2,2,2", "4,2"),
}


def test_linear_layers_on_plain_features_or_with_computed_weights_stay() -> None:
    graph = graph_of("""
        x = input : f32[1,2,2]
        w = input : f32[3,4]
        a = const [1.0, 2.0, 3.0, 4.0] : f32[1,4]
        v = const [1.0, 2.0, 3.0] : f32[1,3]
        t = transpose(x, order=[0, 2, 1]) : f32[1,2,2]
        f = flatten(t) : f32[1,4]
        y = linear(f, w) : f32[1,3]
        z = linear(y, v) : f32[1,1]
        u = linear(w, a) : f32[3,1]
        return z=z, u=u
    """)
    assert check_pass(sink_transposes, graph) == graph


@pytest.mark.parametrize(("order", "shape", "flat"), LINEAR_STAYS.values(), ids=LINEAR_STAYS)
def test_a_linear_layer_on_other_flattenings_stays(order: str, shape: str, flat: str) -> None:
    features = int(flat[2:])
    weights = ", ".join(str(float(number)) for number in range(features))
    graph = graph_of(f"""
        x = input : f32[2,2,2]
        t = transpose(x, order=[{order}]) : f32[{shape}]
        f = reshape(t, shape=[{flat}]) : f32[{flat}]
        w = const [{weights}] : f32[1,{features}]
        y = linear(f, w) : f32[{flat[0]},1]
        return y=y
    """)
    assert check_pass(sink_transposes, graph) == graph


def test_a_transpose_with_several_readers_does_not_multiply() -> None:
    graph = graph_of("""
        x = input : f32[2,3]
        t = transpose(x, order=[1, 0]) : f32[3,2]
        a = relu(t) : f32[3,2]
        b = tanh(t) : f32[3,2]
        return a=a, b=b
    """)
    assert check_pass(sink_transposes, graph) == graph


def test_a_transpose_sinks_past_several_readers_that_meet_again(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,3]
        t = transpose(x, order=[1, 0]) : f32[3,2]
        a = relu(t) : f32[3,2]
        b = tanh(t) : f32[3,2]
        sum = sub(a, b) : f32[3,2]
        y = transpose(sum, order=[1, 0]) : f32[2,3]
        return y=y
    """)
    golden(to_text(check_pass(sink_transposes, graph)))


def test_constants_of_several_axes_are_transposed_back(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,1,3]
        t = transpose(x, order=[2, 0, 1]) : f32[3,2,1]
        c = const [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : f32[3,1,2]
        one = const [1.5] : f32[1]
        a = sub(c, t) : f32[3,2,2]
        y = mul(a, one) : f32[3,2,2]
        return y=y
    """)
    golden(to_text(check_pass(sink_transposes, graph)))
