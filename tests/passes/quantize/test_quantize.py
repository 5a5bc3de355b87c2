"""The graph with its roundings in it: near the float one, and the integers that it stands for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.reference import run
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.quantization import Dequantize, InFloat, Lookup, Quantize, storage_of
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import FLOAT32
from sightline.ir.verify import verify
from sightline.passes import pipeline
from sightline.passes.pool_sums import pool_sums
from sightline.passes.precision import Precisions
from sightline.passes.quantize import quantize
from sightline.passes.quantize.encodings import find_encodings
from sightline.passes.quantize.regions import find_regions
from sightline.passes.ranges import MinMax
from sightline.passes.statistics import statistics_of
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import graph_of
from tests.support.quantized import prepared, quantized
from tests.support.random_graphs import graphs, inputs_for

EXACTLY = pipeline.INTEGER_PASSES[: pipeline.INTEGER_PASSES.index(pool_sums) + 1]
"""Up to where ops stand alone, before stages."""

PRECISIONS = st.sampled_from(("int8", "int16", "q8.8"))

NET = graph_of("""
    x = input : f32[1,1,4,4]
    v = const [1.0, -0.5] : f32[2,1,1]
    b = const [0.25, 0.0] : f32[2]
    w = const [2.0, 1.0] : f32[2,1,1]
    a = conv(x, v, b, kernel=[1, 1], maps=[1, 2]) : f32[1,2,4,4] in first
    t = tanh(a) : f32[1,2,4,4]
    y = conv(t, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,4,4] in last
    return y=y
""")


@examples(150)
@given(graphs(), PRECISIONS)
def test_any_graph_keeps_its_interface_and_prints(graph: Graph, precision: str) -> None:
    ready = prepared(graph)
    after = quantized(ready, precision)
    verify(after)
    assert parse(to_text(after), constants_of(after)) == after
    assert [(n.name, n.type) for n in after.inputs] == [(n.name, n.type) for n in ready.inputs]
    for old, new in zip(ready.outputs, after.outputs, strict=True):
        assert old.label == new.label
        assert ready[old.node].type == after[new.node].type


@examples(60)
@given(graphs(), st.integers(0, 2))
def test_a_network_in_float_is_as_it_was(graph: Graph, seed: int) -> None:
    ready = prepared(graph)
    after = quantized(ready, "float")
    assert not any(isinstance(node.op, Quantize | Dequantize) for node in after.nodes)
    inputs = inputs_for(graph, seed)
    wanted, found = run(ready, **inputs), run(after, **inputs)
    for label, array in wanted.items():
        np.testing.assert_array_equal(found[label], array)


def legalized(graph: Graph, precision: str) -> Graph:
    """In integers, op by op."""
    return pipeline.run(quantized(prepared(graph), precision), passes=EXACTLY)


def on_frames(graph: Graph, *precision: str) -> Graph:
    """NET-like graphs, quantized by what they give for numbers from -1 to 1."""
    precisions = Precisions.parse(precision)
    regions = find_regions(graph, precisions)
    one = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    seen = dict.fromkeys((node.name for node in graph.nodes), statistics_of(one))
    return quantize(graph, regions, find_encodings(graph, regions, seen, MinMax()), precisions)


def test_reads_well(golden: Golden) -> None:
    golden(to_text(on_frames(NET, "int8")))


def test_a_layer_in_float_is_marked(golden: Golden) -> None:
    after = on_frames(NET, "int8", "t=float")
    assert [node.name for node in after.nodes if isinstance(node.op, InFloat)] == ["t.float"]
    legal = pipeline.run(after, passes=EXACTLY)
    golden(to_text(legal))


def test_biases_undo_what_the_rounding_of_weights_moves() -> None:
    """On frames of one number, where the mean is all there is."""
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        v = const [1.0, 0.003] : f32[2,1,1]
        w = const [1.0, 0.0031] : f32[2,1,1]
        a = conv(x, v, kernel=[1, 1], maps=[1, 2]) : f32[1,2,4,4]
        y = conv(a, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,4,4]
        return y=y
    """)
    precisions = Precisions.parse("int8")
    regions = find_regions(graph, precisions)
    x = np.full((1, 1, 4, 4), 0.75, np.float32)
    a = run(graph, x=x)["y"]
    seen = {name: statistics_of(x) for name in ("x", "a", "y")}
    encodings = find_encodings(graph, regions, seen, MinMax())
    means = {"x": np.array([0.75]), "a": np.array([0.75, 0.75 * 0.003])}
    plain = quantize(graph, regions, encodings, precisions)
    corrected = quantize(graph, regions, encodings, precisions, means)
    assert "y.bias" in corrected.by_name
    assert "y.bias" not in plain.by_name
    off = [abs(float(run(g, x=x)["y"].mean() - a.mean())) for g in (plain, corrected)]
    assert off[1] <= off[0] + 1e-6


def scales(tanh: str) -> Graph:
    """One bank and its function applied at two scales, and the scores of both."""
    return graph_of(f"""
        x = input : f32[1,1,8,8]
        w = const [1.0, 0.51] : f32[2,1,1]
        b = const [0.1, 0.2] : f32[2]
        v = const [1.0, 0.53, -0.57, 1.0] : f32[4,1,1]
        s = max_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,4,4]
        a1 = conv(x, w, b, kernel=[1, 1], maps=[1, 2]) : f32[1,2,8,8]
        t1 = {tanh}(a1) : f32[1,2,8,8]
        c1 = conv(t1, v, kernel=[1, 1], maps=[2, 2]) : f32[1,2,8,8]
        a2 = conv(s, w, b, kernel=[1, 1], maps=[1, 2]) : f32[1,2,4,4]
        t2 = {tanh}(a2) : f32[1,2,4,4]
        c2 = conv(t2, v, kernel=[1, 1], maps=[2, 2]) : f32[1,2,4,4]
        u2 = resize_nearest(c2, size=[8, 8]) : f32[1,2,8,8]
        y = add(c1, u2) : f32[1,2,8,8]
        return y=y
    """)


@pytest.mark.parametrize("function", ["tanh", "relu"])
@pytest.mark.parametrize("precision", ["int8", "int16", "q8.8"])
def test_twins_share_weights_biases_multipliers_and_tables(precision: str, function: str) -> None:
    """Though their inputs have other means, which correct the bias."""
    legal = legalized(scales(function), precision)
    constants = Counter(node.op.value for node in legal.nodes if isinstance(node.op, Const))
    assert set(constants.values()) == {1}
    for kind, count in (("integer_conv", 4), ("lookup", 2)):
        nodes = [node for node in legal.operations if node.op.kind == kind]
        if kind == "integer_conv" or function == "tanh":
            assert Counter(Counter(node.inputs[1:] for node in nodes).values()) == {2: count // 2}


def test_scores_of_scales_are_summed_as_they_are() -> None:
    legal = legalized(scales("tanh"), "int8")
    elements = {legal[name].type.element for name in ("c1", "c2", "u2", "y")}
    assert len(elements) == 1
    (total,) = (node for node in legal.operations if node.op.kind == "integer_add")
    assert total.inputs == ("c1", "u2")


POOLED = graph_of("""
    x = input : f32[1,1,8,8]
    w = const [1.0, 0.5] : f32[2,1,1]
    v = const [1.0, 0.5, -0.5, 1.0] : f32[4,1,1]
    a = conv(x, w, kernel=[1, 1], maps=[1, 2]) : f32[1,2,8,8]
    t = tanh(a) : f32[1,2,8,8]
    p = max_pool(t, kernel=[2, 2], strides=[2, 2]) : f32[1,2,4,4]
    c = conv(p, v, kernel=[1, 1], maps=[2, 2]) : f32[1,2,4,4]
    q = max_pool(c, kernel=[2, 2], strides=[2, 2]) : f32[1,2,2,2]
    r = relu(q) : f32[1,2,2,2]
    y = conv(r, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
    return y=y
""")


@pytest.mark.parametrize(("precision", "bits"), [("int8", 10), ("int16", 12), ("q8.8", 12)])
def test_tanh_after_max_pooling_is_a_table_and_relu_costs_no_op(precision: str, bits: int) -> None:
    legal = legalized(POOLED, precision)
    chain = ("integer_conv", "max_pool", "requantize")
    wanted = ("quantize", *chain, "lookup", *chain, "integer_conv", "requantize", "dequantize")
    assert tuple(node.op.kind for node in legal.operations) == wanted
    (table,) = (legal[n.inputs[1]] for n in legal.operations if n.op.kind == "lookup")
    assert table.type.shape == (1 << bits,)


def test_fixed_point_has_one_scale_everywhere() -> None:
    after = quantized(prepared(POOLED), "q8.8")
    roundings = [node.op.to for node in after.nodes if isinstance(node.op, Quantize)]
    assert {(to.scale, to.zero_point) for to in roundings} == {(2.0**-8, 0)}
    scaled = [node for node in after.operations if node.op.kind == "scaled_weights"]
    assert len(scaled) == 2  # two banks share one
    for node in scaled:
        op = after[node.inputs[1]].op
        assert isinstance(op, Const)
        assert (op.value.array == 2.0**-8).all()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("operand", ["v", "b"])
def test_weights_that_are_no_numbers_are_refused_by_name(operand: str, number: float) -> None:
    text = to_text(NET)
    old = {"v": "v = const [1.0, -0.5]", "b": "b = const [0.25, 0.0]"}[operand]
    assert old in text
    new = f"{operand} = const [{number}, 0.0]"
    graph = parse(text.replace(old, new))
    with pytest.raises(UserError, match=f"^node 'a': '{operand}' holds numbers that are not"):
        on_frames(graph, "int8")


def read_everywhere() -> Graph:
    """An input that several read, values that are outputs and read, and a constant of two banks."""
    return graph_of("""
        x = input : f32[1,2,4,4]
        w = const [1.0, 0.5, -0.5, 1.0] : f32[4,1,1]
        a = conv(x, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,4,4]
        t = tanh(x) : f32[1,2,4,4]
        b = conv(t, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,4,4]
        s = add(a, b) : f32[1,2,4,4]
        c = conv(s, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,4,4]
        d = concat(c, s, x, axis=1) : f32[1,6,4,4]
        return d=d, s=s, x=x, a=a, again=a
    """)


NO_BANK = graph_of("""
    x = input : f32[1,2,4,4]
    t = tanh(x) : f32[1,2,4,4]
    y = average_pool(t, kernel=[2, 2], strides=[2, 2]) : f32[1,2,2,2]
    return y=y
""")
STRANGE = {
    "values read everywhere": read_everywhere(),
    "no bank": NO_BANK,
    "an input that is an output": graph_of("x = input : f32[1,2,4,4]\nreturn x=x, z=x"),
    "a constant that is an output": graph_of("""
        x = input : f32[2]
        k = const [1.0, 2.0] : f32[2]
        y = add(x, k) : f32[2]
        return k=k, y=y
    """),
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize(("precision", "bar"), [("int8", 25), ("int16", 60), ("q8.8", 25)])
def test_strange_graphs_are_near_what_they_were(name: str, precision: str, bar: float) -> None:
    graph = prepared(STRANGE[name])
    legal = pipeline.run(quantized(graph, precision), passes=pipeline.INTEGER_PASSES)
    inputs = inputs_for(graph, 0)
    wanted, found = run(graph, **inputs), run(legal, **inputs)
    for label, array in wanted.items():
        assert array.dtype == found[label].dtype
        noise = float(np.square(found[label] - array).sum())
        assert noise <= float(np.square(array).sum()) * 10 ** (-bar / 10), label


def test_only_the_ends_of_a_network_are_in_float() -> None:
    legal = legalized(POOLED, "int8")
    inner = [n for n in legal.operations if not isinstance(n.op, Quantize | Dequantize)]
    assert all(node.type.element != FLOAT32 for node in inner)


@pytest.mark.parametrize(
    ("precision", "bits"), [("int8", [10, 16]), ("int16", [12, 16]), ("q8.8", [12, 16])]
)
def test_no_table_is_larger_than_its_precision_has(precision: str, bits: list[int]) -> None:
    """A value that others read too is rounded once more for a table, to fewer bits."""
    graph = graph_of("""
        x = input : f32[1,2,6,6]
        a = average_pool(x, kernel=[2, 2]) : f32[1,2,5,5]
        t = tanh(a) : f32[1,2,5,5]
        y = mul(a, t) : f32[1,2,5,5]
        return y=y, a=a
    """)
    legal = legalized(graph, precision)
    [table] = [node for node in legal.operations if isinstance(node.op, Lookup)]
    index = legal[table.inputs[0]]
    assert [width(legal, index.name), width(legal, index.inputs[0])] == bits
    for seed in range(3):
        inputs = inputs_for(graph, seed)
        wanted, found = run(graph, **inputs), run(legal, **inputs)
        for label, array in wanted.items():
            np.testing.assert_allclose(found[label], array, atol=0.03)


def width(graph: Graph, value: str) -> int:
    return storage_of(graph[value].type).bits
