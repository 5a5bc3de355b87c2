"""The random graphs that passes are tested on: valid, sane, and of every op."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sightline.backends.reference import run
from sightline.ir.graph import Graph
from sightline.ir.op import OPS
from sightline.ir.verify import verify
from tests.support.examples import examples
from tests.support.growth import LARGEST_NUMBER, STEPS, Growth
from tests.support.integer_ops import MADE_BY_PASSES
from tests.support.random_graphs import graphs, inputs_for


@examples(100)
@given(graphs())
def test_graphs_are_valid_and_their_values_sane(graph: Graph) -> None:
    verify(graph)
    inputs = inputs_for(graph, 0)
    assert all(np.array_equal(inputs[name], again) for name, again in inputs_for(graph, 0).items())
    for value in run(graph, **inputs).values():
        assert np.isfinite(value).all()
        assert np.abs(value).max() < 100 * LARGEST_NUMBER


def test_every_op_on_floats_is_drawn() -> None:
    seen = {node.op.kind for seed in range(60) for node in grown(seed).operations}
    assert seen == set(OPS) - MADE_BY_PASSES


@pytest.mark.parametrize("name", STEPS)
def test_every_step_finds_a_place(name: str) -> None:
    for seed in range(20):
        growth = Growth(seed)
        for before in ("flatten", "to_maps", name):
            for value in list(growth.values):
                before_count = len(growth.arrays)
                STEPS[before](growth, value)
                if before == name and len(growth.arrays) > before_count:
                    return
            growth.values = list(growth.arrays)
    pytest.fail(f"the step {name} never adds anything")


def grown(seed: int) -> Graph:
    """A graph of all steps in random order."""
    growth = Growth(seed)
    for name in growth.rng.permutation(sorted(STEPS)).tolist():
        value = growth.values[growth.integer(0, len(growth.values) - 1)]
        added = STEPS[name](growth, value)
        if added is not None:
            growth.values.append(added)
    return growth.finish([])
