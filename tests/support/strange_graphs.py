"""Graphs with strange names and values in them, for what must hold of all graphs as text."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.graph import Graph
from sightline.ir.op import OPS
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Gather
from sightline.ir.table import Table
from sightline.ir.types import FLOAT32, Array, Element, Int, Quant, Shape, TensorType
from sightline.ir.window import Window

LENET_C3 = Table(
    6,
    16,
    1,
    (
        *(tuple((n + k) % 6 for k in range(3)) for n in range(6)),
        *(tuple((n + k) % 6 for k in range(4)) for n in range(6)),
        *(tuple((n + k) % 6 for k in (0, 1, 3, 4)) for n in range(3)),
        tuple(range(6)),
    ),
)
"""Which of six maps each of LeNet-5's sixteen sees: three neighbours, four, four spread, all."""

KEYWORDS = ("graph", "return", "in", "input", "const", "true", "None", "quant", "f32", "conv")

names = st.one_of(
    st.sampled_from(KEYWORDS),
    st.from_regex(r"[\w./]{1,12}", fullmatch=True),
    st.text('ab "\\/=,:[]()@+-\n\t0', min_size=1, max_size=8),
    st.text(min_size=1, max_size=8),
)
"""Names as users give them: keywords, paths, quotes, line ends, any script."""

integers = st.builds(Int, st.integers(1, 64), st.booleans())


@st.composite
def quantized(draw: st.DrawFn) -> Quant:
    storage = draw(integers)
    scale = draw(st.floats(0, exclude_min=True, allow_nan=False, allow_infinity=False))
    return Quant(storage, scale, draw(st.integers(storage.low, storage.high)))


elements: st.SearchStrategy[Element] = st.one_of(st.just(FLOAT32), integers, quantized())
shapes: st.SearchStrategy[Shape] = hnp.array_shapes(min_dims=0, max_dims=4, max_side=4)
types = st.builds(TensorType, shapes, elements)


def arrays(type_: TensorType) -> st.SearchStrategy[Array]:
    """Arrays of a type: extremes of integers; zeros of both signs, denormals, nan and infinity."""
    if type_.element == FLOAT32:
        return hnp.arrays(np.float32, type_.shape, elements=st.floats(width=32))
    storage = type_.element.storage if isinstance(type_.element, Quant) else type_.element
    assert isinstance(storage, Int)
    numbers = st.integers(storage.low, storage.high) | st.sampled_from((storage.low, storage.high))
    return hnp.arrays(storage.dtype, type_.shape, elements=numbers)


@st.composite
def constants(draw: st.DrawFn) -> Constant:
    type_ = draw(types)
    return Constant(draw(arrays(type_)), type_.element)


@st.composite
def tables(draw: st.DrawFn, channels: int | None = None) -> Table:
    """Dense, grouped, depthwise, and ragged in blocks of any size."""
    if channels is None:
        channels = draw(st.integers(1, 12))
    if draw(st.booleans()):
        groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
        return Table.grouped(channels, groups * draw(st.integers(1, 4)), groups)
    maps, block = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    seen = st.lists(st.integers(0, channels - 1), min_size=1, max_size=channels, unique=True)
    rows = [tuple(draw(seen)) for _ in range(-(-maps // block))]
    return Table(channels, maps, block, tuple(rows))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Inputs, constants, ops of every kind and long lists of numbers, under any names."""
    builder = GraphBuilder(draw(names | st.just("")))
    values = [builder.input(draw(names), draw(types)) for _ in range(draw(st.integers(1, 2)))]
    for _ in range(draw(st.integers(0, 3))):
        values.append(builder.constant(draw(constants()), draw(names), draw(names | st.just(""))))
    for _ in range(draw(st.integers(0, 3))):
        values.append(_add_sample(draw, builder))
    if draw(st.booleans()):
        values.append(_add_bank(draw, builder))
    if draw(st.booleans()):
        values.append(_add_gather(draw, builder))
    labels = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    for label in labels:
        builder.output(draw(st.sampled_from(values)), label)
    return builder.finish()


def _add_sample(draw: st.DrawFn, builder: GraphBuilder) -> str:
    cls = OPS[draw(st.sampled_from(sorted(OPS)))]
    sample = cls.sample(np.random.default_rng(draw(st.integers(0, 1000))))
    operands = [builder.input(draw(names), type_) for type_ in sample.types[: len(sample.data)]]
    operands += [builder.constant(array, draw(names)) for array in sample.weights]
    return builder.add(sample.op, *operands, name=draw(names), instance=draw(names), where="f:1")


def _add_bank(draw: st.DrawFn, builder: GraphBuilder) -> str:
    """A filter bank whose table may be too long to stand in the text."""
    table = draw(tables(channels=draw(st.sampled_from([3, 12, 40]))))
    x = builder.input(draw(names), TensorType((1, table.channels, 3, 3)))
    weights = builder.constant(np.ones((table.pairs, 2, 2), np.float32), draw(names))
    return builder.add(Conv(Window((2, 2)), table), x, weights, name=draw(names))


def _add_gather(draw: st.DrawFn, builder: GraphBuilder) -> str:
    indices = draw(st.lists(st.integers(0, 9), min_size=1, max_size=100))
    x = builder.input(draw(names), TensorType((2, 10)))
    return builder.add(Gather(1, tuple(indices)), x, name=draw(names))
