"""What every pass promises, checked on a graph and random inputs."""

from __future__ import annotations

import numpy as np

import sightline.ir.ops  # noqa: F401  (declares every op, so that texts can name it)
from sightline.backends.reference import run
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph
from sightline.ir.ops.classify import ArgMax
from sightline.ir.parse import parse
from sightline.ir.types import Array
from sightline.ir.verify import verify
from sightline.passes.rewrite import Pass, rewrite
from tests.support.arrays import allowance
from tests.support.random_graphs import inputs_for


def graph_of(body: str, name: str = "net") -> Graph:
    """A valid graph from the lines of its text, without the title."""
    graph = parse(f"graph {name}\n{body}")
    verify(graph)
    return graph


def check_pass(each: Pass, graph: Graph, *, seed: int = 0, tolerance: float = 1e-4) -> Graph:
    """What a pass leaves: valid, of the same meaning, of no more MACs, and left alone by it."""
    after = each(graph)
    verify(after)
    assert_agree(graph, after, seed=seed, tolerance=tolerance)
    assert after.total_macs <= graph.total_macs
    assert each(after) == after
    return after


def assert_stays(each: Pass, graph: Graph) -> None:
    """A pass finds nothing to do but drop what is not read."""
    assert each(graph) == rewrite(graph, lambda rewriter, node: None)


def assert_agree(before: Graph, after: Graph, *, seed: int = 0, tolerance: float = 1e-4) -> None:
    """Same name, inputs and labels, and outputs within a tolerance.

    The tolerance is as `allowance` has it; zero means the very same numbers. A label may differ
    where its score is as good as the best.
    """
    assert after.name == before.name
    assert [(n.name, n.type) for n in after.inputs] == [(n.name, n.type) for n in before.inputs]
    assert [out.label for out in after.outputs] == [out.label for out in before.outputs]
    inputs = inputs_for(before, seed)
    values = all_values(before, inputs)
    found = run(after, **inputs)
    for output in before.outputs:
        wanted, got = values[output.node], found[output.label]
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        node = before[output.node]
        if isinstance(node.op, ArgMax):
            scores, axis = values[node.inputs[0]], node.op.axis
            wanted = scores.max(axis)
            got = np.take_along_axis(scores, np.expand_dims(got, axis), axis).squeeze(axis)
        np.testing.assert_allclose(
            got,
            wanted,
            rtol=0,
            atol=allowance(wanted, tolerance, values.values()),
            err_msg=f"output '{output.label}'",
        )


def all_values(graph: Graph, inputs: dict[str, Array]) -> dict[str, Array]:
    """The value of every node that is read."""
    alive: dict[str, Array] = {}
    values: dict[str, Array] = {}
    for node in evaluate(graph, inputs, alive):
        if node.name in alive:
            values[node.name] = alive[node.name]
    return values
