"""How a filter bank is cut into the tiles of a GPU's blocks and threads. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, TypeVar

from sightline.ir.types import Shape
from sightline.ir.window import Window

SHARED_BYTES = 40 << 10
"""Of shared memory for a block: below the 48 KB that every device gives unasked."""

MOST_THREADS, FEWEST_THREADS = 256, 32
MOST_SUMS = 32
"""In the registers of a thread."""

MULTIPROCESSORS, LANES = 132, 128
"""Of the device that tiles are chosen for, and the multiply-adds that each does in a cycle."""

SHARED_LANES, AT_ONCE = 32, 4
"""Threads that shared memory serves in a cycle; neighbouring weights that come with one load."""

HELD_THREADS, HELD_REGISTERS, HELD_BYTES = 2048, 1 << 16, 228 << 10
"""Of a multiprocessor, for the blocks that it runs at the same time."""

OTHER_REGISTERS, OTHER_BYTES = 32, 1 << 10
"""What a thread takes beside its sums, and a block beside its pixels and weights."""

MEMORY_LATENCY = 800
"""Cycles until numbers of the device's memory are there, where nothing else is to be done."""

LAUNCH = 3000
"""Cycles that a kernel more takes."""

CHUNKS = (4, 8, 16, 32, 64)
"""The most planes that may be in shared memory at once; all, if they are fewer."""

COST_OF_PIXEL, COST_OF_WEIGHT = 24, 6
"""Instructions that bring a number into shared memory: a pixel's place is found by divisions."""

ASKED_AT_ONCE, CACHE_LATENCY = 4, 260
"""Numbers that a thread asks for before it waits, as nvcc unrolls loops by so many; and how long it
waits: what an earlier kernel or another block had to do with is in the cache of the whole chip."""

BARRIERS = 60
"""Cycles of the two barriers around what is in shared memory."""

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


@cache
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
            if is_even or tile.maps == maps:
                tiles = blocks * (maps // tile.maps) * _cells(tile, spatial)
                found += _in_chunks(tile, tiles, window, fan_in, bytes_each)
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


def _cells(tile: Tile, spatial: Shape) -> int:
    rows, columns = spatial
    return -(-rows // tile.rows) * -(-columns // tile.columns)


def _in_chunks(
    tile: Tile, tiles: int, window: Window, fan_in: int, bytes_each: tuple[int, int]
) -> list[tuple[float, Tile]]:
    """The tile with as many planes at once as take the fewest cycles, and these; or nothing."""
    work = _work(tile, window, bytes_each)
    room = SHARED_BYTES // work.bytes
    if not room:
        return []
    chunks = {_chunk(fan_in, min(most, room)) for most in CHUNKS}
    cost, planes = min((_cost(work, planes, tiles, fan_in), planes) for planes in chunks)
    return [(cost, replace(tile, planes=planes))]


@cache
def _chunk(fan_in: int, most: int) -> int:
    """Planes of a turn: all turns have as many, or about as many where those would be few."""
    even = max(planes for planes in range(1, most + 1) if fan_in % planes == 0)
    about = -(-fan_in // -(-fan_in // most))
    return even if 2 * even >= about else about


class Work(NamedTuple):
    """What a plane costs a block: numbers of pixels and weights that are brought, and their bytes;
    instructions of a thread, and cycles that shared memory takes for each."""

    threads: int
    sums: int
    pixels: int
    weights: int
    bytes: int
    instructions: int
    served: int


def _work(tile: Tile, window: Window, bytes_each: tuple[int, int]) -> Work:
    """A thread reads each column of pixels once for a row of taps, and weights side by side."""
    (own_maps, own_rows, own_columns), (tall, wide) = tile.own, tile.pooled
    rows, columns = window.kernel
    pitch = tile.reach(window)
    sums, across = own_maps * own_rows * own_columns * tall * wide, own_columns * wide
    seen = min((across - 1) * window.strides[1] + window.reach[1], across * columns)
    pixels, weights = own_rows * tall * seen, columns * own_maps // math.gcd(own_maps, AT_ONCE)
    steps = own_rows * tall * window.strides[0] * pitch[1], across * window.strides[1]
    numbers = math.prod(pitch), window.taps * tile.maps
    return Work(
        math.prod(tile.threads),
        sums,
        *numbers,
        numbers[0] * bytes_each[0] + numbers[1] * bytes_each[1],
        rows * (columns * sums + pixels + weights),
        rows * (pixels * conflicts(*tile.threads[1:], *steps) + weights),
    )


def _cost(work: Work, planes: int, tiles: int, fan_in: int) -> float:
    """Cycles at work, and those of waiting in which no other block works."""
    turns = -(-fan_in // planes)
    brought = [-(-each * planes // work.threads) for each in (work.pixels, work.weights)]
    fill = brought[0] * COST_OF_PIXEL + brought[1] * COST_OF_WEIGHT
    waits = sum(-(-each // ASKED_AT_ONCE) for each in brought)
    waiting = turns * (waits * CACHE_LATENCY + BARRIERS)
    held = min(
        HELD_THREADS // work.threads,
        HELD_REGISTERS // (work.threads * (work.sums + OTHER_REGISTERS)),
        HELD_BYTES // (planes * work.bytes + OTHER_BYTES),
    )
    rounds = -(-tiles // MULTIPROCESSORS)
    together = min(rounds, held)
    instructions = fan_in * work.instructions + turns * fill
    # A multiprocessor with too few threads waits for its own results.
    issued = instructions * max(work.threads, LANES / together) / LANES
    served = (fan_in * work.served + turns * sum(brought)) * work.threads / SHARED_LANES
    return rounds * (max(issued, served) + waiting / together)


@cache
def conflicts(rows: int, columns: int, down: int, across: int) -> int:
    """How many times shared memory is asked for the pixels that a warp reads at the same time.

    A warp's lanes stand in columns, then rows, then maps; `down` and `across` lie between two.
    """
    # Two numbers come with one load if they lie so; then half of the warp is served in a cycle.
    few = math.gcd(down, across, 2)
    lanes = SHARED_LANES // few
    places = {
        (lane // columns % rows * down + lane % columns * across) // few for lane in range(lanes)
    }
    banks = [place % lanes for place in places]
    return max(banks.count(bank) for bank in banks)
