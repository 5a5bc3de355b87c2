"""Filter banks of 3x3 with steps of one by Winograd's minimal filtering, in vectors of maps.

A tile of 2x2 outputs sees 4x4 pixels. Those are mixed (`winograd_filters`), each of the 16 mixtures
is multiplied by weights of its own and summed over the planes, and the 16 sums are mixed into the
outputs: 16 products for each plane where the filter itself takes 36.

    weights  [block, maps / (vectors x lanes), 4, 4, planes / group, group / terms,
              vectors, lanes, terms]
    pixels   [N, block, run, 4, 4, planes / group, tile, group]
    products [N, maps / (vectors x lanes), run, 4, 4, tile, vectors, lanes]
    outputs  [N, maps / (vectors x lanes), run, rows, columns, vectors, lanes]

A run is some whole rows of tiles: what its pixels take stays in the second cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tvm import te, tirx

from sightline.backends.tvm.banks import Bank, banks, planes
from sightline.backends.tvm.build import (
    EACH,
    MIXED_TILE,
    Build,
    Expr,
    Tensor,
    dtype_of,
    guarded,
    parted,
    shape_of,
)
from sightline.backends.tvm.dot_products import Dot, of_terms
from sightline.backends.tvm.lanes_of_maps import PARTS, Planes, spare
from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.tiles import MapTile, choose_map_tile
from sightline.backends.tvm.winograd_filters import MIXED_TAPS, OUTPUT, OUTPUTS, PIXELS
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.types import Shape
from sightline.ir.window import Window

FEWEST_PLANES = 32
"""Below these, mixing takes longer than it saves."""

MOST_BYTES = 1 << 23
"""What the mixed pixels of a row of tiles may take: a longer row is in no cache."""

GROWTH = 2 * 6 * 6
"""By how much sums of integers may exceed products of a pixel and a weight, plane for plane.

Pixels grow twofold along each axis and weights, doubled, threefold; a sum of a few such is on its
way to the outputs.
"""


@dataclass(frozen=True)
class Runs:
    """How tiles are cut: `count` runs of `rows` rows of `columns` tiles, multiplied in `tile`s."""

    count: int
    rows: int
    columns: int
    tile: MapTile
    together: int
    """Slabs of maps that one thread takes with the same pixels."""

    @property
    def tiles(self) -> int:
        """Of a run, filled up to whole multiples of what is multiplied at once."""
        return -(-self.rows * self.columns // self.tile.pixels) * self.tile.pixels


def takes(op: Conv | IntegerConv, x: Shape, pooled: Shape, widths: tuple[int, int]) -> bool:
    """Whether a bank that `lanes_of_maps` takes is done faster, and its sums fit 32 bits.

    `widths` are the bits of pixels and of weights, if they are integers.
    """
    [part, *_] = banks(op.table)
    if op.window != Window((3, 3), pads=op.window.pads) or pooled not in ((1, 1), (2, 2)):
        return False
    rows, columns = op.window.slide(x[2:])
    bytes_each = 2 if isinstance(op, IntegerConv) else 4
    if part.fan_in < FEWEST_PLANES or min(rows, columns) < OUTPUT:
        return False
    if row_bytes(columns, part, bytes_each) > MOST_BYTES:
        return False
    largest = GROWTH * part.fan_in << (sum(widths) - 2)
    return isinstance(op, Conv) or (max(widths) == 8 and largest < 1 << 31)


def bank(
    op: Conv | IntegerConv, build: Build, x: Tensor, weights: Tensor, wide: str, fill: Expr
) -> Tensor:
    """The sums `[N, maps, pixels]`, the pixels of one pooling window after another."""
    [part] = banks(op.table)
    lanes = build.machine.lanes
    dot = of_terms(build.machine.dots, 2) if isinstance(op, IntegerConv) else None
    terms = dot.terms if dot else 1
    grouped = Planes.of(part.fan_in, lanes, terms)
    batch, _, *above = shape_of(x)
    spatial, (deep, across) = op.window.slide(tuple(above)), build.pooled
    windows = (spatial[0] // deep, spatial[1] // across)
    size = (windows[0] * deep, windows[1] * across)
    runs = _runs(build, part, batch, size, dot)
    per_run = runs.rows * OUTPUT // deep * windows[1]

    pixels = _mixed_pixels(op, build, part, grouped, runs, size[0], x, fill, terms)
    packing = _packing(part, grouped, runs.tile.vectors, lanes, terms)
    taps_of = build.packed(weights, packing)
    products = _products(build, part, grouped, runs, pixels, taps_of, wide, per_run)
    outputs = _outputs(runs, products, terms)
    build.merged = op.window.rank

    def view(n: Expr, o: Expr, number: Expr) -> Expr:
        run, number = parted(number, per_run * deep * across)
        window, cell = parted(number, deep * across)
        (row, column), (i, j) = parted(window, windows[1]), parted(cell, across)
        vector, lane = parted(o, lanes)
        slab, vector = parted(vector, runs.tile.vectors)
        return outputs(n, slab, run, row * deep + i, column * across + j, vector, lane)

    return te.compute((batch, op.table.maps, math.prod(size)), view, "bank", attrs=EACH)


def row_bytes(columns: int, part: Bank, bytes_each: int) -> int:
    """What the mixed pixels of a row of tiles take for so many columns of outputs."""
    return MIXED_TAPS**2 * -(-columns // OUTPUT) * part.fan_in * bytes_each


def _runs(build: Build, part: Bank, batch: int, size: Shape, dot: Dot | None) -> Runs:
    machine = build.machine
    rows, columns = (-(-each // OUTPUT) for each in size)
    count = -(-rows // max(1, machine.cache // row_bytes(size[1], part, 2 if dot else 4)))
    tall = -(-rows // count)
    count = -(-rows // tall)
    maps, rank = part.maps_per_block, build.choice.rank
    tile = choose_map_tile(machine, maps, tall * columns, 1, spare(dot), rank)
    slabs = part.maps_per_block // (tile.vectors * machine.lanes)
    parts = batch * count * len(part.blocks)
    together = max(
        n
        for n in range(1, slabs + 1)
        if slabs % n == 0 and (n == 1 or parts * (slabs // n) >= PARTS)
    )
    return Runs(count, tall, columns, tile, together)


def _mixed_pixels(
    op: Conv | IntegerConv,
    build: Build,
    part: Bank,
    grouped: Planes,
    runs: Runs,
    rows: int,
    x: Tensor,
    fill: Expr,
    terms: int,
) -> Tensor:
    plane = planes(op.table, build, part)
    dtype = "int16" if terms > 1 else dtype_of(x)
    last_row = -(-rows // OUTPUT) - 1
    shape = (shape_of(x)[0], len(part.blocks), runs.count)
    patch = (MIXED_TAPS, MIXED_TAPS, grouped.groups, runs.tiles, grouped.size)

    def seen(
        n: Expr, block: Expr, run: Expr, i: Expr, j: Expr, group: Expr, tile: Expr, number: Expr
    ) -> Expr:
        # Tiles that fill up a run, and runs that reach beyond the last row, repeat what was there.
        tile = tirx.min(tile, runs.rows * runs.columns - 1)
        row = tirx.min(run * runs.rows + tirx.floordiv(tile, runs.columns), last_row)
        column = tirx.floormod(tile, runs.columns)
        numbered = group * grouped.size + number
        if grouped.groups * grouped.size > part.fan_in:
            numbered = tirx.min(numbered, part.fan_in - 1)
        at = (row * OUTPUT + i - op.window.pads[0], column * OUTPUT + j - op.window.pads[1])
        return guarded(x, (n, plane(block, numbered), *at), fill).astype(dtype)

    patches = te.compute((*shape, *patch), seen, "patches")
    down = te.compute(
        (*shape, *patch),
        lambda n, b, r, i, *at: mixture(PIXELS, i, lambda k: patches(n, b, r, k, *at)),
        "mixed_down",
    )
    return te.compute(
        (*shape, *patch),
        lambda n, b, r, i, j, *at: mixture(PIXELS, j, lambda k: down(n, b, r, i, k, *at)),
        "mixed",
    )


def mixture(matrix: Sequence[Sequence[int]], row: Expr, number: Callable[[int], Expr]) -> Expr:
    """The sum of numbers as a row of a matrix of -1, 0 and 1 tells, for a row that is unrolled."""
    sums = [_sum(signs, number) for signs in matrix]
    result = sums[-1]
    for at in reversed(range(len(sums) - 1)):
        result = tirx.Select(row == at, sums[at], result)
    return result


def _sum(signs: Sequence[int], number: Callable[[int], Expr]) -> Expr:
    order = sorted((k for k, sign in enumerate(signs) if sign), key=lambda k: -signs[k])
    result = number(order[0])
    for k in order[1:]:
        result = result + number(k) if signs[k] > 0 else result - number(k)
    return result


def _packing(part: Bank, grouped: Planes, vectors: int, lanes: int, terms: int) -> Packing:
    blocks, mixed = len(part.blocks), (MIXED_TAPS, MIXED_TAPS)
    shape = (blocks, part.maps_per_block, part.fan_in, *mixed)
    padded = (*shape[:2], grouped.groups * grouped.size, *mixed)
    slabs = part.maps_per_block // (vectors * lanes)
    split = (blocks, slabs, vectors, lanes, grouped.groups, grouped.size // terms, terms, *mixed)
    order = (0, 1, 7, 8, 4, 5, 2, 3, 6)
    dtype = "int16" if terms > 1 else "float32"
    return Packing(shape, padded, split, order, dtype, mixed=True)


def _products(
    build: Build,
    part: Bank,
    grouped: Planes,
    runs: Runs,
    pixels: Tensor,
    weights: Tensor,
    wide: str,
    per_run: int,
) -> Tensor:
    lanes, tile = build.machine.lanes, runs.tile
    terms = shape_of(weights)[-1]
    slabs = shape_of(weights)[1]
    group = te.reduce_axis((0, grouped.groups), "group")
    step = te.reduce_axis((0, grouped.size // terms), "step")
    term = te.reduce_axis((0, terms), "term")
    axes = [group, step, term] if terms > 1 else [group, step]
    number = step * terms + term if terms > 1 else step
    own = term if terms > 1 else 0

    def total(
        n: Expr, p: Expr, run: Expr, i: Expr, j: Expr, t: Expr, pixel: Expr, *lane: Expr
    ) -> Expr:
        block, slab = tirx.floordiv(p, slabs), tirx.floormod(p, slabs)
        one = pixels(n, block, run, i, j, group, t * tile.pixels + pixel, number)
        weight = weights(block, slab, i, j, group, step, *lane, own)
        return te.sum(one.astype(wide) * weight.astype(wide), axis=axes)

    shape = (
        shape_of(pixels)[0],
        len(part.blocks) * slabs,
        runs.count,
        MIXED_TAPS,
        MIXED_TAPS,
        runs.tiles // tile.pixels,
        tile.pixels,
        tile.vectors,
        lanes,
    )
    mark = [tile.vectors, terms, runs.together, per_run]
    return te.compute(shape, total, "products", attrs={MIXED_TILE: mark})


def _outputs(runs: Runs, products: Tensor, terms: int) -> Tensor:
    batch, parts, count, *_, pixels, vectors, lanes = shape_of(products)
    shape = (batch, parts, count, OUTPUT, MIXED_TAPS, runs.rows, runs.columns, vectors, lanes)

    def down(
        n: Expr, p: Expr, run: Expr, i: Expr, j: Expr, row: Expr, column: Expr, *lane: Expr
    ) -> Expr:
        tile = row * runs.columns + column
        at = (tirx.floordiv(tile, pixels), tirx.floormod(tile, pixels), *lane)
        return mixture(OUTPUTS, i, lambda k: products(n, p, run, k, j, *at))

    half = te.compute(shape, down, "outputs_down")

    def across(n: Expr, p: Expr, run: Expr, row: Expr, column: Expr, *lane: Expr) -> Expr:
        tile = (tirx.floordiv(row, OUTPUT), tirx.floordiv(column, OUTPUT), *lane)
        i, j = tirx.floormod(row, OUTPUT), tirx.floormod(column, OUTPUT)
        output = mixture(OUTPUTS, j, lambda k: half(n, p, run, i, k, *tile))
        # Four times too large, and nothing is lost.
        return output >> 2 if terms > 1 else output

    whole = (batch, parts, count, OUTPUT * runs.rows, OUTPUT * runs.columns, vectors, lanes)
    return te.compute(whole, across, "outputs")
