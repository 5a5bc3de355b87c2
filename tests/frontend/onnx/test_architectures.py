"""Whole networks that ship with onnx, their weights made by nodes, as others export them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from sightline.backends import reference
from sightline.frontend.onnx import read
from tests.support.onnxruntime import assert_close, run_onnx

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

GIGA_MACS = {
    "densenet121": 2.83,
    "inception_v2": 2.02,
    "resnet50": 4.09,
    "shufflenet": 0.12,
    "squeezenet": 0.35,
}


@pytest.mark.parametrize("name", GIGA_MACS)
def test_reads_with_the_cost_that_is_known_of_it(name: str) -> None:
    graph = read(FOLDER / f"light_{name}.onnx").graph
    assert round(graph.total_macs / 1e9, 2) == GIGA_MACS[name]


def test_shufflenet_computes_what_onnxruntime_computes() -> None:
    path = FOLDER / "light_shufflenet.onnx"
    graph = read(path).graph
    (x,) = graph.inputs
    image = np.random.default_rng(0).standard_normal(x.type.shape).astype(np.float32)
    found = reference.run(graph, **{x.name: image})
    for label, y in run_onnx(path, {x.name: image}).items():
        assert_close(found[label], y)
