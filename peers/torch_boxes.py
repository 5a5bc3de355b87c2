"""Normalization by boxes, and pyramids, in PyTorch: rules as in `torch_ops`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sightline.ir.graph import Node
from sightline.ir.op import Op
from sightline.ir.ops.normalization import BoxNorm, DivisiveNorm, LocalNorm, SubtractiveNorm
from sightline.ir.ops.pyramid import KERNEL, PyramidDown, PyramidUp


def _means(op: BoxNorm, x: Tensor) -> Tensor:
    """The mean of each box, over the pixels of it that exist."""
    pads = [side // 2 for side in op.size]
    return functional.avg_pool2d(x, op.size, 1, pads, count_include_pad=False)


def _subtractive(op: SubtractiveNorm, operands: Sequence[Node]) -> Callable[..., Tensor]:
    return lambda x: (x - _means(op, x.double())).float()


def _divisive(op: DivisiveNorm, operands: Sequence[Node]) -> Callable[..., Tensor]:
    def run(x: Tensor) -> Tensor:
        deviation = _means(op, x.double().square()).sqrt()
        return (x / deviation.clamp(min=op.floor)).float()

    return run


def _local(op: LocalNorm, operands: Sequence[Node]) -> Callable[..., Tensor]:
    """In double precision, where the difference of two squares does not cancel."""

    def run(x: Tensor) -> Tensor:
        wide = x.double()
        mean = _means(op, wide)
        variance = _means(op, wide.square()) - mean.square()
        deviation = variance.clamp(min=0).sqrt().clamp(min=op.floor)
        return ((wide - mean) / deviation).float()

    return run


def _down(op: PyramidDown, operands: Sequence[Node]) -> Callable[..., Tensor]:
    """The blur at every other pixel: a filter for each map by itself."""
    maps = operands[0].type.shape[1]
    taps = torch.tensor(KERNEL, dtype=torch.float32) / 16
    kernels = torch.outer(taps, taps).expand(maps, 1, -1, -1).contiguous()

    def run(x: Tensor) -> Tensor:
        around = functional.pad(x, (2, 2, 2, 2), mode="replicate")
        return functional.conv2d(around, kernels, stride=2, groups=maps)

    return run


def _up(op: PyramidUp, operands: Sequence[Node]) -> Callable[..., Tensor]:
    """Along each axis in turn: pixels themselves blurred, and between them means of two."""

    def run(x: Tensor) -> Tensor:
        x = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        for axis, size in zip((2, 3), op.size, strict=True):
            count = x.shape[axis] - 2
            before, at, after = (x.narrow(axis, first, count) for first in range(3))
            pair = [(before + 6 * at + after) / 8, (at + after) / 2]
            x = torch.stack(pair, axis + 1).flatten(axis, axis + 1).narrow(axis, 0, size)
        return x

    return run


BOXES: dict[type[Op], Callable[[Any, Sequence[Node]], Callable[..., Tensor]]] = {
    DivisiveNorm: _divisive,
    LocalNorm: _local,
    PyramidDown: _down,
    PyramidUp: _up,
    SubtractiveNorm: _subtractive,
}
