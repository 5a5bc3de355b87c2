"""Networks of a few nodes, for tests of what is around them."""

from __future__ import annotations

import numpy as np

from sightline.frontend.model import Model, Picture
from sightline.ir.build import GraphBuilder
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Relu
from sightline.ir.ops.pooling import GlobalAveragePool
from sightline.ir.table import Table
from sightline.ir.types import TensorType
from sightline.ir.window import Window

CLASSES = ("sky", "tree", "road")


def labeler(channels: int = 3, height: int = 4, width: int = 6, seed: int = 0) -> Model:
    """Pictures to scores of three classes for each pixel, by one filter bank."""
    rng = np.random.default_rng(seed)
    builder = GraphBuilder("labeler")
    image = builder.input("image", TensorType((1, channels, height, width)))
    weights = rng.standard_normal((3 * channels, 3, 3)).astype(np.float32)
    bias = rng.standard_normal(3).astype(np.float32)
    op = Conv(Window((3, 3), pads=(1, 1, 1, 1)), Table.dense(channels, 3))
    operands = (builder.constant(weights, "bank.weight"), builder.constant(bias, "bank.bias"))
    builder.output(builder.add(op, image, *operands, name="bank"), "scores")
    colors = {1: "gray", 3: "rgb", 4: "yuvd"}[channels]
    return Model(builder.finish(), Picture(colors), CLASSES)


def two_ends() -> Model:
    """Two inputs `a` and `b`; three outputs: their `sum`, its `labels`, and a `mean` of it."""
    builder = GraphBuilder("two_ends")
    type_ = TensorType((1, 2, 3, 4))
    total = builder.add(Add(), builder.input("a", type_), builder.input("b", type_), name="add")
    total = builder.add(Relu(), total, name="relu")
    builder.output(total, "sum")
    builder.output(builder.add(ArgMax(1), total, name="argmax"), "labels")
    builder.output(builder.add(GlobalAveragePool(), total, name="pool"), "mean")
    return Model(builder.finish())
