"""The reference: NumPy evaluates each op's own meaning. Every other target must agree with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sightline.backends.target import StageTime, Support, Taken
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.progress import Report
from sightline.ir.types import Array


class Reference:
    """The target `reference`. It compiles to nothing: the graph is all it needs."""

    name = "reference"

    def support(self, op: type[Op]) -> Support:
        return Taken()

    def check(self, graph: Graph) -> None:
        """It runs all there is."""

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        report("reference", 1, 1)

    def load(self, graph: Graph, folder: Path) -> ReferenceExecutable:
        return ReferenceExecutable(graph)


class ReferenceExecutable:
    """Runs a graph node by node, and lets go of each value after its last use."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        values: dict[str, Array] = {}
        for _ in evaluate(self.graph, inputs, values):
            pass
        # Copies, since an output may be an input, a constant, or a view into either.
        return {out.label: np.array(values[out.node], order="C") for out in self.graph.outputs}

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        times: list[StageTime] = []
        start = time.perf_counter()
        for node in evaluate(self.graph, inputs, {}):
            now = time.perf_counter()
            if not node.is_leaf:
                times.append(StageTime(node.name, now - start))
            start = now
        return times


def run(graph: Graph, **inputs: Array) -> dict[str, Array]:
    """Outputs by label: the shortest way to what a graph means."""
    return ReferenceExecutable(graph).run(inputs)


TARGET = Reference()
