"""The other layers: filter banks, linear layers, scales, shapes and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sightline.frontend.checks import Pair, pair, show, whole, window
from sightline.frontend.modules import Apply, Layer, Module
from sightline.frontend.place import placed
from sightline.frontend.tracer import Tensor, active_tracer
from sightline.frontend.weights import uniform
from sightline.ir.errors import UserError
from sightline.ir.ops import classify, movement, pyramid
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.conv import Linear as LinearOp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.table import Table


class Conv2d(Layer):
    """A filter bank. `table` says which inputs each map sees; without one, `groups` does."""

    def __init__(
        self,
        channels: int,
        maps: int,
        kernel: Pair,
        *,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        table: Table | None = None,
    ) -> None:
        channels = whole(channels, "the number of channels")
        maps = whole(maps, "the number of maps")
        groups = whole(groups, "the number of groups")
        if table is not None and groups != 1:
            raise UserError(
                f"a filter bank was given both a table and {groups} groups",
                fix="Say what each map sees by one of them.",
            )
        self.window = window(kernel, stride, padding, dilation)
        self.table = Table.grouped(channels, maps, groups) if table is None else table
        if not isinstance(self.table, Table):
            raise UserError(
                f"the table of a filter bank is a Table, found {show(table)}",
                fix="Make one by a function of sightline.frontend.tables.",
            )
        if (self.table.channels, self.table.maps) != (channels, maps):
            raise UserError(
                f"the table joins {self.table.channels} inputs to {self.table.maps} maps, but the "
                f"layer has {channels} and {maps}"
            )
        taps = self.window.taps
        kernels = [
            uniform(len(block.inputs) * taps, block.maps * len(block.inputs), *self.window.kernel)
            for block in self.table.blocks()
        ]
        self.weight = np.concatenate(kernels)
        mean_fan_in = self.table.pairs * taps // maps
        self.bias = uniform(mean_fan_in, maps) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(Conv(self.window, self.table), x, weight=self.weight, bias=self.bias)


class Linear(Layer):
    """A fully connected layer on `[N, features]`."""

    def __init__(self, features: int, outputs: int, *, bias: bool = True) -> None:
        features = whole(features, "the number of features")
        outputs = whole(outputs, "the number of outputs")
        self.weight = uniform(features, outputs, features)
        self.bias = uniform(features, outputs) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return self.apply(LinearOp(), x, weight=self.weight, bias=self.bias)


class PyramidDown(Apply):
    """The next coarser scale of a Gaussian pyramid."""

    def __init__(self) -> None:
        super().__init__(pyramid.PyramidDown())


class PyramidUp(Apply):
    """The next finer scale, as far as a coarser one tells it, at the size to reach."""

    def __init__(self, size: Pair) -> None:
        super().__init__(pyramid.PyramidUp(pair(size, "a size")))


class Upsample(Module):
    """Maps at another size: "nearest" repeats pixels, "bilinear" interpolates (half-pixel)."""

    def __init__(self, size: Pair, mode: str = "nearest") -> None:
        if mode not in ("nearest", "bilinear"):
            raise UserError(
                f"the mode '{mode}' of Upsample is unknown", fix="Use nearest or bilinear."
            )
        op = ResizeNearest if mode == "nearest" else ResizeBilinear
        self.resize = Apply(op(pair(size, "a size")))

    def forward(self, x: Tensor) -> Any:
        return self.resize(x)


class Flatten(Apply):
    """`[N, ...]` as `[N, features]`."""

    def __init__(self) -> None:
        super().__init__(movement.Flatten())


class Dropout(Apply):
    """Nothing, once training is over."""

    def __init__(self, probability: float = 0.5) -> None:
        super().__init__(movement.Identity())
        self.probability = probability


class Softmax(Apply):
    """Probabilities along an axis."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__(classify.Softmax(axis))


class ArgMax(Apply):
    """The index of the largest along an axis."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__(classify.ArgMax(axis))


@placed()
def cat(tensors: Sequence[Tensor], axis: int = 1) -> Tensor:
    """The tensors one after the other along an axis."""
    if not isinstance(tensors, list | tuple):
        raise UserError(f"what is concatenated is a list of tensors, found {show(tensors)}")
    return active_tracer().emit(movement.Concat(axis), *tensors)


@placed()
def pad(x: Tensor, padding: Pair, mode: str = "constant", value: float = 0.0) -> Tensor:
    """Rows and columns around maps: of a value, or the border repeated ("edge") or mirrored."""
    rows, columns = pair(padding, "a padding")
    return active_tracer().emit(movement.Pad((0, 0, rows, columns) * 2, mode, value), x)
