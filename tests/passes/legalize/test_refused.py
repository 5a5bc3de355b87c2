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
from sightline.ir.ops.pooling import LPPool
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights
from sightline.ir.table import Table
from sightline.ir.types import TensorType
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


def test_a_power_without_integers() -> None:
    builder = GraphBuilder("g")
    x = quantized_input(builder)
    refuses(builder, LPPool(WINDOW, 3.0), x, message="its power is 3, and only 2 is done")


def test_an_operand_that_is_not_quantized() -> None:
    builder = GraphBuilder("g")
    x, other = quantized_input(builder), builder.input("real", TensorType((1, 1, 4, 4)))
    refuses(builder, Add(), x, other, message="its operand 'real' is not quantized")


def test_weights_that_are_not_quantized() -> None:
    builder = GraphBuilder("g")
    weights = np.ones((1, 1, 1), np.float32)
    operands = quantized_input(builder), builder.constant(weights, "w")
    bank = Conv(WINDOW, Table.dense(1, 1))
    refuses(builder, bank, *operands, message="its weights are not quantized")


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
