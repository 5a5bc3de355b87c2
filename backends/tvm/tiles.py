"""How a filter bank is cut into tiles whose sums fit the vector registers. Pure arithmetic."""

from __future__ import annotations

from typing import NamedTuple

from sightline.backends.tvm.build import Machine
from sightline.ir.types import Shape


class Tile(NamedTuple):
    """What one set of accumulators covers: maps x rows x (vectors x lanes) pixels."""

    maps: int
    rows: int
    vectors: int
    lanes: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    def covers(self, spatial: Shape) -> Shape:
        """The positions that whole tiles cover, at least those asked for."""
        *above, columns = spatial
        if above:
            above[-1] = _up(above[-1], self.rows)
        return (*above, _up(columns, self.columns))


def choose_tile(machine: Machine, maps: int, spatial: Shape) -> Tile:
    """The tile that takes the fewest cycles for the maps of a block at all positions.

    A tile's tap takes as many multiply-adds as it has accumulators, and must load every vector of
    pixels and every weight. Fewer than eight accumulators wait for each other's results. A third
    of the registers is left for what is multiplied. Of equals, the tile with the most pixels reads
    the weights least often.
    """
    *above, columns = spatial
    height = above[-1] if above else 1
    lanes = min(machine.lanes, 1 << (columns - 1).bit_length())
    limit = machine.registers * 5 // 8
    candidates = [
        Tile(tile_maps, rows, vectors, lanes)
        for tile_maps in range(1, min(maps, limit) + 1)
        if maps % tile_maps == 0
        for rows in range(1, min(height, limit // tile_maps) + 1)
        for vectors in range(1, min(-(-columns // lanes), limit // (tile_maps * rows)) + 1)
    ]

    def cost(tile: Tile) -> tuple[int, int]:
        pixels = tile.rows * tile.vectors
        cycles = max(tile.maps * pixels, tile.maps + pixels, 8)
        tiles = maps // tile.maps * -(-height // tile.rows) * -(-columns // tile.columns)
        return cycles * tiles, -pixels

    return min(candidates, key=cost)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
