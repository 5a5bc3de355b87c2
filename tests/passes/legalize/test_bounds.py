"""Declared widths hold all that can be, and those of filter banks nothing more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir import fixed
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer import Exact
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerConv, IntegerSumPool
from sightline.ir.ops.normalization import (
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.ops.pooling import AveragePool, GlobalAveragePool, LPPool, SumPool
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights, storage_of
from sightline.ir.ops.resize import ResizeBilinear
from sightline.ir.table import Table
from sightline.ir.types import FLOAT32, Array, TensorType
from sightline.ir.window import Window
from sightline.passes.bank import pair_inputs, pair_maps
from sightline.passes.legalize import legalize
from sightline.passes.legalize.banks import bounds
from sightline.passes.legalize.coded import Coded
from tests.support.examples import examples

WIDE = (Exact, IntegerSumPool, IntegerConv, IntegerBilinear)
"""Ops that declare the width of their results."""

RESULT = Encoding(16, 1.0)


class TooNarrow(AssertionError):
    """A number that lies beyond the width declared for it."""


def check_widths(graph: Graph, codes: Array) -> dict[str, tuple[int, int]]:
    """The ends of each integer value, all within what its type can hold.

    `codes` stand for the result of the first Quantize. Every op is evaluated in integers that are
    wider than it declares, since in its own a number too large might come out as a small one.
    """
    values: dict[str, Array] = {}
    ends: dict[str, tuple[int, int]] = {}
    for node in graph.nodes:
        if isinstance(node.op, Const):
            values[node.name] = node.op.value.array
        elif isinstance(node.op, Quantize):
            values[node.name] = codes.astype(node.type.element.dtype)
        elif node.inputs and node.type.element != FLOAT32:
            found = widest(node.op).evaluate(*(values[name] for name in node.inputs))
            storage = storage_of(node.type)
            ends[node.name] = low, high = int(found.min()), int(found.max())
            if not storage.low <= low <= high <= storage.high:
                raise TooNarrow(f"{node.name}: {low} to {high} in {node.type}")
            values[node.name] = found.astype(node.type.element.dtype)
    return ends


def widest(op: Op) -> Op:
    if not isinstance(op, WIDE):
        return op
    return of_width(op, 54 if isinstance(op, IntegerConv) else 63)


def of_width(op: Any, bits: int) -> Op:
    """The op declaring results of so many bits."""
    changed: Op = dataclasses.replace(op, bits=bits)
    return changed


def quantized(
    op: Op,
    encoding: Encoding,
    shape: tuple[int, ...],
    *constants: Array,
    scales: Array | None = None,
) -> Graph:
    """A legalized graph of one op on a quantized input; constants with scales are its weights."""
    builder = GraphBuilder("one")
    value = builder.add(Quantize(encoding), builder.input("x", TensorType(shape)))
    operands = [builder.add(Dequantize(encoding), value)]
    for number, constant in enumerate(constants):
        operands.append(builder.constant(constant, f"constant{number}"))
    if scales is not None:
        operands[1] = builder.add(ScaledWeights(), operands[1], builder.constant(scales, "scales"))
    builder.output(builder.add(Quantize(RESULT), builder.add(op, *operands)), "y")
    return legalize(builder.finish())


@dataclasses.dataclass(frozen=True)
class RandomBank:
    """A filter bank of one window, the encoding of its input, and its legalized graph."""

    table: Table
    weights: Array
    encoding: Encoding
    graph: Graph

    @property
    def node(self) -> Node:
        return next(node for node in self.graph.nodes if isinstance(node.op, IntegerConv))

    @property
    def bias(self) -> Array:
        """What is added to sums of the integers as they are stored."""
        name = self.node.inputs[2:]
        op = self.graph[name[0]].op if name else None
        known = op.value.array if isinstance(op, Const) else np.zeros(self.table.maps)
        return known.astype(np.int64)

    def bounds(self, bias: Array) -> tuple[int, int]:
        low, high = self.encoding.storage.low, self.encoding.storage.high
        scale = np.ones((1, 1, 1, 1))
        return bounds(self.table, self.weights, bias, Coded("x", scale, 0, low, high))

    def worst(self, sign: int) -> Iterator[Array]:
        """For each map, the input that makes its sum the largest, or the smallest."""
        storage = self.encoding.storage
        maps, inputs = pair_maps(self.table), pair_inputs(self.table)
        for number in range(self.table.maps):
            x = np.full((1, self.table.channels, *self.weights.shape[1:]), storage.low)
            for pair in np.flatnonzero(maps == number):
                up = sign * self.weights[pair].astype(np.int64) > 0
                x[0, inputs[pair]] = np.where(up, storage.high, storage.low)
            yield x


@st.composite
def encodings(draw: st.DrawFn) -> Encoding:
    bits, signed = draw(st.sampled_from([8, 16])), draw(st.booleans())
    storage = Encoding(bits, 0.01, 0, signed).storage
    zero_points = st.sampled_from([0, storage.low, storage.high]) | st.integers(
        storage.low, storage.high
    )
    return Encoding(bits, 0.01, draw(zero_points), signed)


@st.composite
def banks(draw: st.DrawFn) -> RandomBank:
    channels, blocks, block = (draw(st.integers(1, top)) for top in (5, 3, 3))
    inputs = st.sets(st.integers(0, channels - 1), min_size=1).map(lambda s: tuple(sorted(s)))
    rows = tuple(draw(inputs) for _ in range(blocks))
    table = Table(channels, blocks * block - draw(st.integers(0, block - 1)), block, rows)
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    encoding, width = draw(encodings()), draw(st.sampled_from([8, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    limit = (1 << (width - 1)) - 1
    weights = rng.integers(-limit, limit + 1, (table.pairs, *kernel)).astype(f"i{width // 8}")
    weights[rng.random(weights.shape) < 0.2] = 0
    constants = [weights]
    if draw(st.booleans()):
        largest = 10.0 ** draw(st.integers(-2, 4))
        constants.append(rng.uniform(-largest, largest, table.maps).astype(np.float32))
    scales = np.full(table.pairs, 2.0**-10, np.float32)
    shape = (1, channels, *kernel)
    graph = quantized(Conv(Window(kernel), table), encoding, shape, *constants, scales=scales)
    return RandomBank(table, weights, encoding, graph)


@examples(60)
@given(bank=banks(), seed=st.integers(0, 1 << 32))
def test_bounds_of_banks_are_reached_and_never_passed(bank: RandomBank, seed: int) -> None:
    low, high = bank.bounds(bank.bias)
    name = bank.node.name
    lowest = min(check_widths(bank.graph, x)[name][0] for x in bank.worst(-1))
    highest = max(check_widths(bank.graph, x)[name][1] for x in bank.worst(1))
    assert (lowest, highest) == (low, high)
    storage = bank.encoding.storage
    shape = (1, bank.table.channels, *bank.weights.shape[1:])
    for _ in range(5):
        x = np.random.default_rng(seed).integers(storage.low, storage.high + 1, shape)
        found = check_widths(bank.graph, x)[name]
        assert low <= found[0] <= found[1] <= high


@examples(60)
@given(bank=banks())
def test_banks_declare_the_least_width(bank: RandomBank) -> None:
    """That of their sums with the bias, and before it is added."""
    low, high = bank.bounds(bank.bias)
    without = bank.bounds(np.zeros(bank.table.maps, np.int64))
    bits = storage_of(bank.node.type).bits
    assert bits == max(2, fixed.width_of(min(low, without[0]), max(high, without[1])))
    if low <= without[0] and without[1] <= high:
        worst = [*bank.worst(-1), *bank.worst(1)]
        assert caught(narrower(bank.graph, bank.node), worst) or bits == 2


def narrower(graph: Graph, victim: Node) -> Graph:
    """The graph with one bit less declared for a node."""
    op = victim.op
    assert isinstance(op, WIDE)
    less = of_width(op, op.bits - 1)
    type_ = less.infer(*graph.input_types(victim))
    changed = dataclasses.replace(victim, op=less, type=type_)
    nodes = tuple(changed if node is victim else node for node in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes)


def caught(graph: Graph, inputs: list[Array]) -> bool:
    try:
        for codes in inputs:
            check_widths(graph, codes)
    except TooNarrow:
        return True
    return False


SHAPE = (1, 3, 9, 8)
WINDOW = Window((3, 2), strides=(2, 1), pads=(1, 0, 0, 1))
BELL = np.outer([1, 2, 1], [1, 3, 5, 3, 1]).astype(np.float32)
LOPSIDED = np.array([[0.1, -0.2, 0.1], [0.3, 1.0, 0.7], [0.2, 0.9, 0.4]], np.float32)
OPS: dict[str, tuple[Op, tuple[Array, ...]]] = {
    "sum": (SumPool(WINDOW), ()),
    "average": (AveragePool(WINDOW), ()),
    "global average": (GlobalAveragePool(), ()),
    "l1": (LPPool(WINDOW, 1.0), ()),
    "l1.5": (LPPool(WINDOW, 1.5), ()),
    "l2": (LPPool(WINDOW, 2.0), ()),
    "l3": (LPPool(WINDOW, 3.0), ()),
    "down": (PyramidDown(), ()),
    "up": (PyramidUp((18, 15)), ()),
    "bilinear": (ResizeBilinear((5, 13)), ()),
    "subtractive": (SubtractiveNorm((3, 5)), ()),
    "divisive": (DivisiveNorm((3, 5), 1e-5), ()),
    "local": (LocalNorm((5, 3), 1e-5), ()),
    "torch subtractive": (TorchSubtractiveNorm(), (LOPSIDED,)),
    "torch divisive": (TorchDivisiveNorm(1e-5), (BELL,)),
}
ENCODINGS = {
    "int8": Encoding(8, 0.02),
    "int8, all above zero": Encoding(8, 0.02, -128),
    "uint8": Encoding(8, 0.02, 200, signed=False),
    "int16": Encoding(16, 1e-4),
    "int16, most below zero": Encoding(16, 1e-4, 30000),
}


def adversaries(encoding: Encoding, seed: int) -> Iterator[Array]:
    """Inputs at the ends of the range: alike, in boards and stripes, alone, and by chance."""
    low, high, zero = encoding.storage.low, encoding.storage.high, encoding.zero_point
    rng = np.random.default_rng(seed)
    _, channel, row, column = np.indices(SHAPE)
    masks = [
        np.ones(SHAPE, bool),
        (row + column) % 2 == 0,
        row % 2 == 0,
        column % 2 == 0,
        channel % 2 == 0,
        (row + column) % 3 == 0,
        (row == 4) & (column == 4),
        (row == 0) & (column == 0),
        *(rng.random(SHAPE) < share for share in (0.02, 0.1, 0.5)),
    ]
    for mask in masks:
        for a, b in ((low, high), (high, low), (low, zero), (high, zero), (zero, zero)):
            yield np.where(mask, a, b)
        yield np.where(mask, zero, np.clip(zero + 1, low, high))


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", OPS)
def test_no_number_leaves_its_width(name: str, encoding: Encoding) -> None:
    op, constants = OPS[name]
    graph = quantized(op, encoding, SHAPE, *constants)
    for codes in adversaries(encoding, seed=3):
        check_widths(graph, codes)


@pytest.mark.parametrize("name", ["sum", "l2", "down", "bilinear"])
def test_a_width_of_one_bit_less_is_caught(name: str) -> None:
    """Such sums of equal numbers are all that the width holds, so that no bit is to spare."""
    op, constants = OPS[name]
    encoding = ENCODINGS["int8"]
    graph = quantized(op, encoding, SHAPE, *constants)
    inputs = list(adversaries(encoding, seed=3))
    wide = [node for node in graph.nodes if isinstance(node.op, WIDE)]
    assert wide
    assert not caught(graph, inputs)
    for victim in wide:
        assert caught(narrower(graph, victim), inputs), victim.name
