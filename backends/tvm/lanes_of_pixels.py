"""Filter banks whose vectors hold neighbouring pixels of one map.

A bank is computed in tiles of some maps by some rows by some whole vectors of neighbouring
pixels, whose sums stay in registers while every tap multiplies a vector of pixels by one weight.
The weights need no other order for that, and any table of connections runs at the same speed.

Of integers, one instruction adds up the products of two or four taps side by side (see
`dot_products`): a pixel lies beside those that the next taps see, and weights as many taps
together, the last with zeros if they do not come out even:

    pixels  [N, plane, rows, column modulo stride, column / stride, terms]
    weights [pair of planes, *kernel above, taps / terms, terms]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from tvm import te, tirx

from sightline.backends.tvm.banks import Bank, banks, first_pairs, planes, without_surplus
from sightline.backends.tvm.build import (
    EACH,
    PIXEL_TILE,
    Build,
    Expr,
    Tensor,
    dtype_of,
    guarded,
    reduce_axes,
    shape_of,
)
from sightline.backends.tvm.dot_products import FEWEST_LANES, Dot, as_pixel, fitting
from sightline.backends.tvm.layout import Packing
from sightline.backends.tvm.movement import joined
from sightline.backends.tvm.pooling import seen
from sightline.backends.tvm.tiles import Tile, choose_tile
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.types import Shape
from sightline.ir.window import Window

Source = Callable[[Expr, Expr, Sequence[Expr], Sequence[Expr], Sequence[Expr]], Expr]
"""What a tap sees: (n, plane, position, tap, term) -> element of the padded input.

A tap is the first of those side by side, and the term says which; of one alone, there is none.
"""


def bank(
    op: Conv | IntegerConv,
    build: Build,
    x: Tensor,
    weights: Tensor,
    types: tuple[str, str],
    fill: Expr,
) -> Tensor:
    """The sums, under the shape of the graph; `types` are those of products and of sums."""
    batch, _, *above = shape_of(x)
    spatial = op.window.slide(tuple(above))
    parts = banks(op.table)
    dot = _dot(op, build, spatial[-1], x, weights)
    *deep, across = op.window.kernel
    taps_at_once = dot.terms if dot else 1
    steps = math.prod(deep) * -(-across // taps_at_once)
    tiles = [
        choose_tile(
            build.machine,
            part.maps_per_block,
            spatial,
            build.pooled,
            part.fan_in * steps,
            build.choice.rank,
            whole=dot is not None,
        )
        for part in parts
    ]
    covered = zip(*(tile.covers(spatial) for tile in tiles), strict=True)
    exact = without_surplus(op, build, x, weights, dot)
    taps = _side_by_side(op, build, weights, dot) if dot else weights
    source = _source(op.window, x, tuple(map(max, covered)), fill, dot)
    sums = [
        _sums(op, build, part, tile, (batch, *spatial), source, taps, types, dot)
        for part, tile in zip(parts, tiles, strict=True)
    ]
    shape = (batch, op.table.maps, *spatial)
    if len(parts) == 1:
        [total], [part] = sums, parts
        return te.compute(
            shape, lambda n, o, *at: exact(total(n, *part.place(o), *at), o), "bank", attrs=EACH
        )
    results = [_untiled(part, total, spatial) for part, total in zip(parts, sums, strict=True)]
    order = [map_ for part in parts for block in part.blocks for map_ in range(*block[:2])]
    place = build.table(np.argsort(order).astype(np.int32))

    def ordered(n: Expr, o: Expr, *at: Expr) -> Expr:
        return exact(joined(results, 1, (n, place(o), *at)), o)

    return te.compute(shape, ordered, "ordered", attrs=EACH)


def _dot(
    op: Conv | IntegerConv, build: Build, columns: int, x: Tensor, weights: Tensor
) -> Dot | None:
    """An instruction for taps side by side, if there is one, and whole vectors of pixels for it."""
    operand = build.read_as(weights)
    is_usable = (
        op.window.kernel[-1] > 1
        and columns >= FEWEST_LANES
        and operand is not None
        and operand.is_constant
        and operand.readers == 1
    )
    if not is_usable:
        return None
    return fitting(op, build.machine.dots, dtype_of(x), dtype_of(weights))


def _side_by_side(op: Conv | IntegerConv, build: Build, weights: Tensor, dot: Dot) -> Tensor:
    *above, taps = op.window.kernel
    shape = (op.table.pairs, *above, taps)
    together = -(-taps // dot.terms)
    padded = (*shape[:-1], together * dot.terms)
    split = (*shape[:-1], together, dot.terms)
    order = tuple(range(len(split)))
    return build.packed(weights, Packing(shape, padded, split, order, dot.weights))


def _source(window: Window, x: Tensor, positions: Shape, fill: Expr, dot: Dot | None) -> Source:
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
    if fits and stride == 1 and not any(window.pads) and dot is None:
        return lambda n, c, at, tap, _: x(n, c, *seen(window, at, tap))

    def cell(n: Expr, c: Expr, *at: Expr) -> Expr:
        rows, (phase, column, *term) = at[: window.rank - 1], at[window.rank - 1 :]
        place = column * stride + phase + sum(term, tirx.const(0)) * dilation
        places = zip((*rows, place), begins, strict=True)
        inside = guarded(x, (n, c, *(place - begin for place, begin in places)), fill)
        return as_pixel(inside, dot) if dot else inside

    phases = min(stride, window.reach[-1])
    columns = -(-reach[-1] // stride)
    own = (dot.terms,) if dot else ()
    copy = te.compute((*shape[:2], *reach[:-1], phases, columns, *own), cell, "padded")

    def pixel(
        n: Expr, c: Expr, at: Sequence[Expr], tap: Sequence[Expr], term: Sequence[Expr]
    ) -> Expr:
        rows = seen(window, at, tap)[:-1]
        shift = tap[-1] * dilation
        column = at[-1] + tirx.floordiv(shift, stride)
        return copy(n, c, *rows, tirx.floormod(shift, stride), column, *term)

    return pixel


def _sums(
    op: Conv | IntegerConv,
    build: Build,
    part: Bank,
    tile: Tile,
    positions: Shape,
    source: Source,
    weights: Tensor,
    types: tuple[str, str],
    dot: Dot | None,
) -> Tensor:
    """`[batch, block, map of the block, *covered]`, which `schedules.pixels` lays out.

    `types` are those of products and of sums.
    """
    batch, *spatial = positions
    maps = part.maps_per_block
    plane, first_pair = planes(op.table, build, part), first_pairs(op.table, build, part)
    number = te.reduce_axis((0, part.fan_in), "plane")
    product_type, sum_type = types
    terms = dot.terms if dot else 1
    *above, across = op.window.kernel
    taps = reduce_axes((*above, -(-across // terms)))
    term = [te.reduce_axis((0, terms), "term")] if terms > 1 else []

    def product(n: Expr, block: Expr, o: Expr, *at: Expr) -> Expr:
        map_ = block * maps + o
        if part.maps % maps:
            # The last block redoes its last map in place of those it lacks; nobody reads them.
            map_ = tirx.min(map_, part.maps - 1)
        first = (*taps[:-1], taps[-1] * terms)
        pixel = source(n, plane(block, number), at, first, term)
        weight = weights(first_pair(map_) + number, *taps, *term)
        both = weight.astype(product_type) * pixel.astype(product_type)
        return te.sum(both.astype(sum_type), axis=[number, *taps, *term])

    return te.compute(
        (batch, len(part.blocks), maps, *tile.covers(tuple(spatial))),
        product,
        f"sums{part.fan_in}",
        attrs={PIXEL_TILE: [maps, *tile, *build.pooled, terms]},
    )


def _untiled(part: Bank, total: Tensor, spatial: Shape) -> Tensor:
    """The sums of a bank as maps, without what its tiles cover beyond them."""
    return te.compute(
        (shape_of(total)[0], part.maps, *spatial),
        lambda n, o, *at: total(n, *part.place(o), *at),
        f"bank{part.fan_in}",
    )
