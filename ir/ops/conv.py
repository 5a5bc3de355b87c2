"""Filter banks and fully connected layers: the ops with learned weights, and with the MACs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_rank, require_shape, slide
from sightline.ir.table import Table
from sightline.ir.types import Array, Shape, TensorType
from sightline.ir.window import Window

COLUMN_BYTES = 1 << 26
"""Unfolded windows are made for this many bytes of output rows at a time."""


@op
@dataclass(frozen=True)
class Conv(Op):
    """A filter bank: y[o] = bias[o] + sum of x[i] correlated with w[o, i] over the table's i.

    Operands x `[N, C, *spatial]`, weights `[pairs, *kernel]` in the order of the table, and,
    optionally, bias `[maps]`. Padding is zero.
    """

    window: Window
    table: Table

    def infer(
        self, x: TensorType, weights: TensorType, bias: TensorType | None = None
    ) -> TensorType:
        require_float(x, weights)
        if bias is not None:
            require_float(bias)
        return x.with_shape(bank_shape(self.window, self.table, x, weights, bias))

    def evaluate(self, x: Array, weights: Array, bias: Array | None = None) -> Array:
        y = correlate(self.window, self.table, x, weights)
        if bias is not None:
            y += bias.reshape(-1, *(1,) * self.window.rank)
        return y

    def macs(self, x: TensorType, *weights: TensorType) -> int:
        return bank_macs(self.window, self.table, x)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        window, table = random_bank(rng)
        x = rng.standard_normal((2, table.channels, 9, 8)).astype(np.float32)
        weights = rng.standard_normal((table.pairs, *window.kernel)).astype(np.float32)
        bias = rng.standard_normal(table.maps).astype(np.float32)
        operands = (weights, bias) if rng.random() < 0.7 else (weights,)
        return Sample(cls(window, table), (x,), operands)


def bank_shape(
    window: Window,
    table: Table,
    x: TensorType,
    weights: TensorType,
    bias: TensorType | None = None,
) -> Shape:
    """The shape of a filter bank's result, once its operands fit together."""
    require_rank(x, window.rank + 2, "an input of a filter bank [N, C, *spatial]")
    if x.shape[1] != table.channels:
        raise UserError(
            f"the filter bank sees {table.channels} input maps, but its input {x} has {x.shape[1]}"
        )
    require_shape(weights, (table.pairs, *window.kernel), "the weights")
    if bias is not None:
        require_shape(bias, (table.maps,), "the bias")
    return x.shape[0], table.maps, *slide(window, x)


def bank_macs(window: Window, table: Table, x: TensorType) -> int:
    return x.shape[0] * table.pairs * window.taps * math.prod(window.slide(x.spatial))


def random_bank(rng: np.random.Generator) -> tuple[Window, Table]:
    """For maps of 9x8: dense, grouped, depthwise or with gaps; strided, padded, dilated."""
    channels, maps = (int(n) for n in rng.choice([2, 4, 6], 2))
    tables = [
        Table.dense(channels, maps),
        Table.grouped(channels, maps, 2),
        Table.grouped(channels, channels, channels),
        Table(3, 5, 2, ((0, 2), (1,), (0, 1, 2))),
    ]
    table = tables[rng.integers(len(tables))]
    window = Window(
        tuple(map(int, rng.integers(1, 4, 2))),
        strides=tuple(map(int, rng.integers(1, 3, 2))),
        pads=tuple(map(int, rng.integers(0, 3, 4))),
        dilation=tuple(map(int, rng.integers(1, 3, 2))),
    )
    return window, table


def correlate(window: Window, table: Table, x: Array, weights: Array, fill: float = 0.0) -> Array:
    """The sums of a filter bank, in the arithmetic of x; `fill` is what its padding holds."""
    windows = window.view(x, fill)  # [N, C, *out, *kernel]
    batch, out = x.shape[0], windows.shape[2 : 2 + window.rank]
    y = np.empty((batch, table.maps, *out), x.dtype)
    row_bytes = windows.itemsize * math.prod(windows.shape) // (batch * out[0])
    rows = max(1, COLUMN_BYTES // row_bytes)
    for n in range(batch):
        for first in range(0, out[0], rows):
            part = slice(first, first + rows)
            y[n, :, part] = _rows(window, table, windows[n, :, part], weights)
    return y


def _rows(window: Window, table: Table, windows: Array, weights: Array) -> Array:
    """Some output rows of one frame, as one matrix product per block of the table."""
    rank, taps = window.rank, window.taps
    out = windows.shape[1 : 1 + rank]
    # [C, *out, *kernel] -> [C, taps, pixels]: a block then takes whole rows of the matrix.
    order = (0, *range(1 + rank, 1 + 2 * rank), *range(1, 1 + rank))
    columns = windows.transpose(order).reshape(windows.shape[0], taps, math.prod(out))
    y = np.empty((table.maps, columns.shape[2]), windows.dtype)
    for block in table.blocks():
        fan_in = len(block.inputs)
        whole = fan_in == columns.shape[0] and block.inputs == tuple(range(fan_in))
        seen = columns if whole else columns[list(block.inputs)]
        kernels = weights[block.pairs].reshape(block.maps, fan_in * taps)
        y[block.first : block.last] = kernels @ seen.reshape(fan_in * taps, -1)
    return y.reshape(table.maps, *out)


@op
@dataclass(frozen=True)
class Linear(Op):
    """A fully connected layer: y = x weights^T + bias, for x `[N, in]`, weights `[out, in]`."""

    def infer(
        self, x: TensorType, weights: TensorType, bias: TensorType | None = None
    ) -> TensorType:
        require_float(x, weights)
        require_rank(x, 2, "the input of a fully connected layer [N, features]")
        require_rank(weights, 2, "the weights of a fully connected layer [out, in]")
        if x.shape[1] != weights.shape[1]:
            raise UserError(
                f"the fully connected layer takes {weights.shape[1]} features, but its input {x} "
                f"has {x.shape[1]}"
            )
        if bias is not None:
            require_float(bias)
            require_shape(bias, (weights.shape[0],), "the bias")
        return x.with_shape((x.shape[0], weights.shape[0]))

    def evaluate(self, x: Array, weights: Array, bias: Array | None = None) -> Array:
        y: Array = x @ weights.T
        return y if bias is None else y + bias

    def macs(self, x: TensorType, weights: TensorType, *bias: TensorType) -> int:
        return x.shape[0] * weights.size

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        features, outputs = (int(n) for n in rng.integers(1, 12, 2))
        x = rng.standard_normal((2, features)).astype(np.float32)
        weights = rng.standard_normal((outputs, features)).astype(np.float32)
        bias = rng.standard_normal(outputs).astype(np.float32)
        return Sample(cls(), (x,), (weights, bias) if rng.random() < 0.7 else (weights,))
