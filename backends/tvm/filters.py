"""Filter banks and fully connected layers as tensor expressions.

Which of the forms computes a bank is decided here, by its table and by where its operands lie:
`lanes_of_maps` if whole vectors of maps see the same, `depthwise` if each sees its own, and
`lanes_of_pixels`, which takes any table. On a GPU all are `gpu.bank`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType

from tvm import te, tirx

from sightline.backends.tvm import depthwise, lanes_of_maps, lanes_of_pixels, winograd
from sightline.backends.tvm.build import (
    EACH,
    Build,
    Expr,
    Tensor,
    bits_of,
    cast,
    dtype_of,
    shape_of,
)
from sightline.backends.tvm.dot_products import SHORT, fitting
from sightline.backends.tvm.gpu import bank as gpu_bank
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.types import Int, Shape
from sightline.ir.window import Window


def conv(op: Conv, build: Build, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    if sees_all(op, shape_of(x)):
        return _as_linear(op, build, x, weights, bias)
    return _bank(op, build, x, weights, bias, ("float32", "float32"), 0.0)


def integer_conv(
    op: IntegerConv, build: Build, x: Tensor, weights: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Sums of 32 bits where they fit, else of 64."""
    wide = "int32" if op.bits <= 32 else "int64"
    short = all(dtype_of(tensor) in SHORT for tensor in (x, weights))
    types = ("int32" if short else wide, wide)
    sums = _bank(op, build, x, weights, bias, types, tirx.const(op.fill, dtype_of(x)))
    narrow = Int(op.bits).dtype.name
    return sums if narrow == wide else cast(sums, narrow)


def sees_all(op: Conv | IntegerConv, shape: Shape) -> bool:
    """Whether every output sees the whole input, in order: then it is a fully connected layer."""
    kernel = op.window.kernel
    return op.table.groups == 1 and kernel == shape[2:] and op.window == Window(kernel)


def _bank(
    op: Conv | IntegerConv,
    build: Build,
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """The filter bank; `types` are those of products and of sums, `fill` is in its padding."""
    form = _form(op, build, x, weights)
    if form is gpu_bank:
        sums = gpu_bank.bank(op, build, x, weights, types, fill)
    elif form is lanes_of_maps:
        sums = lanes_of_maps.bank(op, build, x, weights, types[1], fill)
    elif form is winograd:
        sums = winograd.bank(op, build, x, weights, types[1], fill)
    elif form is depthwise:
        sums = depthwise.bank(op, build, x, weights, types, fill)
    elif op.window == Window((1,) * op.window.rank) and build.pooled == (1, 1):
        sums = _on_a_line(op, build, x, weights, types, fill)
    else:
        sums = lanes_of_pixels.bank(op, build, x, weights, types, fill)
    if bias is None:
        return sums
    wide = types[1]
    return te.compute(
        sums.shape, lambda n, o, *at: sums(n, o, *at) + bias(o).astype(wide), "biased", attrs=EACH
    )


def _form(op: Conv | IntegerConv, build: Build, x: Tensor, weights: Tensor) -> ModuleType:
    """Which of the forms; `layout_choice` asks the same before there are tensors."""
    if build.machine.is_gpu:
        return gpu_bank
    constant = build.read_as(weights)
    if constant is None or not constant.is_constant:
        return lanes_of_pixels
    if lanes_of_maps.takes(op, dtype_of(x), dtype_of(weights), build.machine):
        dot = fitting(op, build.machine.dots, dtype_of(x), dtype_of(weights))
        # Bytes are multiplied faster than their mixtures, which are wider.
        is_direct = build.choice.is_direct or (dot is not None and dot.pixels == "uint8")
        is_mixed = not is_direct and winograd.takes(
            op, shape_of(x), build.pooled, (bits_of(x), bits_of(weights))
        )
        return winograd if is_mixed else lanes_of_maps
    operand = build.read_as(x)
    is_blocked = operand is not None and operand.layout.lanes > 0
    if depthwise.takes(op) and is_blocked and build.pooled == (1, 1):
        return depthwise
    return lanes_of_pixels


def _on_a_line(
    op: Conv | IntegerConv,
    build: Build,
    x: Tensor,
    weights: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """Filters of one pixel see a line of pixels: so no vector ends with a row."""
    batch, channels, *spatial = shape_of(x)
    line = build.reshaped(x, (batch, channels, math.prod(spatial)))
    taps = build.reshaped(weights, (op.table.pairs, 1))
    build.merged = op.window.rank
    return lanes_of_pixels.bank(replace(op, window=Window((1,))), build, line, taps, types, fill)


def _as_linear(op: Conv, build: Build, x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    batch, *axes = shape_of(x)
    features = math.prod(axes)
    rows = build.reshaped(x, (batch, features))
    matrix = build.reshaped(weights, (op.table.maps, features))
    result = linear(Linear(), build, rows, matrix, bias)
    shape = (batch, op.table.maps, *(1 for _ in op.window.kernel))
    return te.compute(shape, lambda n, o, *_: result(n, o), "layer", attrs=EACH)


def linear(
    op: Linear, build: Build, x: Tensor, weights: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Products are summed in a few vectors side by side, and then across their lanes."""
    batch, features = shape_of(x)
    outputs = shape_of(weights)[0]
    lanes = min(4 * build.machine.lanes, 1 << (features - 1).bit_length())
    step = te.reduce_axis((0, -(-features // lanes)), "step")
    lane = te.reduce_axis((0, lanes), "lane")

    def term(n: Expr, o: Expr, lane: Expr) -> Expr:
        feature = step * lanes + lane
        product = x(n, feature) * weights(o, feature)
        if features % lanes:
            product = tirx.if_then_else(feature < features, product, 0.0)
        return te.sum(product, axis=step)

    partial = te.compute((batch, outputs, lanes), term, "partial")
    total = te.compute((batch, outputs), lambda n, o: te.sum(partial(n, o, lane), axis=lane), "sum")
    if bias is None:
        return total
    return te.compute((batch, outputs), lambda n, o: total(n, o) + bias(o), "biased", attrs=EACH)
