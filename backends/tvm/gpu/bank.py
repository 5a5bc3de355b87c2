"""Filter banks in tiles of maps and pixels, through the shared memory of a block of threads.

A block computes some maps at some rows and columns. It brings some planes of its pixels and of its
weights into shared memory at a time; `schedules.block_tiles` lays out what is written here.

    pixels  [N, block of the table, tile row, tile column, plane, row, column]
    taps    [block of the table, tile map, plane, *kernel, map]
    sums    [N, block, tile map, tile row, tile column, thread's map, row, column, own map, row,
             row of the window that is pooled, column, column of that window]

Any table of connections is the same loops: planes that are absent are never read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.banks import Bank, banks, first_pairs, planes
from sightline.backends.tvm.build import (
    BLOCK_TILE,
    EACH,
    SHARED,
    Build,
    Expr,
    Tensor,
    dtype_of,
    guarded,
    parted,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.gpu import matrix_bank
from sightline.backends.tvm.gpu.tiles import (
    LANES,
    LAUNCH,
    MULTIPROCESSORS,
    Tile,
    choose_tile,
)
from sightline.backends.tvm.layout import Gather, Packing
from sightline.backends.tvm.movement import joined
from sightline.backends.tvm.pooling import seen
from sightline.ir.constant import Constant
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.types import Shape
from sightline.ir.window import Window

CYCLES_ALONE = 4
"""Of a multiply-add whose operands come from the device's memory."""


def bank(
    op: Conv | IntegerConv,
    build: Build,
    x: Tensor,
    weights: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """The sums, under the shape of the graph; `types` are those of products and of sums."""
    ways = _ways(op, build, x, weights)
    choice = matrix_bank.choose(op, build, x, weights, types[1])
    direct = sum(way.cycles for way in ways)
    if choice is not None and not build.choice.is_direct and pays(choice.cycles, direct):
        return matrix_bank.bank(op, build, choice, x, weights, fill)
    batch, _, *above = shape_of(x)
    shape = (batch, op.table.maps, *op.window.slide(tuple(above)))
    sums = [_part(op, build, way, shape, x, weights, types, fill) for way in ways]
    if len(ways) == 1:
        return sums[0]
    whole = [
        te.compute((batch, way.part.maps, *shape[2:]), total, f"bank{way.part.fan_in}")
        for way, total in zip(ways, sums, strict=True)
    ]
    order = [map_ for way in ways for block in way.part.blocks for map_ in range(*block[:2])]
    place = build.table(np.argsort(order).astype(np.int32))
    return te.compute(
        shape, lambda n, o, *at: joined(whole, 1, (n, place(o), *at)), "ordered", attrs=EACH
    )


def pays(matrix: float, direct: float) -> bool:
    """Whether tensor cores are the better way, by the cycles of both."""
    return matrix < direct


@dataclass(frozen=True)
class Way:
    """How the direct form computes the maps of one fan-in, and the cycles that this takes."""

    part: Bank
    tile: Tile | None
    cycles: float


def _ways(op: Conv | IntegerConv, build: Build, x: Tensor, weights: Tensor) -> list[Way]:
    batch, _, *above = shape_of(x)
    spatial = op.window.slide(tuple(above))
    widths = tuple(np.dtype(dtype_of(each)).itemsize for each in (x, weights))
    ways = []
    for part in banks(op.table):
        best = None
        if op.window.rank == 2:
            best = choose_tile(
                part.maps_per_block,
                len(part.blocks) * batch,
                spatial,
                op.window,
                part.fan_in,
                (build.pooled[0], build.pooled[1]),
                (widths[0], widths[1]),
                part.is_even,
                build.choice.rank,
            )
        products = batch * part.maps * math.prod(spatial) * part.fan_in * op.window.taps
        alone = CYCLES_ALONE * products / (MULTIPROCESSORS * LANES)
        cycles, tile = best or (alone, None)
        ways.append(Way(part, tile, cycles + LAUNCH * (part.maps != op.table.maps)))
    return ways


def _part(
    op: Conv | IntegerConv,
    build: Build,
    way: Way,
    shape: Shape,
    x: Tensor,
    weights: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """The sums `[N, maps of the part, …]`, in tiles if they fit the shared memory."""
    part, tile = way.part, way.tile
    plane = planes(op.table, build, part)
    if tile is None:
        return _one_by_one(op, build, part, plane, shape, x, weights, types, fill)
    taps = _taps(op, build, part, tile, weights)
    return _tiled(op.window, part, plane, tile, shape, x, taps, types, fill)


def _one_by_one(
    op: Conv | IntegerConv,
    build: Build,
    part: Bank,
    plane: Callable[[Expr, Expr], Expr],
    shape: Shape,
    x: Tensor,
    weights: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """Every sum by a thread of its own, from the device's memory."""
    number = te.reduce_axis((0, part.fan_in), "plane")
    taps = reduce_axes(op.window.kernel)
    first_pair = first_pairs(op.table, build, part)

    def total(n: Expr, o: Expr, *at: Expr) -> Expr:
        block, _ = part.place(o)
        places = [
            place - begin
            for place, begin in zip(seen(op.window, at, taps), op.window.pads, strict=False)
        ]
        pixel = guarded(x, (n, plane(block, number), *places), fill).astype(types[0])
        product = pixel * weights(first_pair(o) + number, *taps).astype(types[0])
        return te.sum(product.astype(types[1]), axis=[number, *taps])

    return te.compute((shape[0], part.maps, *shape[2:]), total, f"sums{part.fan_in}")


def _taps(op: Conv | IntegerConv, build: Build, part: Bank, tile: Tile, weights: Tensor) -> Tensor:
    """The weights that a tile needs, in shared memory; packed for it where they can be.

    The last block may lack maps: nobody reads the sums that are there for them.
    """
    kernel, fan_in = op.window.kernel, part.fan_in
    groups = part.maps_per_block // tile.maps
    shape = (len(part.blocks), groups, fan_in, *kernel, tile.maps)
    operand = build.read_as(weights)
    if (
        operand is not None
        and operand.is_constant
        and operand.readers == 1
        and part.maps == op.table.maps
    ):
        packed = build.packed(weights, _packing(op.window, part, tile, dtype_of(weights)))
        return te.compute(shape, lambda *at: packed(*at), "taps", attrs=SHARED)
    first_pair = first_pairs(op.table, build, part)

    def weight(block: Expr, group: Expr, number: Expr, i: Expr, j: Expr, map_: Expr) -> Expr:
        place = block * part.maps_per_block + group * tile.maps + map_
        held = place if part.is_even else tirx.min(place, part.maps - 1)
        return weights(first_pair(held) + number, i, j)

    return te.compute(shape, weight, "taps", attrs=SHARED)


def _packing(window: Window, part: Bank, tile: Tile, dtype: str) -> Packing | Gather:
    """Weights in the order of `taps`, so that a chunk of planes is a copy of what lies together."""
    blocks, groups = len(part.blocks), part.maps_per_block // tile.maps
    whole = (blocks, groups, tile.maps, part.fan_in, *window.kernel)
    if part.is_even:
        return Packing(whole, whole, whole, (0, 1, 3, 4, 5, 2), dtype)
    slots = np.zeros((blocks * part.maps_per_block, part.fan_in, *window.kernel), np.int32)
    there = slots[: part.maps]
    there[:] = np.arange(1, there.size + 1).reshape(there.shape)
    return Gather(Constant(np.moveaxis(slots.reshape(whole), 2, -1)), dtype)


def _tiled(
    window: Window,
    part: Bank,
    plane: Callable[[Expr, Expr], Expr],
    tile: Tile,
    shape: Shape,
    x: Tensor,
    taps: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    batch, _, rows, columns = shape
    tiles = (-(-rows // tile.rows), -(-columns // tile.columns))
    blocks, groups = shape_of(taps)[:2]
    (tall, wide), (own_maps, own_rows, own_columns) = tile.pooled, tile.own
    steps = (tile.rows * window.strides[0], tile.columns * window.strides[1])

    def pixel(n: Expr, block: Expr, y: Expr, z: Expr, number: Expr, i: Expr, j: Expr) -> Expr:
        at = (y * steps[0] + i - window.pads[0], z * steps[1] + j - window.pads[1])
        return guarded(x, (n, plane(block, number), *at), fill)

    seen_by_tile = (batch, blocks, *tiles, part.fan_in, *tile.reach(window))
    pixels = te.compute(seen_by_tile, pixel, "pixels", attrs=SHARED)
    number = te.reduce_axis((0, part.fan_in), "plane")
    kernel = reduce_axes(window.kernel)

    def total(*at: Expr) -> Expr:
        n, block, group, y, z, t_map, t_row, t_column, map_, row, i, column, j = at
        place = (
            (t_row * own_rows + row) * tall + i,
            (t_column * own_columns + column) * wide + j,
        )
        one = pixels(n, block, y, z, number, *seen(window, place, kernel)).astype(types[0])
        weight = taps(block, group, number, *kernel, t_map * own_maps + map_)
        product = one * weight.astype(types[0])
        return te.sum(product.astype(types[1]), axis=[number, *kernel])

    inner = (*tile.threads, own_maps, own_rows, tall, own_columns, wide)
    mark = {BLOCK_TILE: [*tile.threads, *tile.own, *tile.pooled, tile.planes]}
    sums = te.compute((batch, blocks, groups, *tiles, *inner), total, "sums", attrs=mark)

    def view(n: Expr, o: Expr, y: Expr, z: Expr) -> Expr:
        block, map_ = part.place(o)
        group, map_ = parted(map_, tile.maps)
        t_map, map_ = parted(map_, own_maps)
        y, row = parted(y, tile.rows)
        z, column = parted(z, tile.columns)
        row, i = parted(row, tall)
        column, j = parted(column, wide)
        t_row, row = parted(row, own_rows)
        t_column, column = parted(column, own_columns)
        return sums(n, block, group, y, z, t_map, t_row, t_column, map_, row, i, column, j)

    return te.compute((batch, part.maps, rows, columns), view, "bank", attrs=EACH)
