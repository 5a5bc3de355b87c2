"""How a filter bank is cut into the tiles of a GPU's blocks and threads. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from sightline.ir.types import Shape
from sightline.ir.window import Window

SHARED_BYTES = 40 << 10
"""Of shared memory for a block: below the 48 KB that every device gives unasked."""

MOST_THREADS, FEWEST_THREADS = 256, 32
MOST_SUMS = 32
"""In the registers of a thread."""

MULTIPROCESSORS, LANES = 132, 128
"""Of the device that tiles are chosen for, and the multiply-adds that each does in a cycle."""

MEMORY_LATENCY = 800
"""Cycles until numbers of the device's memory are there, where nothing else is to be done."""

LAUNCH = 3000
"""Cycles that a kernel more takes."""

CHUNK = 8
"""The most planes that are in shared memory at once."""

WIDTHS, HEIGHTS, DEPTHS = (1, 4, 8, 16, 32), (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 32)
OWN_MAPS, OWN_ROWS, OWN_COLUMNS = (1, 2, 3, 4, 5, 6, 7, 8), (1, 2, 3, 4), (1, 3, 5)
"""Odd columns: threads side by side then read other banks of the shared memory."""


Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Tile:
    """What a block of threads computes.

    Its threads stand in `threads` (maps, rows, columns), each with `own` windows (maps, rows,
    columns), and a window has `pooled` (rows, columns) sums. `planes` are in shared memory at once.
    """

    threads: tuple[int, int, int]
    own: tuple[int, int, int]
    pooled: tuple[int, int]
    planes: int

    @property
    def maps(self) -> int:
        return self.threads[0] * self.own[0]

    @property
    def rows(self) -> int:
        return self.threads[1] * self.own[1] * self.pooled[0]

    @property
    def columns(self) -> int:
        return self.threads[2] * self.own[2] * self.pooled[1]

    def reach(self, window: Window) -> tuple[int, int]:
        """Rows and columns of the input that the tile sees."""
        sizes = zip((self.rows, self.columns), window.strides, window.reach, strict=True)
        rows, columns = ((size - 1) * stride + reach for size, stride, reach in sizes)
        return rows, columns


def choose_tile(
    maps: int,
    blocks: int,
    spatial: Shape,
    window: Window,
    fan_in: int,
    pooled: tuple[int, int],
    bytes_each: tuple[int, int],
    is_even: bool,
    rank: int = 0,
) -> tuple[float, Tile] | None:
    """The tile that takes the fewest cycles, and these; none if no tile fits the shared memory.

    Or, of rank 1, 2, …, those that take more, up to the last one.

    `maps` of each of `blocks` see the same `fan_in` planes; `bytes_each` are those of a pixel and
    of a weight. A tap costs a thread its multiply-adds and the loads for them; a chip takes as many
    rounds as its multiprocessors need for all tiles.
    """
    found = []
    for threads in _threads():
        for own in _owned(threads, maps, pooled):
            tile = Tile(threads, own, pooled, 1)
            one = _bytes_of_plane(tile, window, bytes_each)
            if one > SHARED_BYTES or not (is_even or tile.maps == maps):
                continue
            planes = min(CHUNK, fan_in, SHARED_BYTES // (2 * one) or 1)
            cost = _cost(tile, maps, blocks, spatial) * fan_in * window.taps
            found.append((cost, Tile(threads, own, pooled, planes)))
    return ranked(found, rank)


def ranked(found: list[tuple[float, Kind]], rank: int) -> tuple[float, Kind] | None:
    """What has this place in the order of cost, or the last; none if there is nothing."""
    order = sorted(found, key=lambda each: each[0])
    return order[min(rank, len(order) - 1)] if order else None


def _threads() -> list[tuple[int, int, int]]:
    return [
        (deep, tall, wide)
        for wide in reversed(WIDTHS)
        for tall in HEIGHTS
        for deep in DEPTHS
        if FEWEST_THREADS <= deep * tall * wide <= MOST_THREADS
    ]


def _owned(
    threads: tuple[int, int, int], maps: int, pooled: tuple[int, int]
) -> list[tuple[int, int, int]]:
    return [
        (own, rows, columns)
        for own in OWN_MAPS
        if maps % (threads[0] * own) == 0
        for rows in OWN_ROWS
        for columns in OWN_COLUMNS
        if own * rows * columns * math.prod(pooled) <= MOST_SUMS
    ]


def _bytes_of_plane(tile: Tile, window: Window, bytes_each: tuple[int, int]) -> int:
    pixels, weights = math.prod(tile.reach(window)), window.taps * tile.maps
    return pixels * bytes_each[0] + weights * bytes_each[1]


def _cost(tile: Tile, maps: int, blocks: int, spatial: Shape) -> float:
    rows, columns = spatial
    tiles = blocks * (maps // tile.maps) * -(-rows // tile.rows) * -(-columns // tile.columns)
    pixels = tile.own[1] * tile.own[2] * math.prod(tile.pooled)
    sums, loads = tile.own[0] * pixels, tile.own[0] + pixels
    threads = math.prod(tile.threads)
    rounds = max(1.0, tiles / MULTIPROCESSORS)
    # A multiprocessor with too few threads waits for its shared memory.
    return rounds * max(threads, LANES) / LANES * (sums + loads)
