"""The networks of `models/`, quantized: how near they are, and the CPU gives the same integers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import sightline
from sightline.ir.graph import Const
from sightline.ir.types import Array
from sightline.passes.inline_stages import inline_stages
from tests.support.examples import TIMES
from tests.support.integer_layers import accuracy_of, integers_of

NETWORKS = {
    "lenet5": "models:lenet5",
    "torch7": "models:torch7",
    "extractor": "models:extractor",
    "scene": "models:scene,height=48,width=64",
}
BARS = {
    ("lenet5", "int8"): 39,
    ("lenet5", "int16"): 63,
    ("lenet5", "q8.8"): 33,
    ("torch7", "int8"): 32,
    ("torch7", "int16"): 59,
    ("torch7", "q8.8"): 21,
    ("extractor", "int8"): 28,
    ("extractor", "int16"): 51,
    ("extractor", "q8.8"): 8,
    ("scene", "int8"): 35,
    ("scene", "int16"): 61,
    ("scene", "q8.8"): 21,
}
"""Signal to noise of the outputs in decibels, 3 below what was measured with random weights."""

QUICK = {("lenet5", "int8")}
"""Compiled for the CPU on every change; the others, of 5 to 20 seconds each, by night."""

BY_NIGHT = pytest.mark.skipif(TIMES == 1, reason="takes long: make nightly does it")
CASES = sorted(BARS)


def quantized(name: str, precision: str) -> tuple[sightline.Model, list[Array]]:
    net = sightline.read(NETWORKS[name])
    rng = np.random.default_rng(0)
    shape = net.graph.inputs[0].type.shape
    seen = [rng.uniform(-1, 1, shape).astype(np.float32) for _ in range(4)]
    return sightline.quantize(net, seen, precision), seen


@pytest.mark.parametrize(
    ("name", "precision"),
    [pytest.param(*c, marks=BY_NIGHT if c[0] == "extractor" else ()) for c in CASES],
)
def test_integers_are_near_the_floats(name: str, precision: str) -> None:
    model, seen = quantized(name, precision)
    (result,) = accuracy_of(model, seen).results
    assert result.ratio.decibels >= BARS[name, precision]


@pytest.mark.parametrize(
    ("name", "precision"), [pytest.param(*c, marks=() if c in QUICK else BY_NIGHT) for c in CASES]
)
def test_the_cpu_gives_the_very_same_integers(name: str, precision: str) -> None:
    model, seen = quantized(name, precision)
    artifact = sightline.compile(model, targets=["cpu", "reference"])
    for frame in seen[:2]:
        wanted = artifact.run(frame, target="reference")
        np.testing.assert_array_equal(artifact.run(frame, target="cpu"), wanted)


def test_trained_subsampling_is_a_bank_and_what_is_shared_is_there_once() -> None:
    legal = integers_of(quantized("lenet5", "int8")[0])
    assert not any("pool" in node.op.kind for node in legal.operations)
    arrays = [node.op.value for node in legal.nodes if isinstance(node.op, Const)]
    assert len(set(arrays)) == len(arrays)


def test_the_scales_of_the_scene_network_share_all_constants() -> None:
    legal = inline_stages(integers_of(quantized("scene", "int8")[0]))
    banks = [node for node in legal.operations if node.op.kind == "integer_conv"]
    shared = Counter(node.inputs[1:] for node in banks)
    assert sum(count == 3 for count in shared.values()) >= 3
    tables = Counter(node.inputs[1] for node in legal.operations if node.op.kind == "lookup")
    assert max(tables.values()) == 3
