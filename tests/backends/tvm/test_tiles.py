"""Tiles fit the registers and cover every position."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.tiles import choose_tile

AVX512 = Machine(lanes=16, registers=32)

machines = st.sampled_from([AVX512, Machine(8, 16), Machine(4, 16), Machine(4, 32)])
spatials = st.lists(st.integers(1, 200), min_size=1, max_size=3).map(tuple)


@given(machines, st.integers(1, 300), spatials)
def test_a_tile_fits_and_covers(machine: Machine, maps: int, spatial: tuple[int, ...]) -> None:
    tile = choose_tile(machine, maps, spatial)
    assert maps % tile.maps == 0
    assert 1 <= tile.lanes <= machine.lanes
    pixels = tile.rows * tile.vectors
    assert tile.maps * pixels < machine.registers
    covered = tile.covers(spatial)
    assert all(size <= more for size, more in zip(spatial, covered, strict=True))
    assert covered[-1] - spatial[-1] < tile.columns
    assert covered[:-2] == spatial[:-2]


def test_the_scene_net_wastes_no_lane() -> None:
    """Its maps come in blocks of 2, 6 and 24, on rows that are whole vectors."""
    for maps, width in ((2, 320), (6, 160), (24, 80)):
        tile = choose_tile(AVX512, maps, (60, width))
        assert tile.maps * tile.rows * tile.vectors >= 12
        assert tile.covers((60, width)) == (60, width)
