"""Small networks of filter banks, to be quantized: what a test says of them, and no more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sightline.accuracy import Accuracy, measure, require_original
from sightline.frontend.model import Model
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from sightline.passes import pipeline

SHAPE = (1, 2, 8, 8)


def weights(seed: int = 0) -> Array:
    """Of the first bank of `two_banks`: sums of standard normal pixels have deviation 1."""
    normal = np.random.default_rng(seed).standard_normal((6, 3, 3))
    return np.asarray(normal / np.sqrt(18), np.float32)


def two_banks(first: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Graph:
    """`bank` of 3x3 filters to three maps, `act`, a tanh, and `last`, which mixes them to two."""
    builder = GraphBuilder("net")
    operands = [builder.input("x", TensorType(SHAPE))]
    operands.append(builder.constant(np.asarray(first, np.float32), "bank.weight"))
    if bias is not None:
        operands.append(builder.constant(np.asarray(bias, np.float32), "bank.bias"))
    y = builder.add(Conv(Window((3, 3)), Table.dense(2, 3)), *operands, name="bank")
    y = builder.add(Tanh(), y, name="act")
    mix = np.random.default_rng(5).standard_normal((6, 1, 1)).astype(np.float32)
    mixed = Conv(Window((1, 1)), Table.dense(3, 2))
    y = builder.add(mixed, y, builder.constant(mix, "last.weight"), name="last")
    builder.output(y, "y")
    return builder.finish()


def frames(count: int = 3, scale: float = 1.0) -> list[Array]:
    """Pictures of normal pixels for `two_banks`."""
    rng = np.random.default_rng(1)
    return [(scale * rng.standard_normal(SHAPE)).astype(np.float32) for _ in range(count)]


def integers_of(model: Model) -> Graph:
    """A quantized model, made of integers."""
    return pipeline.run(model.graph, passes=pipeline.passes_for(model.graph))


def accuracy_of(model: Model, seen: list[Array]) -> Accuracy:
    """A quantized model against the float one that it was made of."""
    (x,) = model.graph.inputs
    original = require_original(model)
    return measure(original, integers_of(model), [{x.name: frame} for frame in seen])


def ratio_of(model: Model, seen: list[Array]) -> float:
    """Of the signal of its only output to its noise, in decibels."""
    (result,) = accuracy_of(model, seen).results
    return result.ratio.decibels
