"""Running ONNX files by onnxruntime, the oracle that others trust."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto
from onnxruntime.capi import onnxruntime_pybind11_state as state

from sightline.backends import reference
from sightline.frontend.model import Model
from sightline.frontend.onnx import to_onnx
from sightline.ir.types import Array

RUNTIME_ERRORS = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.RuntimeException,
    state.NotImplemented,
)
"""What onnxruntime raises for a model that it does not take."""


def run_onnx(
    model: ModelProto | Path, inputs: Mapping[str, Array], *, optimized: bool = True
) -> dict[str, Array]:
    """The outputs of a model by name, computed by onnxruntime on the CPU.

    Optimized, it quantizes some float operands of quantized models, and saturates partial sums.
    """
    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    quiet = onnxruntime.RunOptions()
    quiet.log_severity_level = 4
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs), quiet), strict=True))


def assert_close(actual: Array, expected: Array, relative: float = 1e-4) -> None:
    """Equal within a part of the largest magnitude; integers and infinities exactly."""
    assert actual.shape == expected.shape
    if expected.dtype.kind != "f":
        assert actual.dtype.kind in "iu"
        np.testing.assert_array_equal(actual, expected)
        return
    assert actual.dtype == expected.dtype
    finite = np.abs(expected[np.isfinite(expected)])
    scale = float(finite.max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=relative * scale)


def check_export(model: Model, inputs: Mapping[str, Array], relative: float = 1e-4) -> ModelProto:
    """The model as ONNX, which is valid and computes in onnxruntime what the reference computes."""
    proto = to_onnx(model)
    onnx.checker.check_model(proto, full_check=True)
    found = run_onnx(proto, inputs)
    expected = reference.run(model.graph, **inputs)
    assert list(found) == list(expected)
    for label, y in expected.items():
        assert_close(found[label], y, relative)
    return proto
