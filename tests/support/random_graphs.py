"""Random float graphs over every op, and arrays to feed them.

A graph grows step by step from one input: each step puts an op, or a little pattern that passes
look for, on a value that exists. Hypothesis draws the steps and where they go, so that failures
shrink; a seed draws attributes and weights, which is fast. Values are computed on the way, and what
would leave a sane range is not added. An op that is new in `OPS` needs nothing here: a pointwise
one is chained like the others, any other comes in by its own `sample`.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from sightline.ir.graph import Graph
from sightline.ir.types import Array
from tests.support import growth_moves, growth_steps  # noqa: F401  (they fill STEPS)
from tests.support.growth import STEPS, Growth


@st.composite
def graphs(draw: st.DrawFn, max_nodes: int = 12, steps: tuple[str, ...] = ()) -> Graph:
    """Graphs of up to `max_nodes` steps, of all kinds or of those named, most often in a chain."""
    growth = Growth(draw(st.integers(0, 2**32 - 1)))
    names = st.sampled_from(steps or tuple(STEPS))
    backs = st.sampled_from((0, 0, 0, 1, 2, 5))
    for name, back in draw(st.lists(st.tuples(names, backs), min_size=1, max_size=max_nodes)):
        value = growth.values[-1 - back % len(growth.values)]
        grown = STEPS[name](growth, value)
        if grown is not None:
            growth.values.append(grown)
    return growth.finish(draw(st.lists(st.integers(0, 20), max_size=2)))


def inputs_for(graph: Graph, seed: int) -> dict[str, Array]:
    """An array for each input of a float graph."""
    rng = np.random.default_rng(seed)
    return {
        node.name: rng.standard_normal(node.type.shape).astype(np.float32) for node in graph.inputs
    }
