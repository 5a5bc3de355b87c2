"""Filter banks of which each map sees its own plane, on blocked values.

A vector holds one pixel of several maps; each tap multiplies it by the weights of those maps:

    weights [maps / lanes, *kernel, lanes]
    pixels  [N, maps / lanes, rows, columns, lanes], padded
"""

from __future__ import annotations

import math

from tvm import te, tirx

from sightline.backends.tvm.build import (
    EACH,
    MAP_TILE,
    Build,
    Expr,
    Tensor,
    guarded,
    place_of,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.pooling import seen
from sightline.backends.tvm.tiles import choose_map_tile
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv


def takes(op: Conv | IntegerConv) -> bool:
    """Whether each map sees its own plane; x must be blocked besides, and the weights constant."""
    return op.table.groups == op.table.channels == op.table.maps and op.window.rank == 2


def bank(
    op: Conv | IntegerConv,
    build: Build,
    x: Tensor,
    weights: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """The sums `[N, maps, pixels]`; `types` are those of products and of sums."""
    window, lanes = op.window, build.machine.lanes
    batch, maps, *above = shape_of(x)
    spatial = window.slide(tuple(above))
    size = math.prod(spatial)
    rank, row = build.choice.rank, spatial[-1]
    tile = choose_map_tile(build.machine, lanes, size, rank=rank, row=row)
    packing = Packing(
        (maps, *window.kernel),
        (maps, *window.kernel),
        (maps // lanes, lanes, *window.kernel),
        (0, 2, 3, 1),
        "float32" if isinstance(op, Conv) else "int16",
    )
    taps_of = build.packed(weights, packing)
    reach = [(p - 1) * s + r for p, s, r in zip(spatial, window.strides, window.reach, strict=True)]

    def cell(n: Expr, block: Expr, i: Expr, j: Expr, lane: Expr) -> Expr:
        at = (i - window.pads[0], j - window.pads[1])
        return guarded(x, (n, block * lanes + lane, *at), fill)

    padded = te.compute((batch, maps // lanes, *reach, lanes), cell, "padded")
    taps = reduce_axes(window.kernel)

    def total(n: Expr, block: Expr, run: Expr, pixel: Expr, _: Expr, __: Expr, lane: Expr) -> Expr:
        place = place_of(tirx.min(run * tile.pixels + pixel, size - 1), spatial)
        number = padded(n, block, *seen(window, place, taps), lane).astype(types[0])
        product = number * taps_of(block, *taps, lane).astype(types[0])
        return te.sum(product.astype(types[1]), axis=taps)

    build.merged = op.window.rank
    runs = -(-size // tile.pixels)
    sums = te.compute(
        (batch, maps // lanes, runs, tile.pixels, 1, 1, lanes),
        total,
        "sums",
        attrs={MAP_TILE: [1, tile.pixels, 1, runs]},
    )

    def view(n: Expr, o: Expr, pixel: Expr) -> Expr:
        run, inner = tirx.floordiv(pixel, tile.pixels), tirx.floormod(pixel, tile.pixels)
        return sums(n, tirx.floordiv(o, lanes), run, inner, 0, 0, tirx.floormod(o, lanes))

    return te.compute((batch, maps, size), view, "bank", attrs=EACH)
