"""What cannot be integers is the user's to know: the op, its place, and what to do instead."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.normalization import LocalNorm, TorchDivisiveNorm, TorchSubtractiveNorm
from sightline.ir.ops.pooling import LPPool
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from sightline.passes.legalize import legalize

INT8 = Encoding(8, 0.1)
WINDOW = Window((1, 1))


def quantized_input(builder: GraphBuilder, name: str = "x") -> str:
    x = builder.input(name, TensorType((1, 1, 4, 4)))
    return builder.add(Dequantize(INT8), builder.add(Quantize(INT8), x))


def refuses(builder: GraphBuilder, op: Op, *operands: str, message: str) -> None:
    value = builder.add(op, *operands, name="culprit", where="net.py:7")
    builder.output(builder.add(Quantize(INT8), value), "y")
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        legalize(builder.finish())
    assert "'culprit'" in str(caught.value)
    assert "net.py:7" in str(caught.value)
    assert "Keep it in float" in str(caught.value)


@pytest.mark.parametrize(("p", "bits"), [(16.0, 114), (8.5, 68), (1e6, 7000002)])
def test_powers_whose_sums_would_be_too_wide(p: float, bits: int) -> None:
    builder = GraphBuilder("g")
    x = quantized_input(builder)
    message = f"sums of its powers of {p:g} would need {bits} bits, and 62 are the most"
    refuses(builder, LPPool(WINDOW, p), x, message=message)


def test_squares_that_cannot_be_rounded() -> None:
    builder = GraphBuilder("g")
    int16 = Encoding(16, 1e-4)
    x = builder.add(Quantize(int16), builder.input("x", TensorType((1, 1, 20, 20))))
    message = "its sums of squares have 48 bits, and 47 are the most"
    refuses(builder, LocalNorm((17, 17)), builder.add(Dequantize(int16), x), message=message)


FLAT = np.ones((3, 3), np.float32)
LEFT = np.array([[1, 0, 0, 0, 0]], np.float32)
RING = np.pad(np.zeros((1, 1), np.float32), 1, constant_values=1)


@pytest.mark.parametrize(
    ("op", "kernel", "message"),
    [
        (TorchSubtractiveNorm(), 0 * FLAT, "its kernel is 0, or not finite"),
        (TorchSubtractiveNorm(), np.inf * FLAT, "its kernel is 0, or not finite"),
        (TorchSubtractiveNorm(), -FLAT, "its kernel does not add up to something at every"),
        (TorchSubtractiveNorm(), LEFT, "its kernel does not add up to something at every"),
        (TorchDivisiveNorm(), RING, "its kernel has numbers below 0, or next to nothing at"),
        (TorchDivisiveNorm(), 3 * FLAT - 4 * np.eye(3), "its kernel has numbers below 0"),
    ],
)
def test_kernels_without_integers(op: Op, kernel: Array, message: str) -> None:
    builder = GraphBuilder("g")
    x = quantized_input(builder)
    weights = builder.constant(kernel.astype(np.float32), "kernel")
    refuses(builder, op, x, weights, message=message)


def test_a_kernel_that_is_computed() -> None:
    builder = GraphBuilder("g")
    x, kernel = quantized_input(builder), builder.input("kernel", TensorType((3, 3)))
    refuses(builder, TorchSubtractiveNorm(), x, kernel, message="its kernel is computed")


def stays(builder: GraphBuilder, op: Op, *operands: str) -> None:
    value = builder.add(op, *operands, name="real")
    builder.output(builder.add(Quantize(INT8), value), "y")
    graph = builder.finish()
    assert [node.op for node in legalize(graph).operations] == [n.op for n in graph.operations]


def test_an_operand_that_is_not_quantized() -> None:
    builder = GraphBuilder("g")
    x, other = quantized_input(builder), builder.input("other", TensorType((1, 1, 4, 4)))
    stays(builder, Add(), x, other)


def test_weights_that_are_not_quantized() -> None:
    builder = GraphBuilder("g")
    weights = np.ones((1, 1, 1), np.float32)
    operands = quantized_input(builder), builder.constant(weights, "w")
    stays(builder, Conv(WINDOW, Table.dense(1, 1)), *operands)


@pytest.mark.parametrize("bits", [46.5, 60.0])
def test_sums_that_would_leave_the_accumulator(bits: float) -> None:
    """A multiplier of 17 bits on such a sum would pass 64 bits, and give wrong pixels."""
    builder = GraphBuilder("g")
    weights = builder.add(
        ScaledWeights(),
        builder.constant(np.full((1, 1, 1), 127, np.int8), "w"),
        builder.constant(np.array([1.0], np.float32), "scales"),
    )
    bias = builder.constant(np.array([2**bits * INT8.scale], np.float32), "bias")
    bank = Conv(WINDOW, Table.dense(1, 1))
    message = "48 bits, and 47 are the most" if bits < 47 else "its bias is too large"
    refuses(builder, bank, quantized_input(builder), weights, bias, message=message)


@pytest.mark.parametrize("op", [Quantize, Dequantize])
def test_more_bits_than_single_precision_has(op: type[Quantize] | type[Dequantize]) -> None:
    element = Encoding(25, 0.1)
    builder = GraphBuilder("g")
    shape = TensorType((2,)) if op is Quantize else TensorType((2,), element.element)
    with pytest.raises(UserError, match="integers of at most 24 bits, not 25"):
        builder.add(op(element), builder.input("x", shape))
