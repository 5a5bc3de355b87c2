"""From a float model and typical frames to a model that says what is rounded, and to what."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sightline.frames import frames_of
from sightline.frontend.model import Model
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.passes import pipeline
from sightline.passes.calibrate import observe
from sightline.passes.precision import Precisions
from sightline.passes.quantize import quantize as quantize_graph
from sightline.passes.quantize.encodings import find_encodings
from sightline.passes.quantize.regions import find_regions
from sightline.passes.ranges import method_of
from sightline.source import read

CALIBRATION = "mse"
"""How ranges are found, unless another way is asked for."""


def quantize(
    model: Any,
    frames: str | Path | Iterable[Any],
    precision: str | Sequence[str] = "int8",
    *,
    calibration: str | None = None,
    limit: int | None = None,
    resize: bool = False,
    report: Report = silent,
) -> Model:
    """A model whose values are integers, by what they are on frames typical of its use.

    `frames` is a folder of pictures, a `.npy` or `.npz` file, or anything that gives arrays one
    after the other; the first `limit` of them are taken, and pictures of another size are refused,
    or resized. `precision` is int8, int16, q8.8 (neuFlow's: 8 bits before the point and 8
    behind it, everywhere), and LAYER=int16 or LAYER=float for layers that need more. `calibration`
    is minmax, percentile, percentile=P, or mse.

    The model computes in float what its integers will be; `compile` makes integers of it.
    """
    source = read(model)
    precisions, method = Precisions.parse(precision), method_of(calibration or CALIBRATION)
    if pipeline.is_quantized(source.graph):
        raise UserError(
            "the network is quantized already",
            fix="Compile it as it is, or start again from the float one.",
        )
    passes = (*pipeline.FLOAT_PASSES, *pipeline.PREPARATION)
    graph = pipeline.run(source.graph, passes=passes, report=report)
    precisions.require_layers(graph)
    regions = find_regions(graph, precisions)
    statistics = observe(graph, frames_of(source, frames, limit=limit, resize=resize), report)
    encodings = find_encodings(graph, regions, statistics, method)
    means = {value: seen.means for value, seen in statistics.items()}
    quantized = quantize_graph(graph, regions, encodings, precisions, means)
    pipeline.run(quantized, passes=pipeline.TO_INTEGERS)  # to refuse now what compiling would
    return dataclasses.replace(source, graph=quantized, original=graph)
