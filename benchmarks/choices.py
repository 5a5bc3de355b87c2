"""What each choice of quantization brings: `make quantization`, or
`python -m benchmarks.choices [FRAMES]`.

How ranges are found, whether maps are equalized, whether biases are corrected: one is changed and
the others stay. Prints Markdown, and holds nothing to a bar: the defaults were chosen by it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.quantization import THREE
from sightline.accuracy import Result
from sightline.backends.reference import run
from sightline.frontend import nn
from sightline.frontend.trace import trace
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.types import Array
from sightline.passes import pipeline
from sightline.passes.calibrate import observe
from sightline.passes.equalize import equalize
from sightline.passes.precision import Precisions
from sightline.passes.quantize import quantize
from sightline.passes.quantize.encodings import find_encodings
from sightline.passes.quantize.regions import find_regions
from sightline.passes.ranges import method_of
from sightline.passes.statistics import Statistics
from sightline.quantizer import CALIBRATION
from sightline.scene.datasets import open_frames
from sightline.scene.training.frames import network_input
from tests.support.quantized_models import NETWORKS, frames

FRAMES = 10
NOISE_FRAMES = 200
OCTAVES = 4
"""Maps of the uneven network are up to so many octaves larger or smaller than they were drawn."""

HEAD = "| network, int8 | choice | signal to noise | labels as in float |\n|---|---|---|---|"


@dataclass(frozen=True)
class Choice:
    """How to quantize: by default, as `sightline quantize` does."""

    calibration: str = CALIBRATION
    equalized: bool = True
    corrected: bool = True

    def __str__(self) -> str:
        told = [self.calibration]
        told += [] if self.equalized else ["maps as they are"]
        told += [] if self.corrected else ["biases as they are"]
        return ", ".join(told)


DEFAULT = Choice()
CHOICES = (
    DEFAULT,
    *(Choice(each) for each in ("minmax", "percentile", "percentile=99.9")),
    replace(DEFAULT, equalized=False),
    replace(DEFAULT, corrected=False),
)


@dataclass(frozen=True)
class Case:
    """A network, frames to calibrate with, and others to compare on."""

    name: str
    graph: Graph
    seen: list[Array]
    unseen: list[Array]


def scenes(count: int) -> Case:
    test = open_frames("synthetic:test", count)
    unseen = [network_input(test.frame(n), THREE.channels) for n in range(count)]
    return Case(f"scenes, {THREE.name}", THREE.read().graph, THREE.frames(), unseen)


def small(name: str, uneven: bool = False) -> Case:
    """A network of random weights, on noise.

    It is calibrated with as many frames as it is tested on: noise whose mean and contrast are each
    frame's own shows a map's mean over all pixels its range only slowly.
    """
    with nn.seeded(0):
        graph = trace(NETWORKS[name]()).graph
    shape = graph.inputs[0].type.shape
    return Case(
        f"{name}, uneven" if uneven else name,
        unbalanced(graph) if uneven else graph,
        frames(shape, NOISE_FRAMES, seed=1),
        frames(shape, NOISE_FRAMES, seed=2),
    )


def unbalanced(graph: Graph) -> Graph:
    """The residual network with maps of very different sizes, as training may leave them.

    What `first` gives is scaled map by map, and `second` undoes it.
    """
    maps = graph["first.bias"].type.shape[0]
    sizes = 2 ** np.random.default_rng(0).uniform(-OCTAVES, OCTAVES, maps)
    changes = {
        "first.weight": np.repeat(sizes, maps)[:, None, None],
        "first.bias": sizes,
        "second.weight": 1 / np.tile(sizes, maps)[:, None, None],
    }
    return replace(graph, nodes=tuple(_scaled(node, changes) for node in graph.nodes))


def _scaled(node: Node, changes: Mapping[str, Array]) -> Node:
    if node.name not in changes:
        return node
    assert isinstance(node.op, Const)
    scaled = node.op.value.array * changes[node.name]
    return replace(node, op=Const(Constant(scaled.astype(np.float32))))


def results(case: Case) -> Iterator[tuple[Choice, Result]]:
    """Of each choice, over all frames; the float network computes each once."""
    passes = (*pipeline.FLOAT_PASSES, *pipeline.PREPARATION)
    graphs = {
        True: pipeline.run(case.graph, passes=passes),
        False: pipeline.run(case.graph, passes=[each for each in passes if each is not equalize]),
    }
    observed = {equalized: observe(graph, case.seen) for equalized, graph in graphs.items()}
    integers = {
        choice: integers_of(graphs[choice.equalized], observed[choice.equalized], choice)
        for choice in CHOICES
    }
    (output,) = case.graph.outputs
    (x,) = case.graph.inputs
    found = {choice: Result(output.label) for choice in CHOICES}
    for frame in case.unseen:
        wanted = run(case.graph, **{x.name: frame})[output.label]
        for choice, graph in integers.items():
            found[choice].compare(wanted, run(graph, **{x.name: frame})[output.label])
    yield from found.items()


def integers_of(graph: Graph, statistics: Mapping[str, Statistics], choice: Choice) -> Graph:
    precisions = Precisions.parse("int8")
    regions = find_regions(graph, precisions)
    encodings = find_encodings(graph, regions, statistics, method_of(choice.calibration))
    means = {value: seen.means for value, seen in statistics.items()} if choice.corrected else {}
    simulated = quantize(graph, regions, encodings, precisions, means)
    return pipeline.run(simulated, passes=pipeline.INTEGER_PASSES)


def main(count: int) -> None:
    print(f"{count} test frames of scenes, {NOISE_FRAMES} of noise\n\n{HEAD}")
    cases = (scenes(count), *map(small, NETWORKS), small("residual", uneven=True))
    for case in cases:
        for choice, result in results(case):
            ratio, alike = f"{result.ratio.decibels:.2f} dB", f"{result.agreement:.2%}"
            print(f"| {case.name} | {choice} | {ratio} | {alike} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES)
