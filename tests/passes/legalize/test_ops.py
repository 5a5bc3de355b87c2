"""Every op in integers against the same op on the same quantized values in float."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sightline.backends.reference import run
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.normalization import (
    BatchNorm,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.ops.pointwise import Clip, LeakyRelu, Pointwise, Relu, Tanh
from sightline.ir.ops.pooling import AveragePool, GlobalAveragePool, LPPool, SumPool
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights
from sightline.ir.ops.resize import ResizeBilinear
from sightline.ir.table import Table
from sightline.ir.types import FLOAT32, Array, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from sightline.passes.legalize import LEGAL, legalize

SHAPE = (1, 4, 10, 12)
WINDOW = Window((3, 2), strides=(2, 1), pads=(1, 0, 0, 1))
CASES: dict[str, tuple[Op, int]] = {
    "sum": (SumPool(WINDOW), 1),
    "average": (AveragePool(WINDOW), 1),
    "average of padding": (AveragePool(WINDOW, WINDOW.pads), 1),
    "global average": (GlobalAveragePool(), 1),
    "l2": (LPPool(WINDOW, 2.0), 1),
    "l1": (LPPool(WINDOW, 1.0), 1),
    "l1.5": (LPPool(WINDOW, 1.5), 1),
    "l2.5": (LPPool(WINDOW, 2.5), 1),
    "l3": (LPPool(WINDOW, 3.0), 1),
    "add": (Add(), 2),
    "sub": (Sub(), 2),
    "mul": (Mul(), 2),
    "subtractive": (SubtractiveNorm((3, 5)), 1),
    "divisive": (DivisiveNorm((3, 5), 0.05), 1),
    "local": (LocalNorm((5, 5), 0.05), 1),
    "local, almost no floor": (LocalNorm((5, 5), 1e-5), 1),
    "local, all below the floor": (LocalNorm((5, 5), 1e3), 1),
    "down": (PyramidDown(), 1),
    "up": (PyramidUp((20, 23)), 1),
    "bilinear": (ResizeBilinear((7, 17)), 1),
}
ENCODINGS = {
    "int8": Encoding(8, 0.02, 0),
    "int8 and a zero point": Encoding(8, 0.013, -37),
    "uint8": Encoding(8, 0.011, 90, signed=False),
    "int16": Encoding(16, 3e-5, 0),
    "int16 and a zero point": Encoding(16, 2.7e-5, 4000),
}
each_encoding = pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)


class Quantized:
    """A graph of one op between quantized values, whose result just fills its encoding."""

    def __init__(self, encoding: Encoding, functions: tuple[Pointwise, ...] = ()) -> None:
        self.encoding, self.functions = encoding, functions
        self.builder = GraphBuilder("one")
        self.inputs: dict[str, Array] = {}
        self.rng = np.random.default_rng(1)

    def operand(self, encoding: Encoding) -> str:
        """A quantized input that takes up all the range."""
        ends = (encoding.storage.low, encoding.storage.high)
        codes = self.rng.integers(ends[0], ends[1] + 1, SHAPE) - encoding.zero_point
        name = f"x{len(self.inputs)}"
        self.inputs[name] = (codes * encoding.scale).astype(np.float32)
        value = self.builder.input(name, TensorType(SHAPE, FLOAT32))
        value = self.builder.add(Quantize(encoding), value)
        return self.builder.add(Dequantize(encoding), value)

    def finish(self, value: str) -> tuple[Graph, Encoding]:
        for function in self.functions:
            value = self.builder.add(function, value)
        self.builder.output(value, "y")
        y = run(self.builder.finish(), **self.inputs)["y"]
        scale = float(max(np.abs(y).max(), 1e-6)) / (1 << (self.encoding.bits - 1))
        to = Encoding(self.encoding.bits, 1.02 * scale)
        self.builder = rebuilt(self.builder)
        value = self.builder.add(Dequantize(to), self.builder.add(Quantize(to), value))
        self.builder.output(value, "y")
        return self.builder.finish(), to


def rebuilt(builder: GraphBuilder) -> GraphBuilder:
    """The same nodes without outputs."""
    again = GraphBuilder(builder.name)
    for node in builder.finish().nodes:
        again.keep(node, node.inputs)
    return again


def check(net: Quantized, value: str, off: int = 1, often: float = 0.3) -> Graph:
    """Integers equal the rounded float result, or are `off` steps beside it where it is near.

    Those of 16 bits may be so `often`.
    """
    graph, to = net.finish(value)
    legal = legalize(graph)
    verify(legal)
    wanted, found = (np.rint(run(each, **net.inputs)["y"] / to.scale) for each in (graph, legal))
    steps = np.abs(found - wanted)
    assert steps.max() <= off
    # A factor of 17 bits is off by up to a quarter of a step of 16 bits.
    assert (steps > 0).mean() < (0.03 if to.bits == 8 else often)
    floats = [n for n in legal.operations if n.type.element == FLOAT32]
    assert {type(n.op) for n in floats} == {Dequantize}
    return legal


@each_encoding
@pytest.mark.parametrize("name", CASES)
def test_ops_without_weights(name: str, encoding: Encoding) -> None:
    op, arity = CASES[name]
    net = Quantized(encoding)
    other = replace(encoding, scale=1.7 * encoding.scale, zero_point=encoding.zero_point // 2)
    operands = [net.operand(each) for each in (encoding, other)[:arity]]
    check(net, net.builder.add(op, *operands), off=2 if "local" in name else 1)


@each_encoding
@pytest.mark.parametrize("bias", [False, True])
def test_filter_banks(encoding: Encoding, bias: bool) -> None:
    net = Quantized(encoding)
    x = net.operand(encoding)
    table = Table(4, 6, 2, ((0, 2), (1,), (0, 1, 3)))
    bits = encoding.bits
    limit = (1 << (bits - 1)) - 1
    weights = net.rng.integers(-limit, limit + 1, (table.pairs, 3, 2)).astype(f"i{bits // 8}")
    per_map = net.rng.uniform(1e-4, 1e-2, table.maps)
    pairs = [
        m for block in table.blocks() for m in range(block.first, block.last) for _ in block.inputs
    ]
    scales = per_map[pairs].astype(np.float32)
    operands = [
        x,
        net.builder.add(
            ScaledWeights(),
            net.builder.constant(weights, "weights"),
            net.builder.constant(scales, "scales"),
        ),
    ]
    if bias:
        real = net.rng.standard_normal(table.maps).astype(np.float32)
        operands.append(net.builder.constant(real, "bias"))
    check(net, net.builder.add(Conv(WINDOW, table), *operands))


@each_encoding
@pytest.mark.parametrize("pruned", [(1, 1, 1, 1), (1, 0, 1e-20, 1e-6)])
def test_affine(encoding: Encoding, pruned: tuple[float, ...]) -> None:
    net = Quantized(encoding)
    x = net.operand(encoding)
    vectors = [net.rng.uniform(0.2, 1, 4).astype(np.float32) * sign for sign in (-1, 1, 1, 1)]
    vectors[0] *= np.array(pruned, np.float32)
    constants = [net.builder.constant(v, f"v{n}") for n, v in enumerate(vectors)]
    check(net, net.builder.add(BatchNorm(), x, *constants))


BELL = np.exp(-((np.arange(5) - 2) ** 2) / 2)
KERNELS = {
    "bell": np.outer(BELL[1:4], BELL),
    "even": np.ones((3, 3)),
    "lopsided": np.random.default_rng(2).uniform(0.2, 1, (5, 3)),
}


@each_encoding
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "op", [TorchSubtractiveNorm(), TorchDivisiveNorm(0.05), TorchDivisiveNorm(1e-4)], ids=str
)
def test_over_all_maps(op: Op, kernel: str, encoding: Encoding) -> None:
    net = Quantized(encoding)
    x = net.operand(encoding)
    weights = net.builder.constant(KERNELS[kernel].astype(np.float32), "kernel")
    check(net, net.builder.add(op, x, weights), often=0.15)


@pytest.mark.parametrize(
    ("p", "name"),
    [
        (p, name)
        for p in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5)
        for name in ENCODINGS
        if p <= 3 or "int8" in name  # sums of higher powers of 16 bits are refused
    ],
)
def test_powers_of_numbers_of_every_size(p: float, name: str) -> None:
    """Small numbers beside large ones, where powers of few bits would lose them."""
    encoding = ENCODINGS[name]
    net = Quantized(encoding)
    x = net.operand(encoding)
    net.inputs["x0"] *= 10.0 ** net.rng.uniform(-3, 0, SHAPE).astype(np.float32)
    check(net, net.builder.add(LPPool(WINDOW, p), x), often=0.2)


@pytest.mark.parametrize(
    "functions",
    [(Relu(),), (Clip(-0.3, 0.4),), (Tanh(),), (LeakyRelu(0.1), Clip(-0.1, 0.5)), (Relu(), Tanh())],
)
@each_encoding
def test_functions_of_one_number(encoding: Encoding, functions: tuple[Pointwise, ...]) -> None:
    net = Quantized(encoding, functions)
    check(net, net.operand(encoding))


def test_every_legal_op_is_tried() -> None:
    tried = {type(op) for op, _ in CASES.values()} | {Conv, BatchNorm}
    tried |= {TorchSubtractiveNorm, TorchDivisiveNorm}
    assert set(LEGAL) == tried
