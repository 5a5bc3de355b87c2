"""How the target `cuda` cuts filter banks into blocks of threads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.gpu.tiles import (
    CHUNKS,
    HELD_BYTES,
    MOST_SUMS,
    MOST_THREADS,
    MULTIPROCESSORS,
    SHARED_BYTES,
    Tile,
    choose_tile,
    conflicts,
)
from sightline.ir.window import Window
from tests.support.examples import examples

windows = st.builds(
    Window,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)


def shared_bytes(tile: Tile, window: Window, bytes_each: tuple[int, int]) -> int:
    pixels, weights = math.prod(tile.reach(window)), window.taps * tile.maps
    return tile.planes * (pixels * bytes_each[0] + weights * bytes_each[1])


@given(
    st.integers(1, 300),
    st.integers(1, 12),
    st.tuples(st.integers(2, 200), st.integers(2, 200)),
    windows,
    st.integers(1, 600),
    st.sampled_from([(1, 1), (2, 2)]),
    st.sampled_from([(4, 4), (1, 1)]),
    st.integers(0, 3),
)
@examples(20)
def test_a_tile_fits(
    maps: int,
    blocks: int,
    spatial: tuple[int, int],
    window: Window,
    fan_in: int,
    pooled: tuple[int, int],
    bytes_each: tuple[int, int],
    rank: int,
) -> None:
    best = choose_tile(maps, blocks, spatial, window, fan_in, pooled, bytes_each, True, rank)
    assert best is not None
    cycles, tile = best
    assert cycles > 0
    assert shared_bytes(tile, window, bytes_each) <= SHARED_BYTES
    assert math.prod(tile.own) * math.prod(tile.pooled) <= MOST_SUMS
    assert math.prod(tile.threads) <= MOST_THREADS
    assert maps % tile.maps == 0
    assert tile.planes <= min(fan_in, max(CHUNKS))


@pytest.mark.parametrize(("maps", "fan_in", "size"), [(8, 256, (30, 40)), (1024, 1024, (7, 7))])
def test_banks_of_one_pixel_wait_for_few_turns(
    maps: int, fan_in: int, size: tuple[int, int]
) -> None:
    best = choose_tile(maps, 1, size, Window((1, 1)), fan_in, (1, 1), (4, 4), True)
    assert best is not None
    assert fan_in / best[1].planes <= 16
    assert fan_in % best[1].planes == 0


def test_shared_memory_leaves_room_for_all_blocks() -> None:
    window = Window((7, 7))
    best = choose_tile(6, 11, (120, 160), window, 8, (2, 2), (4, 4), False)
    assert best is not None
    tile = best[1]
    blocks = 11 * -(-120 // tile.rows) * -(-160 // tile.columns) / MULTIPROCESSORS
    assert blocks * shared_bytes(tile, window, (4, 4)) <= HELD_BYTES


@given(st.integers(1, 16), st.sampled_from([1, 4, 8, 16, 32]), st.integers(1, 99))
@examples(20)
def test_odd_steps_meet_no_bank_twice_in_a_row_of_lanes(rows: int, columns: int, half: int) -> None:
    assert conflicts(1, columns, 0, 2 * half + 1) == 1
    assert conflicts(rows, 1, 32, 32) == min(rows, 16)
    places = np.arange(32) // columns % rows * 32 * half + np.arange(32) % columns
    found = np.bincount(np.unique(places) % 32).max()
    assert conflicts(rows, columns, 32 * half, 1) == found
