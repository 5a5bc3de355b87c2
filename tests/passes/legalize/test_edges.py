"""A filter bank at the end of a network is integers up to its sums, if floats hold them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.reference import run
from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights
from sightline.ir.table import Table
from sightline.ir.types import Int, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from sightline.passes.legalize import legalize
from tests.support.examples import examples

SHAPE = (1, 4, 6, 6)


def ending(encoding: Encoding, weight_bits: int, seed: int, *, tanh: bool = False) -> Graph:
    """Quantized maps through a bank of three maps that nobody rounds."""
    rng = np.random.default_rng(seed)
    builder = GraphBuilder("end")
    x = builder.input("x", TensorType(SHAPE))
    real = builder.add(Dequantize(encoding), builder.add(Quantize(encoding), x))
    element = Int(weight_bits)
    integers = rng.integers(-element.high, element.high + 1, (12, 3, 3)).astype(element.dtype)
    scales = rng.uniform(0.001, 0.1, 3).astype(np.float32).repeat(4)
    weights = builder.add(
        ScaledWeights(),
        builder.constant(Constant(integers, element), "w"),
        builder.constant(scales, "scales"),
    )
    bias = builder.constant(rng.normal(0, 10, 3).astype(np.float32), "bias")
    op = Conv(Window((3, 3), pads=(1, 1, 1, 1)), Table.dense(4, 3))
    y = builder.add(op, real, weights, bias, name="end")
    builder.output(builder.add(Tanh(), y) if tanh else y, "y")
    return builder.finish()


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph.operations]


@examples(30)
@given(st.integers(-128, 127), st.integers(0, 99), st.booleans())
def test_sums_stand_for_what_they_did(zero_point: int, seed: int, tanh: bool) -> None:
    graph = ending(Encoding(8, 0.05, zero_point), 8, seed, tanh=tanh)
    legal = legalize(graph)
    verify(legal)
    wanted = ["quantize", "integer_conv", "dequantize", "mul"] + ["tanh"] * tanh
    assert kinds(legal) == wanted
    x = np.random.default_rng(seed).normal(0, 3, SHAPE).astype(np.float32)
    before, after = run(graph, x=x)["y"], run(legal, x=x)["y"]
    # The bias is whole in steps of the sums, of at most 0.05 * 0.1.
    np.testing.assert_allclose(after, before, atol=0.05 * 0.1 / 2 + 1e-3)


def test_wider_sums_than_floats_hold_stay_in_float() -> None:
    legal = legalize(ending(Encoding(16, 0.001), 16, 0))
    assert "integer_conv" not in kinds(legal)
