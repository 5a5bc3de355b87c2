"""ONNX's own cases for the operators: each matches, or is refused for a known reason."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from sightline.backends import reference
from sightline.frontend.onnx.reader import READERS, read_proto
from sightline.ir.errors import UserError
from sightline.ir.types import Array

LEAST_MATCHES = 265

REASONS = {
    "a volume or a line instead of maps": r"takes two axes, of maps \[N, C, H, W\]",
    "a product of other than two matrices": r"MatMul takes two matrices",
    "the last of equal scores": r"select_last_index = 1 takes the last",
    "training": r"is in training mode",
    "an extra output": r"number 2 of (Dropout|MaxPool), is used, but not supported",
    "hard shrinkage": r"Shrink with bias 0\.0 and lambd 1\.5",
    "cubic interpolation": r"Resize in mode 'cubic'",
    "antialiasing": r"antialias = 1",
    "cropping": r"coordinate_transformation_mode 'tf_crop_and_resize'",
    "sizes that are no whole numbers": r"makes sizes that are no whole numbers",
    "wrapping around": r"pad mode 'wrap'",
    "nothing left": r"is empty|Split into \[.*0.*\]|shape \[3, 4, 0\] of Reshape",
    "dynamic quantization": r"belongs to dynamic quantization",
    "quantized by rows": r"has 3 scales, and what the network computes has one",
    "quantized by blocks": r"has a scale for each 2 numbers of an axis",
    "half precision": r"must be in float32, but is in float16",
}


class Case:
    """One case: its model, and its first set of inputs and outputs."""

    def __init__(self, case: onnx.backend.test.case.test_case.TestCase) -> None:
        self.name: str = case.name
        self.model: onnx.ModelProto = case.model
        self.tolerance: float = case.rtol
        inputs, self.outputs = case.data_sets[0]
        self.inputs = dict(zip((i.name for i in case.model.graph.input), inputs, strict=True))

    @property
    def is_ours(self) -> bool:
        """Whether all of its operators are read, and its arrays have elements that NumPy has."""
        kinds = {node.op_type for node in self.model.graph.node}
        arrays = [*self.inputs.values(), *self.outputs]
        return kinds <= READERS.keys() and all(
            isinstance(a, np.ndarray | np.generic) for a in arrays
        )

    def with_constants(self, data: list[str]) -> onnx.ModelProto:
        """The model in which all inputs but these are constants."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for name, array in self.inputs.items():
            if name not in data:
                model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return model


@cache
def cases() -> dict[str, Case]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {case.name: Case(case) for case in collect_testcases(None)}
    return {name: case for name, case in found.items() if case.is_ours}


def answer(case: Case) -> dict[str, Array]:
    """What our reading of the case computes. Floats are inputs, unless they must be constants."""
    floats = [name for name, array in case.inputs.items() if array.dtype == np.float32]
    path = Path(f"{case.name}.onnx")
    try:
        data = floats
        graph = read_proto(case.with_constants(data), path).graph
    except UserError as error:
        if "must be a constant" not in str(error):
            raise
        data = list(case.inputs)[:1]
        graph = read_proto(case.with_constants(data), path).graph
    return reference.run(graph, **{name: case.inputs[name] for name in data})


def matches(case: Case) -> None:
    for (name, found), expected in zip(answer(case).items(), case.outputs, strict=True):
        assert found.shape == expected.shape, name
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, rtol=case.tolerance, atol=1e-6)
        else:
            np.testing.assert_array_equal(found, expected)


def test_each_case_matches_or_is_refused_for_a_known_reason() -> None:
    matched = 0
    refused: Counter[str] = Counter()
    for case in cases().values():
        try:
            matches(case)
            matched += 1
        except UserError as error:
            reasons = [name for name, text in REASONS.items() if re.search(text, str(error))]
            if not reasons:
                pytest.fail(f"{case.name} is refused for an unknown reason: {error}")
            refused[reasons[0]] += 1
    assert matched >= LEAST_MATCHES
    assert set(refused) == set(REASONS), "a reason no longer occurs"
