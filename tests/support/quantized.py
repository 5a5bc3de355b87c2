"""Any float graph, quantized by what its values are on a few random inputs."""

from __future__ import annotations

import re

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.passes import pipeline
from sightline.passes.calibrate import observe
from sightline.passes.precision import FLOAT, Precisions
from sightline.passes.quantize import quantize
from sightline.passes.quantize.encodings import find_encodings
from sightline.passes.quantize.regions import Regions, find_regions
from sightline.passes.ranges import method_of
from tests.support.random_graphs import inputs_for

FRAMES = 3


def prepared(graph: Graph) -> Graph:
    """What is quantized of a graph as a user gives it."""
    return pipeline.run(graph, passes=(*pipeline.FLOAT_PASSES, *pipeline.PREPARATION))


def quantized(graph: Graph, *precision: str, calibration: str = "minmax") -> Graph:
    """A prepared graph with its roundings in it; inputs are those of seeds 0, 1 and 2."""
    precisions = Precisions.parse(precision)
    precisions, regions = find_some_regions(graph, precisions)
    statistics = observe(graph, [inputs_for(graph, seed) for seed in range(FRAMES)])
    encodings = find_encodings(graph, regions, statistics, method_of(calibration))
    means = {value: seen.means for value, seen in statistics.items()}
    return quantize(graph, regions, encodings, precisions, means)


def find_some_regions(graph: Graph, precisions: Precisions) -> tuple[Precisions, Regions]:
    """With what has no integers between banks kept in float, as the error says."""
    while True:
        try:
            return precisions, find_regions(graph, precisions)
        except UserError as error:
            found = re.search(r"as --precision (.*)=float\.", str(error))
            if found is None:
                raise
            layers = (*precisions.layers, (found[1], FLOAT))
            precisions = Precisions(precisions.default, layers)
