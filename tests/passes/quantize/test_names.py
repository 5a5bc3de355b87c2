"""A user's names are labels: whatever they are, they get in the way of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends.reference import run
from sightline.ir.graph import Graph
from sightline.passes import pipeline
from tests.support.pass_checks import graph_of
from tests.support.quantized import prepared, quantized
from tests.support.random_graphs import inputs_for

TWO = """
    {0} = input : f32[1,2,6,6]
    {1} = input : f32[1,2,6,6]
    v = const [1.0, -0.5] : f32[2,1,1]
    w = const [0.3, 2.0] : f32[2,1,1]
    {2} = conv({0}, v, kernel=[1, 1], maps=[2, 1]) : f32[1,1,6,6]
    {3} = conv({1}, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,6,6]
    {4} = tanh({2}) : f32[1,1,6,6]
    {5} = tanh({3}) : f32[1,1,6,6]
    {6} = mul({4}, {3}) : f32[1,1,6,6]
    y = add({5}, {6}) : f32[1,1,6,6]
    return y=y, {0}={0}
"""
PLAIN = "abcdefg"


def spelled(*names: str) -> Graph:
    return graph_of(TWO.format(*names))


@pytest.mark.parametrize("precision", ["int8", "int16"])
@pytest.mark.parametrize("suffix", ["real", "q", "index", "exact", "float", "scales", "index.real"])
def test_names_like_ours_change_nothing(suffix: str, precision: str) -> None:
    names = ["a", f"a.{suffix}", "c", f"c.{suffix}", "e", f"e.{suffix}", f"c.{suffix}.{suffix}"]
    plain, ours = spelled(*PLAIN), spelled(*names)
    results = []
    for graph in (plain, ours):
        simulated = quantized(prepared(graph), precision)
        assert [node.name for node in simulated.inputs] == [node.name for node in graph.inputs]
        integers = pipeline.run(simulated, passes=pipeline.INTEGER_PASSES)
        given = inputs_for(plain, 0).values()
        results.append(
            run(integers, **dict(zip((n.name for n in graph.inputs), given, strict=True)))
        )
    np.testing.assert_array_equal(results[0]["y"], results[1]["y"])


def test_an_input_that_is_given_back_is_as_it_was() -> None:
    graph = spelled(*PLAIN)
    integers = pipeline.run(quantized(prepared(graph), "int8"), passes=pipeline.INTEGER_PASSES)
    inputs = inputs_for(graph, 0)
    np.testing.assert_array_equal(run(integers, **inputs)["a"], inputs["a"])
