"""Quantized networks on the target `cpu`: the very integers of the reference, bit by bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sightline
from sightline.backends.tvm.integers import EXACT
from sightline.frontend import nn
from sightline.frontend.trace import trace
from sightline.ir.graph import Graph
from sightline.ir.ops.integer import IntegerAdd
from sightline.ir.ops.quantization import Dequantize
from sightline.ir.types import FLOAT32
from sightline.passes import pipeline
from sightline.passes.move_integers import MOVES
from sightline.passes.refusal import Refusal
from sightline.passes.rewrite import rewrite
from tests.support.cpu import assert_is_reference
from tests.support.examples import examples
from tests.support.integer_networks import IntegerNetwork, integer_networks, residual
from tests.support.quantized import prepared, quantized
from tests.support.quantized_models import NETWORKS, frames
from tests.support.random_graphs import graphs, inputs_for

PRECISIONS = ("int8", "int16", "q8.8")
SOME = st.sampled_from(PRECISIONS)
LAYERS = ("conv", "conv_1x1", "concat_of_convs", "max_pool", "pooling", "unary", "binary", "resize")


def assert_same_integers(graph: Graph, precision: str, seed: int) -> None:
    """Of a float graph, quantized and compiled as a user does, but at the size of a test."""
    try:
        integers = pipeline.run(
            quantized(prepared(graph), precision), passes=pipeline.INTEGER_PASSES
        )
    except Refusal:
        return  # numbers too wide, which the user is told
    exact = without_floats(integers)
    if exact.outputs:
        assert_is_reference(exact, inputs_for(graph, seed), tolerance=0)


def without_floats(graph: Graph) -> Graph:
    """The graph for the outputs that no op computes in float on the way, as softmax does."""
    inexact: set[str] = set()
    for node in graph.operations:
        moves = isinstance(node.op, (Dequantize, *MOVES))
        if (node.type.element == FLOAT32 and not moves) or not inexact.isdisjoint(node.inputs):
            inexact.add(node.name)
    kept = tuple(output for output in graph.outputs if output.node not in inexact)
    return rewrite(replace(graph, outputs=kept), lambda rewriter, node: None)


@examples(240)
@given(graphs(max_nodes=3), SOME, st.integers(0, 99))
def test_of_any_op(graph: Graph, precision: str, seed: int) -> None:
    assert_same_integers(graph, precision, seed)


@examples(40)
@given(graphs(max_nodes=5, steps=LAYERS), SOME, st.integers(0, 99))
def test_of_layers_after_layers(graph: Graph, precision: str, seed: int) -> None:
    assert_same_integers(graph, precision, seed)


@examples(20)
@given(integer_networks(most=2))
def test_of_ranges_that_are_filled(net: IntegerNetwork) -> None:
    graph = pipeline.run(net.builder.finish(), passes=pipeline.INTEGER_PASSES)
    assert_is_reference(graph, net.inputs, tolerance=0)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["residual", "depthwise", "joined", "curved"])
def test_of_networks_of_the_field(name: str, precision: str) -> None:
    with nn.seeded(0):
        net = trace(NETWORKS[name]())
    seen = frames(net.graph.inputs[0].type.shape, 4, seed=1)
    artifact = sightline.compile(sightline.quantize(net, seen, precision), ["cpu", "reference"])
    for frame in seen[:2]:
        wanted = artifact.run(frame, target="reference")
        np.testing.assert_array_equal(artifact.run(frame, target="cpu"), wanted)


def test_a_wrong_kernel_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    net = IntegerNetwork(0)
    graph = net.finish(residual(net, net.first))
    assert_is_reference(graph, net.inputs, tolerance=0)
    monkeypatch.setitem(EXACT, IntegerAdd, lambda op, a, b: a - b)
    with pytest.raises(AssertionError, match="Mismatched elements"):
        assert_is_reference(graph, net.inputs, tolerance=0)
