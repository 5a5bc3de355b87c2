"""What may be put on a growing graph: every op that computes, and patterns passes look for."""

from __future__ import annotations

import numpy as np

from sightline.ir.op import OPS
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import (
    Concat,
    Flatten,
)
from sightline.ir.ops.normalization import (
    BatchNorm,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.resize import (
    COORDINATES,
    ROUNDINGS,
    ResizeBilinear,
    ResizeNearest,
)
from sightline.ir.table import Table
from sightline.ir.types import Shape
from sightline.ir.window import Window
from tests.support.growth import Growth, step
from tests.support.growth_moves import gather_channels
from tests.support.integer_ops import MADE_BY_PASSES

# Pointwise ops, whichever there are.


@step
def unary(g: Growth, x: str) -> str | None:
    ops = [op for op in OPS.values() if issubclass(op, Pointwise) and op.arity == 1]
    return g.add(ops[g.integer(0, len(ops) - 1)](), x)


@step
def binary(g: Growth, x: str) -> str | None:
    """Two values, or a value and a constant that broadcasts to it, in either order."""
    ops = [op for op in OPS.values() if issubclass(op, Pointwise) and op.arity == 2]
    shape = g.type(x).shape
    partners = [value for value in g.values if g.type(value).shape == shape]
    if g.chance(0.5):
        y = partners[g.integer(0, len(partners) - 1)]
    else:
        kept = [size if g.chance(0.5) else 1 for size in shape]
        y = g.constant(g.normal(tuple(kept[g.integer(0, len(kept)) :])))
    operands = (x, y) if g.chance(0.5) else (y, x)
    return g.add(ops[g.integer(0, len(ops) - 1)](), *operands)


@step
def affine(g: Growth, x: str) -> str | None:
    """A sum, product or difference with one number per channel, or one for all."""
    rank = g.type(x).rank
    if rank < 2:
        return None
    channels = g.type(x).shape[1] if g.chance(0.8) else 1
    numbers = g.normal((channels, *(1,) * (rank - 2)))
    if g.chance(0.2):
        numbers = np.full_like(numbers, g.integer(0, 1))
    operands = (x, g.constant(numbers)) if g.chance(0.5) else (g.constant(numbers), x)
    return g.add((Add(), Sub(), Mul())[g.integer(0, 2)], *operands)


@step
def batch_norm(g: Growth, x: str) -> str | None:
    if g.type(x).rank < 2:
        return None
    channels = g.type(x).shape[1]
    vectors = [g.normal((channels,)) for _ in range(3)]
    vectors.append(g.rng.uniform(0.2, 2, channels).astype(np.float32))
    return g.add(BatchNorm(), x, *map(g.constant, vectors))


@step
def computed_constant(g: Growth, x: str) -> str | None:
    """What is computed from constants alone, added to a value."""
    shape = g.type(x).shape[-1:]
    bias = g.add(Mul(), g.constant(g.normal(shape)), g.constant(g.normal(shape)))
    return None if bias is None else g.add(Add(), x, bias)


# Filter banks.


def random_table(g: Growth, channels: int) -> Table:
    maps = g.integer(1, 6)
    match g.integer(0, 4):
        case 0 | 1:
            return Table.dense(channels, maps)
        case 2:
            return Table.grouped(channels, channels * g.integer(1, 2), channels)
    block = g.integer(1, maps)
    inputs = [
        tuple(g.rng.permutation(channels)[: g.integer(1, channels)].tolist())
        for _ in range(-(-maps // block))
    ]
    return Table(channels, maps, block, tuple(inputs))


def random_window(g: Growth, kernel: Shape) -> Window:
    pads = tuple(g.integer(0, 1) for _ in range(4)) if g.chance(0.5) else ()
    if g.chance(0.6):
        return Window(kernel, pads=pads)
    return Window(kernel, (g.integer(1, 2), g.integer(1, 2)), pads, (g.integer(1, 2), 1))


def add_conv(g: Growth, x: str, window: Window, table: Table) -> str | None:
    weights = g.normal((table.pairs, *window.kernel)) / np.sqrt(table.channels * window.taps)
    operands = [x, g.constant(weights)]
    if g.chance(0.6):
        operands.append(g.constant(g.normal((table.maps,))))
    return g.add(Conv(window, table), *operands)


@step
def conv(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    kernel = (g.integer(1, 3), g.integer(1, 3))
    return add_conv(g, x, random_window(g, kernel), random_table(g, g.type(x).shape[1]))


@step
def conv_1x1(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    return add_conv(g, x, Window((1, 1)), random_table(g, g.type(x).shape[1]))


@step
def concat_of_convs(g: Growth, x: str) -> str | None:
    """Banks that read the same value, or gathers of it, side by side."""
    if not g.is_maps(x):
        return None
    window = random_window(g, (g.integer(1, 2), 1))
    parts = []
    for _ in range(g.integer(1, 3)):
        source = gather_channels(g, x) if g.chance(0.5) else x
        part = add_conv(g, source, window, random_table(g, g.type(source).shape[1]))
        if part is None:
            return None
        parts.append(part)
    return g.add(Concat(), *parts)


@step
def linear(g: Growth, x: str) -> str | None:
    """On features, or on maps flattened."""
    if g.is_maps(x):
        x = g.add(Flatten(), x) or x
    if g.type(x).rank != 2:
        return None
    features, outputs = g.type(x).shape[1], g.integer(1, 6)
    operands = [x, g.constant(g.normal((outputs, features)) / np.sqrt(features))]
    if g.chance(0.6):
        operands.append(g.constant(g.normal((outputs,))))
    return g.add(Linear(), *operands)


# Poolings, normalizations, resizing: what keeps maps maps.


@step
def pooling(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    window = random_window(g, (g.integer(1, 3), g.integer(1, 3)))
    pools = (
        MaxPool(window),
        SumPool(window),
        AveragePool(window),
        AveragePool(window, window.pads),
        LPPool(window, float(g.integer(1, 3))),
    )
    return g.add(pools[g.integer(0, len(pools) - 1)], x)


@step
def max_pool(g: Growth, x: str) -> str | None:
    return g.add(MaxPool(Window((2, 2), strides=(2, 2))), x) if g.is_maps(x) else None


@step
def global_pool(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    return g.add((GlobalMaxPool(), GlobalAveragePool())[g.integer(0, 1)], x)


@step
def local_norm(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    size = (g.integer(0, 1) * 2 + 1, g.integer(0, 2) * 2 + 1)
    norms = (SubtractiveNorm(size), DivisiveNorm(size, 0.1), LocalNorm(size, 0.1))
    return g.add(norms[g.integer(0, 2)], x)


@step
def torch_norm(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    kernel = g.constant(g.rng.uniform(0.2, 1, (3, 3)))
    return g.add((TorchSubtractiveNorm(), TorchDivisiveNorm(0.1))[g.integer(0, 1)], x, kernel)


@step
def upsample(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    rows, columns = g.type(x).spatial
    return g.add(ResizeNearest((rows * g.integer(1, 3), columns * g.integer(1, 3))), x)


@step
def resize(g: Growth, x: str) -> str | None:
    if not g.is_maps(x):
        return None
    size, coordinates = (g.integer(1, 9), g.integer(1, 9)), str(g.rng.choice(COORDINATES))
    if g.chance(0.5):
        return g.add(ResizeBilinear(size, coordinates), x)
    return g.add(ResizeNearest(size, coordinates, str(g.rng.choice(ROUNDINGS))), x)


@step
def pyramid(g: Growth, x: str) -> str | None:
    """The next coarser scale, or the band that it does not hold."""
    if not g.is_maps(x):
        return None
    down = g.add(PyramidDown(), x)
    if down is None or g.chance(0.5):
        return down
    up = g.add(PyramidUp(g.type(x).spatial), down)
    return None if up is None else g.add(Sub(), x, up)


# Ends, and whatever else there is.


@step
def softmax(g: Growth, x: str) -> str | None:
    rank = g.type(x).rank
    return g.add(Softmax(1 if rank > 1 else g.integer(-rank, rank - 1)), x)


@step
def argmax(g: Growth, x: str) -> str | None:
    """Labels, which are an output and nothing else."""
    rank = g.type(x).rank
    return g.add(ArgMax(g.integer(-rank, rank - 1)), x)


@step
def sample(g: Growth, x: str) -> str | None:
    """Any op on floats at all, as it samples itself, on inputs of its own."""
    ops = [op for kind, op in OPS.items() if kind not in MADE_BY_PASSES]
    drawn = ops[g.integer(0, len(ops) - 1)].sample(g.rng)
    data = [g.input(array) for array in drawn.data]
    return g.add(drawn.op, *data, *map(g.constant, drawn.weights))
