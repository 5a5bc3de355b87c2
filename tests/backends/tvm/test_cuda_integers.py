"""Integers are the same on the targets `reference`, `cpu` and `cuda`: the last by the emulator."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.backends import reference
from sightline.ir.types import Array
from sightline.passes import pipeline
from sightline.source import read
from tests.support.cpu import run_compiled
from tests.support.cuda_models import integer_network, merged, run_checked, run_emulated
from tests.support.examples import TIMES
from tests.support.quantized import prepared, quantized
from tests.support.random_graphs import inputs_for

TOGETHER = 10
"""Networks that are compiled as one."""

NETWORKS = TOGETHER * 2 * min(TIMES, 5)
"""20 by day, 100 by night."""

SCENE = "models:scene,seed=3" if TIMES > 1 else "models:scene,seed=3,scales=1,height=32,width=48"
"""The whole by night, by day its features on a small picture."""


def assert_same(wanted: dict[str, Array], found: dict[str, Array]) -> None:
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("first", range(0, NETWORKS, TOGETHER))
def test_random_networks(first: int) -> None:
    graph, inputs = merged(integer_network(seed) for seed in range(first, first + TOGETHER))
    wanted = reference.run(graph, **inputs)
    run = run_emulated if first % 20 else run_checked
    assert_same(wanted, run(graph, inputs))
    if TIMES > 1:  # by day test_integers.py does
        assert_same(wanted, run_compiled(graph, inputs))


def test_the_scene_network() -> None:
    graph = quantized(prepared(read(SCENE).graph))
    graph = pipeline.run(graph, passes=pipeline.passes_for(graph))
    inputs = inputs_for(graph, 1)
    wanted = reference.run(graph, **inputs)
    assert_same(wanted, run_emulated(graph, inputs))
    if TIMES > 1:
        assert_same(wanted, run_compiled(graph, inputs))
