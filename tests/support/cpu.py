"""Graphs compiled for the target `cpu`, and held against the reference."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sightline.backends.tvm import cpu
from sightline.backends.tvm.cpu import TARGET
from sightline.backends.tvm.executable import CpuExecutable
from sightline.backends.tvm.host import Processor, host
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.op import Sample
from sightline.ir.ops.classify import ArgMax
from sightline.ir.progress import silent
from sightline.ir.types import Array
from tests.support.arrays import allowance, largest
from tests.support.pass_checks import all_values

TOLERANCE = 1e-4


def compiled(graph: Graph, folder: Path | None = None) -> CpuExecutable:
    """The graph compiled into a folder, by default one that is gone when it is loaded."""
    if folder is not None:
        TARGET.compile(graph, folder, silent)
        return TARGET.load(graph, folder)
    with tempfile.TemporaryDirectory() as passing:
        return compiled(graph, Path(passing))


def without_bytes(patch: pytest.MonkeyPatch) -> Processor:
    """From now on this processor has no instruction for bytes, only those for pairs of integers."""
    here, withheld = host()
    features = tuple(each for each in here.features if each != "avx512vnni")
    lesser = replace(here, features=features)
    patch.setattr(cpu, "host", lambda: (lesser, withheld))
    return lesser


def side_by_side(samples: Iterable[Sample]) -> tuple[Graph, dict[str, Array]]:
    """One graph that holds every sample, each with an output of its own, and its inputs."""
    builder = GraphBuilder("samples")
    inputs = {}
    for sample in samples:
        values = []
        for array, type_ in zip(sample.data, sample.types, strict=False):
            values.append(builder.input("x", type_))
            inputs[values[-1]] = array
        values += [builder.constant(array, "w") for array in sample.weights]
        builder.output(builder.add(sample.op, *values))
    return builder.finish(), inputs


def run_compiled(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs on the target `cpu`."""
    return compiled(graph).run(inputs)


def assert_is_reference(
    graph: Graph,
    inputs: Mapping[str, Array],
    *,
    tolerance: float = TOLERANCE,
    run: Callable[[Graph, Mapping[str, Array]], dict[str, Array]] = run_compiled,
) -> dict[str, Array]:
    """The outputs on a target, which equal the reference; tolerance zero means exactly.

    The tolerance is as `allowance` has it. A label may differ where its score is as good as the
    best.
    """
    found = run(graph, inputs)
    values = all_values(graph, dict(inputs))
    assert list(found) == [output.label for output in graph.outputs]
    for output in graph.outputs:
        got, wanted = found[output.label], values[output.node]
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        node = graph[output.node]
        if isinstance(node.op, ArgMax) and tolerance:
            scores, axis = values[node.inputs[0]], node.op.axis
            wanted = scores.max(axis)
            got = np.take_along_axis(scores, np.expand_dims(got, axis), axis).squeeze(axis)
        off = allowance(wanted, tolerance, values.values())
        what = f"{output.label}: {node.op}"
        np.testing.assert_allclose(got, wanted, rtol=0, atol=off, err_msg=what)
    return found


def assert_near(got: Array, wanted: Array, tolerance: float) -> None:
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * largest([wanted]))
