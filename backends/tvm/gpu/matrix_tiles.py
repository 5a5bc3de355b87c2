"""How a filter bank is cut into tiles of tensor cores. Pure arithmetic.

A warp's product has 16 pixels and 8 maps: two rows of 8 windows. A thread of it has the sums of
one window in each row, so that what is pooled is in one thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sightline.backends.tvm.gpu.tiles import (
    LANES,
    MEMORY_LATENCY,
    MULTIPROCESSORS,
    SHARED_BYTES,
    ranked,
)
from sightline.ir.types import Shape
from sightline.ir.window import Window

WARP, COLUMNS, HALVES = 32, 8, 2
"""Threads of a warp, and the windows of its product: so many columns in so many rows."""

MAPS = 8
"""Of a warp's product."""

MOST_SUMS = 64
"""In the registers of a thread."""

PRODUCT_CYCLES = 1.6
"""Of a multiprocessor for a warp's product: mma.sync comes to some 60% of what wgmma would."""

LATENCY = 60
"""Cycles from one step to the next of a warp that has the multiprocessor for itself."""

STEP_BYTES = 32
"""How deep a product is: 16 halves, or 32 bytes."""

COST_OF_PIXEL = 6
"""Instructions that bring a number into shared memory: where it lies, whether it is outside."""

DEPTHS = (16, 32, 48, 64, 96, 128)
"""Planes that may be in shared memory at once; all, if they are fewer."""


@dataclass(frozen=True)
class MatrixTile:
    """What a block of warps computes.

    Its warps stand in `warps` (maps, rows, columns), each with `own` products (of maps, and of
    rows of windows); a window has `pooled` (rows, columns) sums. `planes` are in shared memory at
    once, `pitch` numbers from a pixel's to the next one's; zeros stand for planes there are not.
    """

    warps: tuple[int, int, int]
    own: tuple[int, int]
    pooled: tuple[int, int]
    planes: int
    pitch: int

    @property
    def maps(self) -> int:
        return self.warps[0] * self.own[0] * MAPS

    @property
    def rows(self) -> int:
        """Of sums, as columns are."""
        return self.warps[1] * HALVES * self.own[1] * self.pooled[0]

    @property
    def columns(self) -> int:
        return self.warps[2] * COLUMNS * self.pooled[1]

    @property
    def pixel_products(self) -> int:
        return self.own[1] * math.prod(self.pooled)

    def reach(self, window: Window) -> tuple[int, int]:
        """Rows and columns of the input that the tile sees."""
        sizes = zip((self.rows, self.columns), window.strides, window.reach, strict=True)
        rows, columns = ((size - 1) * stride + reach for size, stride, reach in sizes)
        return rows, columns

    def length(self, window: Window, bytes_each: int) -> int:
        """Numbers of a map under a row of taps, filled up to whole steps of a product."""
        step = STEP_BYTES // bytes_each
        return -(-window.kernel[1] * self.planes // step) * step

    def shared_bytes(self, window: Window, bytes_each: int) -> int:
        return math.prod(self.reach(window)) * self.pitch * bytes_each


def choose_matrix_tile(
    maps: int,
    blocks: int,
    batch: int,
    spatial: Shape,
    window: Window,
    fan_in: int,
    pooled: tuple[int, int],
    bytes_each: int,
    rank: int = 0,
) -> tuple[float, MatrixTile] | None:
    """The tile that takes the fewest cycles of a multiprocessor, and these; none if none fits.

    Or, of rank 1, 2, …, those that take more, up to the last one.

    `maps` of each of `blocks` see the same `fan_in` planes.
    """
    found = []
    for planes in _depths(fan_in, window, bytes_each):
        pitch = _pitch(planes, window, pooled, bytes_each)
        for warps in _WARPS:
            for own in _owned(warps[0], maps, pooled):
                tile = MatrixTile(warps, own, pooled, planes, pitch)
                if not _is_plain(tile, maps, blocks, spatial):
                    continue
                if tile.shared_bytes(window, bytes_each) > SHARED_BYTES:
                    continue
                cost = _cost(tile, maps, batch * blocks, spatial, window, fan_in, bytes_each)
                found.append((cost, tile))
    return ranked(found, rank)


_WARPS = [
    (deep, tall, wide)
    for wide in (1, 2)
    for tall in (1, 2, 4, 8)
    for deep in (1, 2, 4)
    if deep * tall * wide <= 8
]


def _owned(warps: int, maps: int, pooled: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Products of maps and of rows; no warp has maps beyond the last alone."""
    products = -(-maps // MAPS)
    for own in (1, 2, 3, 4, 5, 6, 8):
        if warps > -(-products // own):
            continue
        for rows in (1, 2, 3, 4):
            if 4 * own * rows * math.prod(pooled) <= MOST_SUMS:
                yield own, rows


def _is_plain(tile: MatrixTile, maps: int, blocks: int, spatial: Shape) -> bool:
    """Whether TVM finds its way: from where a number lies to the thread that has it."""
    is_one = maps <= tile.maps and blocks == 1
    if not (is_one or (maps % tile.maps == 0 and tile.warps[0] == 1)):
        return False
    if tile.warps[1] > 1 and spatial[0] > tile.rows and spatial[0] % tile.rows:
        return False
    if tile.warps[2] > 1 and spatial[1] > tile.columns:
        return False
    rows = spatial[0] // tile.pooled[0]
    return maps >= 2 * tile.own[0] and rows >= HALVES * tile.own[1]


def _depths(fan_in: int, window: Window, bytes_each: int) -> Iterator[int]:
    word, group = 4 // bytes_each, 16 // bytes_each
    for least in (word, group):
        planes = -(-fan_in // least) * least
        # Columns of less than a group must lie one right behind the other.
        if planes % group == 0 or window.dilation[1] == 1:
            yield planes
    yield from (depth for depth in DEPTHS if depth < fan_in and depth % group == 0)


def _pitch(planes: int, window: Window, pooled: tuple[int, int], bytes_each: int) -> int:
    """The one, of little more than the planes, with the fewest conflicts of memory banks."""
    word, group = 4 // bytes_each, 16 // bytes_each
    if planes % group:
        return planes
    found = range(planes, planes + 2 * group, word)
    return min(found, key=lambda pitch: conflicts(pitch, window, pooled, bytes_each))


def conflicts(pitch: int, window: Window, pooled: tuple[int, int], bytes_each: int) -> int:
    """How many times the memory is asked for the pixels that a warp reads with one instruction."""
    step = pooled[1] * window.strides[1] * pitch * bytes_each // 4
    words = {step * column + lane for column in range(COLUMNS) for lane in range(4)}
    banks = [word % WARP for word in words]
    return max(banks.count(bank) for bank in banks)


def _cost(
    tile: MatrixTile,
    maps: int,
    blocks: int,
    spatial: Shape,
    window: Window,
    fan_in: int,
    bytes_each: int,
) -> float:
    rows, columns = spatial
    tiles = blocks * -(-maps // tile.maps) * -(-rows // tile.rows) * -(-columns // tile.columns)
    chunks, length = -(-fan_in // tile.planes), tile.length(window, bytes_each)
    steps = chunks * window.kernel[0] * length * bytes_each // STEP_BYTES
    warps = math.prod(tile.warps)
    turns = conflicts(tile.pitch, window, tile.pooled, bytes_each)
    loads = warps * (4 * tile.pixel_products * turns + 2 * tile.own[0])
    products = warps * tile.pixel_products * tile.own[0] * PRODUCT_CYCLES
    pixels = chunks * math.prod(tile.reach(window)) * tile.planes * COST_OF_PIXEL / LANES
    of_a_block = steps * max(loads, products) + pixels
    alone = steps * max(LATENCY, tile.pixel_products * tile.own[0] * PRODUCT_CYCLES * 4)
    alone += pixels + chunks * MEMORY_LATENCY
    return max(alone, of_a_block, tiles / MULTIPROCESSORS * of_a_block)
