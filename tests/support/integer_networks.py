"""Networks of integers, grown op by op: floats between roundings, then legalized."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Concat
from sightline.ir.ops.normalization import DivisiveNorm, LocalNorm
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.ops.pooling import AveragePool, GlobalMaxPool, LPPool, MaxPool
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.quantization import Dequantize, Quantize, ScaledWeights
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from sightline.passes.bank import pair_maps
from sightline.passes.legalize import legalize

SHAPE = (1, 4, 12, 12)


class IntegerNetwork:
    """A graph whose values are computed on the way, so that each is rounded to what it needs."""

    def __init__(self, seed: int, shape: tuple[int, ...] = SHAPE) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = GraphBuilder("net")
        x = self.builder.input("x", TensorType(shape))
        self.reals: dict[str, Array] = {x: self.rng.standard_normal(shape).astype(np.float32)}
        self.inputs = dict(self.reals)
        self.first = self.rounded(x)

    def add(self, op: Op, *values: str, name: str = "") -> str:
        value = self.builder.add(op, *values, name=name)
        self.reals[value] = op.evaluate(*(self.reals[each] for each in values))
        return value

    def constant(self, array: Array, name: str) -> str:
        value = self.builder.constant(array, name)
        self.reals[value] = array
        return value

    def rounded(self, value: str, bits: int = 8, to: Encoding | None = None) -> str:
        """The real value of integers that fill their range."""
        largest = float(np.abs(self.reals[value]).max())
        to = to or Encoding(bits, max(largest, 1e-3) / ((1 << (bits - 1)) - 1))
        return self.add(Dequantize(to), self.add(Quantize(to), value))

    def bank(self, x: str, table: Table, weights: Array | None = None, taps: int = 3) -> str:
        """A filter bank with a bias; weights in integers [pairs, taps, taps]."""
        if weights is None:
            weights = self.rng.integers(-9, 10, (table.pairs, taps, taps)).astype(np.int8)
        half = weights.shape[-1] // 2
        window = Window(weights.shape[1:], pads=(half,) * 4)
        scales = self.rng.uniform(0.01, 0.1, table.maps).astype(np.float32)[pair_maps(table)]
        operands = (self.constant(weights, "w"), self.constant(scales, "w.scales"))
        real = self.add(ScaledWeights(), *operands)
        bias = self.constant(self.rng.standard_normal(table.maps).astype(np.float32), "b")
        return self.add(Conv(window, table), x, real, bias, name="bank")

    def integers(self, value: str) -> str:
        """The quantized value that a real one is made of."""
        [quantized] = self.builder[value].inputs
        return quantized

    def moved(self, op: Op, *values: str) -> str:
        """An op on the integers of values, which are of one encoding."""
        dequantize = self.builder[values[0]].op
        return self.add(dequantize, self.add(op, *map(self.integers, values)))

    def maps(self, value: str) -> int:
        return self.builder[value].type.shape[1]

    def finish(self, *values: str) -> Graph:
        for number, value in enumerate(values):
            self.builder.output(value, f"y{number}")
        return legalize(self.builder.finish())


def joined(net: IntegerNetwork, x: str) -> str:
    to = Encoding(8, float(np.abs(net.reals[x]).max()) / 100 + 1e-3)
    return net.moved(Concat(1), net.rounded(x, to=to), net.rounded(net.first, to=to))


def residual(net: IntegerNetwork, x: str) -> str:
    table = Table.dense(net.maps(x), net.maps(x))
    other = net.rounded(net.add(Relu(), net.bank(x, table)))
    return net.rounded(net.add(Add(), x, other))


def squashed(net: IntegerNetwork, x: str) -> str:
    """A bank, pooled, whose rounded sums are an index into tanh."""
    y = net.add(MaxPool(Window((2, 2), (1, 1))), net.rounded(net.bank(x, ragged(net, x)), 10))
    return net.rounded(net.add(Tanh(), net.rounded(y, 10)))


def ragged(net: IntegerNetwork, x: str) -> Table:
    """A table of up to six maps that each see one to three of their own."""
    channels, maps = net.maps(x), int(net.rng.integers(1, 7))
    rows = (
        net.rng.choice(channels, min(channels, int(net.rng.integers(1, 4))), replace=False)
        for _ in range(maps)
    )
    return Table(channels, maps, 1, tuple(tuple(sorted(map(int, row))) for row in rows))


def sparse(net: IntegerNetwork, x: str) -> str:
    """A dense bank whose planes are often zero, in patterns that come again."""
    table = Table.dense(net.maps(x), int(net.rng.integers(2, 9)))
    patterns = net.rng.random((2, table.channels)) < 0.6
    planes = patterns[net.rng.integers(2, size=table.maps)].reshape(-1, 1, 1)
    weights = net.rng.integers(-9, 10, (table.pairs, 3, 3)) * planes
    return net.rounded(net.add(Relu(), net.bank(x, table, weights.astype(np.int8))))


Step = Callable[[IntegerNetwork, str], str]

STEPS: dict[str, Step] = {
    "bank": lambda net, x: net.rounded(net.bank(x, ragged(net, x))),
    "dense": lambda net, x: net.rounded(net.bank(x, Table.dense(net.maps(x), 3))),
    "sparse": sparse,
    "squashed": squashed,
    "joined": joined,
    "residual": residual,
    "local": lambda net, x: net.rounded(net.add(LocalNorm((3, 3), 0.05), x)),
    "divisive": lambda net, x: net.rounded(net.add(DivisiveNorm((3, 5), 0.05), x)),
    "l2": lambda net, x: net.rounded(net.add(LPPool(Window((2, 2), pads=(0, 0, 1, 1)), 2.0), x)),
    "l3": lambda net, x: net.rounded(net.add(LPPool(Window((2, 2), pads=(0, 0, 1, 1)), 3.0), x)),
    "average": lambda net, x: net.rounded(net.add(AveragePool(Window((3, 3), pads=(1,) * 4)), x)),
    "largest": lambda net, x: net.moved(MaxPool(Window((3, 3), pads=(1,) * 4)), x),
    "down and up": lambda net, x: net.rounded(
        net.add(PyramidUp(SHAPE[2:]), net.rounded(net.add(PyramidDown(), x)))
    ),
    "nearest": lambda net, x: net.moved(ResizeNearest(SHAPE[2:]), x),
    "bilinear": lambda net, x: net.rounded(net.add(ResizeBilinear(SHAPE[2:]), x)),
    "twice": lambda net, x: net.rounded(net.rounded(x, 16)),
    "tanh": lambda net, x: net.rounded(net.add(Tanh(), x)),
    "top": lambda net, x: net.moved(ResizeNearest(SHAPE[2:]), net.moved(GlobalMaxPool(), x)),
}
"""What grows on a value, and keeps maps of SHAPE: of another number, perhaps."""


@st.composite
def integer_networks(
    draw: st.DrawFn, steps: tuple[str, ...] = tuple(STEPS), most: int = 6
) -> IntegerNetwork:
    """Networks of some steps, each on the last value or on one before it; their outputs too."""
    net = IntegerNetwork(draw(st.integers(0, 2**32 - 1)))
    values = [net.first]
    for name in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=most)):
        x = values[-1 - draw(st.sampled_from((0, 0, 0, 1, 2))) % len(values)]
        if net.builder[x].type.shape[2:] != SHAPE[2:]:
            x = net.moved(ResizeNearest(SHAPE[2:]), x)
        values.append(STEPS[name](net, x))
    ends = {values[-1], *(draw(st.sampled_from(values)) for _ in range(draw(st.integers(0, 1))))}
    for number, value in enumerate(sorted(ends)):
        net.builder.output(value, f"y{number}")
    return net
