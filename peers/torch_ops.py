"""What each op is in PyTorch: one table, `RULES`, from an op to what makes a function of it.

A network with an op that is not in it, such as Torch7's normalization over maps, is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Node
from sightline.ir.op import Op
from sightline.ir.ops import arithmetic, classify, conv, movement, normalization, pooling, resize
from sightline.ir.ops import pointwise as pw
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.peers.torch_boxes import BOXES

Function = Callable[..., Tensor]
"""From the values of all operands to the result."""

CONVOLUTIONS: dict[int, Function] = {
    1: functional.conv1d,
    2: functional.conv2d,
    3: functional.conv3d,
}
MAX_POOLS: dict[int, Function] = {
    1: functional.max_pool1d,
    2: functional.max_pool2d,
    3: functional.max_pool3d,
}
PAD_MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}


def function_of(node: Node, operands: Sequence[Node]) -> Function:
    """What computes the node, or an error that names it."""
    rule = RULES.get(type(node.op))
    if rule is None:
        raise UserError(
            f"{node.op.kind} is not among the ops that are run by torch",
            node=node.name,
            where=node.where,
        )
    return rule(node.op, operands)


def _plain(function: Function) -> Callable[[Any, Sequence[Node]], Function]:
    """An op without attributes that is a function of PyTorch."""
    return lambda op, operands: function


def pads_of(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """(begin, end) per axis as PyTorch wants them: the last axis first."""
    return [number for pair in reversed(pairs) for number in pair]


def padding(window: Window, fill: float = 0.0) -> tuple[Sequence[int], Function]:
    """What a layer pads by itself, and what is done before it, where both ends differ."""
    begins, ends = window.pads[: window.rank], window.pads[window.rank :]
    if begins == ends:
        return begins, lambda x: x
    pads = pads_of(window.pad_pairs)
    return (0,) * window.rank, lambda x: functional.pad(x, pads, value=fill)


def constant(node: Node) -> Array:
    if not isinstance(node.op, Const):
        raise UserError(f"the weights '{node.name}' are computed, and torch is given constants")
    return node.op.value.array


def _conv(op: conv.Conv, operands: Sequence[Node]) -> Function:
    """Zeros stand for planes that a connection table leaves out."""
    table, window = op.table, op.window
    groups = table.groups or 1
    weights = constant(operands[1])
    if table.groups is None:
        weights = table.dense_weights(weights)
    shape = (table.maps, table.channels // groups, *window.kernel)
    kernels = torch.from_numpy(weights.reshape(shape).copy())
    own, before = padding(window)
    convolve = CONVOLUTIONS[window.rank]

    def run(x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
        return convolve(before(x), kernels, bias, window.strides, own, window.dilation, groups)

    return run


def _batch_norm(op: normalization.BatchNorm, operands: Sequence[Node]) -> Function:
    def run(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return functional.batch_norm(x, mean, variance, weight, bias, eps=op.epsilon)

    return run


def _max_pool(op: pooling.MaxPool, operands: Sequence[Node]) -> Function:
    window = op.window
    own, before = padding(window, -torch.inf)
    if any(2 * pad > side for pad, side in zip(own, window.kernel, strict=True)):
        pads = pads_of(window.pad_pairs)
        own, before = (0,) * window.rank, lambda x: functional.pad(x, pads, value=-torch.inf)
    pool = MAX_POOLS[window.rank]
    return lambda x: pool(before(x), window.kernel, window.strides, own, window.dilation)


def _window_sum(window: Window, channels: int) -> Function:
    """Sums over windows, as a filter bank of ones for each map."""
    ones = torch.ones((channels, 1, *window.kernel))
    own, before = padding(window)
    convolve = CONVOLUTIONS[window.rank]

    def run(x: Tensor) -> Tensor:
        kernels = ones.to(x.dtype)
        return convolve(before(x), kernels, None, window.strides, own, window.dilation, channels)

    return run


def _sum_pool(op: pooling.SumPool, operands: Sequence[Node]) -> Function:
    return _window_sum(op.window, operands[0].type.shape[1])


def _average_pool(op: pooling.AveragePool, operands: Sequence[Node]) -> Function:
    (_, channels, *spatial) = operands[0].type.shape
    window = op.window
    symmetric = window.pads[: window.rank] == window.pads[window.rank :]
    counts = op.margins == window.pads
    narrow = all(2 * pad <= side for pad, side in zip(window.pads, window.kernel * 2, strict=True))
    plain = symmetric and narrow and window.rank == 2 and max(window.dilation) == 1
    if plain and (counts or not any(op.margins)):
        pads = window.pads[: window.rank]
        kernel, strides = window.kernel, window.strides
        return lambda x: functional.avg_pool2d(x, kernel, strides, pads, count_include_pad=counts)
    divisors = torch.from_numpy(op.counts(tuple(spatial)))
    sums = _window_sum(window, channels)
    return lambda x: sums(x) / divisors


def _lp_pool(op: pooling.LPPool, operands: Sequence[Node]) -> Function:
    sums = _window_sum(op.window, operands[0].type.shape[1])
    if op.p == 2.0:
        return lambda x: sums(x.square()).sqrt()
    return lambda x: sums(x.abs() ** op.p) ** (1.0 / op.p)


def _slice(op: movement.Slice, operands: Sequence[Node]) -> Function:
    """PyTorch has no negative steps; positions are gathered along those axes."""
    axes = list(zip(op.starts, op.stops, op.steps, strict=True))
    forward = tuple(slice(*each) if each[2] > 0 else slice(None) for each in axes)
    backward = [(axis, torch.tensor(range(*each))) for axis, each in enumerate(axes) if each[2] < 0]

    def run(x: Tensor) -> Tensor:
        y = x[forward]
        for axis, indices in backward:
            y = y.index_select(axis, indices)
        return y

    return run


def _pad(op: movement.Pad, operands: Sequence[Node]) -> Function:
    """Other modes than that of a constant take the last axes alone, and pads of no others."""
    if op.mode == "constant":
        pads = pads_of(op.pairs)
        return lambda x: functional.pad(x, pads, value=op.value)
    batch, *maps = op.pairs
    if operands[0].type.rank != 4 or any(batch) or any(maps[0]):
        raise UserError(f"padding by '{op.mode}' of batches or maps is nothing that torch has")
    mode, pads = PAD_MODES[op.mode], pads_of(maps[1:])
    return lambda x: functional.pad(x, pads, mode=mode)


def _reshape(op: movement.Reshape | movement.Flatten, operands: Sequence[Node]) -> Function:
    shape = op.infer(operands[0].type).shape
    return lambda x: x.reshape(shape)


def _gather(op: movement.Gather, operands: Sequence[Node]) -> Function:
    indices = torch.tensor(op.indices)
    return lambda x: x.index_select(op.axis, indices)


def _nearest(op: resize.ResizeNearest, operands: Sequence[Node]) -> Function:
    (x,) = operands
    if op.factors(x.type) is not None:
        return lambda x: functional.interpolate(x, op.size, mode="nearest")
    rows, columns = (torch.from_numpy(op.taps(k, x.type.spatial[k])).long() for k in (0, 1))
    return lambda x: x.index_select(2, rows).index_select(3, columns)


def _bilinear(op: resize.ResizeBilinear, operands: Sequence[Node]) -> Function:
    (x,) = operands
    if op.coordinates == "half_pixel" and not op.scales:
        return lambda x: functional.interpolate(x, op.size, mode="bilinear", align_corners=False)
    taps = [[torch.from_numpy(a) for a in op.taps(k, x.type.spatial[k])] for k in (0, 1)]

    def run(x: Tensor) -> Tensor:
        for axis, (low, high, weight) in enumerate(taps, 2):
            below, above = x.index_select(axis, low), x.index_select(axis, high)
            x = torch.lerp(below, above, weight[:, None] if axis == 2 else weight)
        return x

    return run


RULES: dict[type[Op], Callable[[Any, Sequence[Node]], Function]] = {
    arithmetic.Add: _plain(torch.add),
    arithmetic.Mul: _plain(torch.mul),
    arithmetic.Sub: _plain(torch.sub),
    classify.ArgMax: lambda op, _: lambda x: torch.argmax(x, op.axis).int(),
    classify.Softmax: lambda op, _: lambda x: torch.softmax(x, op.axis),
    conv.Conv: _conv,
    conv.Linear: _plain(functional.linear),
    movement.Concat: lambda op, _: lambda *tensors: torch.cat(tensors, op.axis),
    movement.Flatten: _reshape,
    movement.Gather: _gather,
    movement.Identity: _plain(lambda x: x),
    movement.Pad: _pad,
    movement.Reshape: _reshape,
    movement.Slice: _slice,
    movement.Transpose: lambda op, _: lambda x: x.permute(op.order),
    normalization.BatchNorm: _batch_norm,
    pooling.AveragePool: _average_pool,
    pooling.GlobalAveragePool: _plain(lambda x: functional.adaptive_avg_pool2d(x, 1)),
    pooling.GlobalMaxPool: _plain(lambda x: x.amax((2, 3), keepdim=True)),
    pooling.LPPool: _lp_pool,
    pooling.MaxPool: _max_pool,
    pooling.SumPool: _sum_pool,
    pw.Abs: _plain(torch.abs),
    pw.Clip: lambda op, _: lambda x: torch.clamp(x, op.low, op.high),
    pw.LeakyRelu: lambda op, _: lambda x: functional.leaky_relu(x, op.slope),
    pw.Relu: _plain(torch.relu),
    pw.Sigmoid: _plain(torch.sigmoid),
    pw.SoftShrink: lambda op, _: lambda x: functional.softshrink(x, op.threshold),
    pw.Tanh: _plain(torch.tanh),
    resize.ResizeBilinear: _bilinear,
    resize.ResizeNearest: _nearest,
    **BOXES,
}
