"""A network that Brevitas 0.13.4 trained and exported itself (`export_onnx_qcdq`, opset 17).

QuantIdentity(8 bits), QuantConv2d(3, 8, 3, padding 1, weights of 4 bits), QuantReLU(6 bits),
MaxPool2d(2), QuantConv2d(8, 16, 3, padding 1, Int8WeightPerChannelFloat), QuantReLU(8 bits),
MaxPool2d(2), flatten, QuantLinear(256, 10)
"""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

import sightline
from sightline.ir.graph import Graph
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.quantization import Requantize
from sightline.ir.types import Int
from sightline.passes.inline_stages import inline_stages
from tests.support.copies import ROOT

FILE = ROOT / "tests" / "support" / "files" / "brevitas.onnx"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return inline_stages(sightline.compile(FILE, targets=["reference"]).graph)


def test_all_banks_are_integers_of_its_own(graph: Graph) -> None:
    banks = [node for node in graph.operations if isinstance(node.op, IntegerConv)]
    assert len(banks) == 3
    # Weights of 4 bits, and inputs of 8, in sums no wider than they are.
    assert banks[0].type.element == Int(15)


def test_six_bits_are_the_limits_of_a_rounding(graph: Graph) -> None:
    limits = [(n.op.low, n.op.high) for n in graph.operations if isinstance(n.op, Requantize)]
    assert limits == [(-128, -128 + 63), (-128, 127)]


def test_results_are_those_of_onnxruntime() -> None:
    artifact = sightline.compile(FILE, targets=["reference", "cpu"])
    session = onnxruntime.InferenceSession(FILE.read_bytes())
    [given] = session.get_inputs()
    [result] = session.get_outputs()
    rng = np.random.default_rng(0)
    exact = 0
    for _ in range(50):
        x = rng.standard_normal(given.shape).astype(np.float32)
        [wanted] = session.run(None, {given.name: x})
        found = artifact.run_all({given.name: x}, "reference")[result.name]
        np.testing.assert_array_equal(found, artifact.run_all({given.name: x}, "cpu")[result.name])
        # A rounding that went the other way moves a score by a little.
        np.testing.assert_allclose(found, wanted, atol=0.005)
        exact += bool(np.allclose(found, wanted, atol=1e-5))
    assert exact >= 45
