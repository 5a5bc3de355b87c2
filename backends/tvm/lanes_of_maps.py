"""Filter banks whose vectors hold one pixel of several maps.

Every tap multiplies one pixel, spread over a vector, by a vector of weights. So rows of any length
waste no lane, and the weights, packed in the order in which they are used, are read in a stream:

    weights [block, maps / (vectors x lanes), planes / group, *kernel, group / terms,
             vectors, lanes, terms]
    pixels  [N, block, planes / group, rows, columns, group]

Pixels are numbered row by row, those of one pooling window after another, and tiled by number.
Of integers, `terms` are the planes whose products one instruction adds up; see `dot_products`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tvm import te, tirx

from sightline.backends.tvm.banks import Bank, banks, planes, without_surplus
from sightline.backends.tvm.build import (
    EACH,
    MAP_TILE,
    Build,
    Expr,
    Machine,
    Tensor,
    dtype_of,
    guarded,
    place_of,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.dot_products import Dot, as_pixel, fitting
from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.tiles import MOST_VECTORS, choose_map_tile
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.types import Shape
from sightline.ir.window import Window

WIDEST_GROUP = 16
"""Planes that are unrolled at once: more would fill the cache of instructions."""

PARTS = 8
"""Parts of the work that there are at least, for the threads."""


@dataclass(frozen=True)
class Planes:
    """How the planes that a block sees are grouped: `groups` times `size`."""

    groups: int
    size: int

    @classmethod
    def of(cls, fan_in: int, lanes: int, terms: int) -> Planes:
        """Single numbers are not padded: an infinity must not meet a weight that is not there."""
        if fan_in % lanes == 0:
            return cls(fan_in // lanes, lanes)
        if terms == 1:
            size = max(n for n in range(1, WIDEST_GROUP + 1) if fan_in % n == 0)
            return cls(fan_in // size, size)
        if fan_in <= WIDEST_GROUP:
            return cls(1, -(-fan_in // terms) * terms)
        return cls(-(-fan_in // lanes), lanes)


def takes(op: Conv | IntegerConv, x: str, weights: str, machine: Machine) -> bool:
    """Whether whole vectors of maps see the same planes, in numbers of types that are multiplied.

    `x` and `weights` are the types of their elements. The weights must be constants besides.
    """
    if isinstance(op, IntegerConv) and fitting(op, machine.dots, x, weights) is None:
        return False
    parts = banks(op.table)
    return (
        op.window.rank == 2
        and len(parts) == 1
        and parts[0].is_even
        and parts[0].maps_per_block % machine.lanes == 0
    )


def spare(dot: Dot | None) -> int:
    """Registers that multiply-adds need besides sums and weights: for a pixel, and for products."""
    return 1 if dot is None or dot.accumulates else 4


def bank(
    op: Conv | IntegerConv, build: Build, x: Tensor, weights: Tensor, wide: str, fill: Expr
) -> Tensor:
    """The sums `[N, maps, pixels]`, the pixels of one pooling window after another."""
    [part] = banks(op.table)
    lanes = build.machine.lanes
    dot = fitting(op, build.machine.dots, dtype_of(x), dtype_of(weights))
    terms = dot.terms if dot else 1
    grouped = Planes.of(part.fan_in, lanes, terms)
    batch, _, *above = shape_of(x)
    spatial = op.window.slide(tuple(above))
    pooled = build.pooled
    tiled = tuple(size // by for size, by in zip(spatial, pooled, strict=True))
    cells = math.prod(pooled)
    tile = choose_map_tile(
        build.machine,
        part.maps_per_block,
        math.prod(tiled),
        cells,
        spare(dot),
        build.choice.rank,
        1 if op.window == Window((1, 1)) else tiled[-1],
    )

    pixels = _pixels(op, build, part, grouped, x, fill, dot)
    taps_of = build.packed(weights, _packing(op, part, grouped, tile.vectors, lanes, dot))
    exact = without_surplus(op, build, x, weights, dot)
    group = te.reduce_axis((0, grouped.groups), "group")
    window = reduce_axes(op.window.kernel)
    step = te.reduce_axis((0, grouped.size // terms), "step")
    term = te.reduce_axis((0, terms), "term")
    axes = [group, *window, step, *([term] if terms > 1 else [])]
    number = step * terms + term if terms > 1 else step
    own = [term] if terms > 1 else []
    per_block = part.maps_per_block // (tile.vectors * lanes)
    last = math.prod(tiled) - 1

    def total(
        n: Expr, part_: Expr, run: Expr, pixel: Expr, cell: Expr, vector: Expr, lane: Expr
    ) -> Expr:
        # What a last tile covers beyond the last pixel, it computes again.
        at = place_of(tirx.min(run * tile.pixels + pixel, last), tiled)
        inner = place_of(cell, pooled)
        place = [p * by + i for p, by, i in zip(at, pooled, inner, strict=True)]
        block, slab = tirx.floordiv(part_, per_block), tirx.floormod(part_, per_block)
        seen = pixels(n, block, group, place, window, number)
        weight = taps_of(block, slab, group, *window, step, vector, lane, *own)
        return te.sum(seen.astype(wide) * weight.astype(wide), axis=axes)

    build.merged = op.window.rank
    tiles, near = _tiles(op, build, part, math.prod(tiled), tile.pixels)
    parts = len(part.blocks) * per_block
    shape = (batch, parts, tiles, tile.pixels, cells, tile.vectors, lanes)
    sizes = [tile.vectors, tile.pixels, terms, near]
    sums = te.compute(shape, total, "sums", attrs={MAP_TILE: sizes})

    def view(n: Expr, o: Expr, number: Expr) -> Expr:
        pixel, vector = tirx.floordiv(number, cells), tirx.floordiv(o, lanes)
        found = sums(
            n,
            tirx.floordiv(vector, tile.vectors),
            tirx.floordiv(pixel, tile.pixels),
            tirx.floormod(pixel, tile.pixels),
            tirx.floormod(number, cells),
            tirx.floormod(vector, tile.vectors),
            tirx.floormod(o, lanes),
        )
        return exact(found, o)

    return te.compute((batch, op.table.maps, math.prod(spatial)), view, "bank", attrs=EACH)


def _tiles(
    op: Conv | IntegerConv, build: Build, part: Bank, pixels: int, tile: int
) -> tuple[int, int]:
    """How many tiles there are, in runs of how many.

    The pixels of a run stay in the cache while the weights of all maps pass over them.
    """
    numbers = part.fan_in * math.prod(_steps(op.window)) * math.prod(build.pooled)
    tiles = -(-pixels // tile)
    most = max(1, build.machine.cache // (4 * numbers * tile))
    slabs = -(-op.table.maps // (MOST_VECTORS * build.machine.lanes))
    fewest = max(-(-tiles // most), min(tiles, -(-PARTS // slabs)))

    def covered(runs: int) -> int:
        return -(-tiles // runs) * runs

    runs = min(range(fewest, min(tiles, 2 * fewest) + 1), key=covered)
    return covered(runs), covered(runs) // runs


def _packing(
    op: Conv | IntegerConv, part: Bank, grouped: Planes, vectors: int, lanes: int, dot: Dot | None
) -> Packing:
    terms = dot.terms if dot else 1
    blocks, kernel = len(part.blocks), op.window.kernel
    shape = (blocks, part.maps_per_block, part.fan_in, *kernel)
    padded = (*shape[:2], grouped.groups * grouped.size, *kernel)
    split: Shape = (
        blocks,
        part.maps_per_block // (vectors * lanes),
        vectors,
        lanes,
        grouped.groups,
        grouped.size // terms,
        terms,
        *kernel,
    )
    order: Shape = (0, 1, 4, 7, 8, 5, 2, 3, 6)
    if terms == 1:
        split, order = (*split[:6], *split[7:]), (0, 1, 4, 6, 7, 5, 2, 3)
    dtype = dot.weights if dot else "float32"
    return Packing(shape, padded, split, order, dtype)


def _pixels(
    op: Conv | IntegerConv,
    build: Build,
    part: Bank,
    grouped: Planes,
    x: Tensor,
    fill: Expr,
    dot: Dot | None,
) -> Callable[..., Expr]:
    """(n, block, group, place, tap, number) -> pixel: of x itself if it lies so, or of a copy."""
    window = op.window
    operand = build.read_as(x)
    lanes = build.machine.lanes
    in_order = op.table.groups is not None and part.fan_in % lanes == 0
    lies_so = operand is not None and operand.layout.lanes == grouped.size == lanes
    dilation = window.dilation

    def seen(place: list[Expr], tap: list[Expr], strides: Shape) -> list[Expr]:
        return [p * s + t * d for p, t, s, d in zip(place, tap, strides, dilation, strict=True)]

    if operand is not None and in_order and lies_so and not any(window.pads) and dot is None:
        per_block = part.fan_in // lanes
        return lambda n, block, group, place, tap, number: operand.argument(
            n, block * per_block + group, *seen(place, tap, window.strides), number
        )

    plane = planes(op.table, build, part)
    batch, _, *above = shape_of(x)
    positions, steps = window.slide(tuple(above)), _steps(window)
    over = [s // step for s, step in zip(window.strides, steps, strict=True)]
    reach = [(p - 1) * s + r for p, s, r in zip(positions, steps, window.reach, strict=True)]

    def cell(n: Expr, block: Expr, group: Expr, i: Expr, j: Expr, number: Expr) -> Expr:
        numbered = group * grouped.size + number
        if grouped.groups * grouped.size > part.fan_in:
            numbered = tirx.min(numbered, part.fan_in - 1)
        at = (i * over[0] - window.pads[0], j * over[1] - window.pads[1])
        inside = guarded(x, (n, plane(block, numbered), *at), fill)
        return as_pixel(inside, dot) if dot else inside

    shape: Shape = (batch, len(part.blocks), grouped.groups, *reach, grouped.size)
    copy = te.compute(shape, cell, "padded")
    return lambda n, block, group, place, tap, number: copy(
        n, block, group, *seen(place, tap, steps), number
    )


def _steps(window: Window) -> Shape:
    """From pixel to pixel in a copy, which lacks rows and columns that a single tap steps over."""
    return tuple(1 if k == 1 else s for k, s in zip(window.kernel, window.strides, strict=True))
