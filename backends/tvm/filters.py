"""Filter banks and fully connected layers as tensor expressions.

A filter bank is computed in tiles of some maps by some rows by some whole vectors of neighbouring
pixels, whose sums stay in registers while every tap multiplies a vector of pixels by one weight.
The weights need no other order for that, and any table of connections runs at the same speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.build import (
    TILE,
    Build,
    Expr,
    Tensor,
    cast,
    dtype_of,
    guarded,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.movement import joined
from sightline.backends.tvm.pooling import seen
from sightline.backends.tvm.tiles import Tile, choose_tile
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Block, Table
from sightline.ir.types import Int, Shape
from sightline.ir.window import Window

Source = Callable[[Expr, Expr, Sequence[Expr], Sequence[Expr]], Expr]
"""What a tap sees: (n, plane, position, tap) -> element of the padded input."""


@dataclass(frozen=True)
class Bank:
    """The blocks of a table that have one fan-in: one loop nest runs them all."""

    blocks: tuple[Block, ...]

    @property
    def maps(self) -> int:
        return sum(block.maps for block in self.blocks)

    @property
    def maps_per_block(self) -> int:
        """Of every block but, perhaps, the last, which may have fewer."""
        return self.blocks[0].maps

    @property
    def fan_in(self) -> int:
        return len(self.blocks[0].inputs)

    def place(self, o: Expr) -> tuple[Expr, Expr]:
        """The block of a map of the bank, and which map of the block it is."""
        return tirx.floordiv(o, self.maps_per_block), tirx.floormod(o, self.maps_per_block)


def banks(table: Table) -> list[Bank]:
    """The fewest banks that make up a table: its dense, grouped and block forms are one."""
    blocks = sorted(table.blocks(), key=lambda block: len(block.inputs))
    return [Bank(tuple(group)) for _, group in groupby(blocks, lambda block: len(block.inputs))]


def conv(op: Conv, build: Build, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    return _bank(op, build, x, weights, bias, "float32", 0.0)


def integer_conv(
    op: IntegerConv, build: Build, x: Tensor, weights: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Sums of 32 bits where they fit, else of 64."""
    wide = "int32" if op.bits <= 32 else "int64"
    fill = tirx.const(op.fill, dtype_of(x))
    sums = _bank(op, build, x, weights, bias, wide, fill)
    narrow = Int(op.bits).dtype.name
    return sums if narrow == wide else cast(sums, narrow)


def _bank(
    op: Conv | IntegerConv,
    build: Build,
    x: Tensor,
    weights: Tensor,
    bias: Tensor | None,
    wide: str,
    fill: Expr,
) -> Tensor:
    """The filter bank, its sums in numbers of type `wide`, its padding filled."""
    batch, _, *above = shape_of(x)
    spatial = op.window.slide(tuple(above))
    parts = banks(op.table)
    tiles = [choose_tile(build.machine, bank.maps_per_block, spatial) for bank in parts]
    covered = zip(*(tile.covers(spatial) for tile in tiles), strict=True)
    source = _source(op.window, x, tuple(map(max, covered)), fill)
    # Products of 16 bits by 16 have 32, and the processor is fast at those.
    short = all(dtype_of(tensor) in ("int8", "int16") for tensor in (x, weights))
    types = ("int32" if short else wide, wide)
    sums = [
        _sums(op, build, bank, tile, (batch, *spatial), source, weights, types)
        for bank, tile in zip(parts, tiles, strict=True)
    ]

    def biased(total: Expr, o: Expr) -> Expr:
        return total if bias is None else total + bias(o).astype(wide)

    shape = (batch, op.table.maps, *spatial)
    if len(parts) == 1:
        [total], [bank] = sums, parts
        return te.compute(shape, lambda n, o, *at: biased(total(n, *bank.place(o), *at), o), "bank")
    results = [_untiled(bank, total, spatial) for bank, total in zip(parts, sums, strict=True)]
    order = [map_ for bank in parts for block in bank.blocks for map_ in range(*block[:2])]
    place = build.table(np.argsort(order).astype(np.int32))
    return te.compute(
        shape, lambda n, o, *at: biased(joined(results, 1, (n, place(o), *at)), o), "ordered"
    )


def _source(window: Window, x: Tensor, positions: Shape, fill: Expr) -> Source:
    """The input around `positions`; a copy with its padding, unless every tap lies in x.

    The copy keeps columns apart by their remainder modulo the stride, so that the pixels which one
    tap sees from neighbouring positions are neighbours.
    """
    shape = shape_of(x)
    begins, stride, dilation = window.pads[: window.rank], window.strides[-1], window.dilation[-1]
    reach = [
        (p - 1) * s + r for p, s, r in zip(positions, window.strides, window.reach, strict=True)
    ]
    fits = all(r <= size for r, size in zip(reach, shape[2:], strict=True))
    if fits and stride == 1 and not any(window.pads):
        return lambda n, c, at, tap: x(n, c, *seen(window, at, tap))

    def cell(n: Expr, c: Expr, *at: Expr) -> Expr:
        *rows, phase, column = at
        places = zip((*rows, column * stride + phase), begins, strict=True)
        return guarded(x, (n, c, *(place - begin for place, begin in places)), fill)

    phases = min(stride, window.reach[-1])
    columns = -(-reach[-1] // stride)
    copy = te.compute((*shape[:2], *reach[:-1], phases, columns), cell, "padded")

    def pixel(n: Expr, c: Expr, at: Sequence[Expr], tap: Sequence[Expr]) -> Expr:
        rows = seen(window, at, tap)[:-1]
        shift = tap[-1] * dilation
        column = at[-1] + tirx.floordiv(shift, stride)
        return copy(n, c, *rows, tirx.floormod(shift, stride), column)

    return pixel


def _sums(
    op: Conv | IntegerConv,
    build: Build,
    bank: Bank,
    tile: Tile,
    positions: Shape,
    source: Source,
    weights: Tensor,
    types: tuple[str, str],
) -> Tensor:
    """`[batch, block, map of the block, *covered]`, which `schedules.tile_bank` lays out.

    `types` are those of products and of sums.
    """
    batch, *spatial = positions
    maps = bank.maps_per_block
    plane, first_pair = _planes(op.table, build, bank), _first_pairs(op.table, build, bank)
    number = te.reduce_axis((0, bank.fan_in), "plane")
    product_type, sum_type = types
    taps = reduce_axes(op.window.kernel)

    def term(n: Expr, block: Expr, o: Expr, *at: Expr) -> Expr:
        map_ = block * maps + o
        if bank.maps % maps:
            # The last block redoes its last map in place of those it lacks; nobody reads them.
            map_ = tirx.min(map_, bank.maps - 1)
        pixel = source(n, plane(block, number), at, taps)
        weight = weights(first_pair(map_) + number, *taps)
        product = pixel.astype(product_type) * weight.astype(product_type)
        return te.sum(product.astype(sum_type), axis=[number, *taps])

    return te.compute(
        (batch, len(bank.blocks), maps, *tile.covers(tuple(spatial))),
        term,
        f"sums{bank.fan_in}",
        attrs={TILE: [maps, *tile]},
    )


def _untiled(bank: Bank, total: Tensor, spatial: Shape) -> Tensor:
    """The sums of a bank as maps, without what its tiles cover beyond them."""
    return te.compute(
        (shape_of(total)[0], bank.maps, *spatial),
        lambda n, o, *at: total(n, *bank.place(o), *at),
        f"bank{bank.fan_in}",
    )


def _planes(table: Table, build: Build, bank: Bank) -> Callable[[Expr, Expr], Expr]:
    """(block of the bank, number of the plane) -> input plane: by arithmetic, or from a table."""
    if table.groups is not None:
        return lambda block, number: block * bank.fan_in + number
    listed = build.table(np.array([block.inputs for block in bank.blocks], np.int32))
    return lambda block, number: listed(block, number)


def _first_pairs(table: Table, build: Build, bank: Bank) -> Callable[[Expr], Expr]:
    """Map of the bank -> its first weight: by arithmetic, or from a table if others lie between."""
    if bank.maps == table.maps:
        return lambda map_: map_ * bank.fan_in
    firsts = [
        block.first_pair + bank.fan_in * number
        for block in bank.blocks
        for number in range(block.maps)
    ]
    listed = build.table(np.array(firsts, np.int32))
    return lambda map_: listed(map_)


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
    return te.compute((batch, outputs), lambda n, o: total(n, o) + bias(o), "biased")
