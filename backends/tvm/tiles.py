"""How a filter bank is cut into tiles whose sums fit the vector registers. Pure arithmetic."""

from __future__ import annotations

from typing import NamedTuple

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.dot_products import FEWEST_LANES
from sightline.ir.types import Shape

LOAD = 0.2
"""What a load costs beside the multiply-adds that it is done along with."""

BROKEN = 1.15
"""What it costs if rows end within tiles: each pixel is then found by itself."""

ALONE, TOGETHER = 20, 10
"""Cycles to do with a sum what follows the filter bank: number by number, or a vector at once."""

MOST_VECTORS = 4
"""Vectors of maps in a tile: more would leave too few registers for pixels."""


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


def choose_tile(
    machine: Machine,
    maps: int,
    spatial: Shape,
    pooled: Shape = (1, 1),
    taps: int = 64,
    rank: int = 0,
    whole: bool = False,
) -> Tile:
    """The tile that takes the fewest cycles for the maps of a block at all positions.

    Or, of rank 1, 2, …, those that take more, up to the last one.

    A tap takes as many multiply-adds as a tile has accumulators, and must load every vector of
    pixels and every weight. Fewer than eight accumulators wait for each other's results. A third
    of the registers is left for what is multiplied. A tile that a row may end within has its sums
    finished number by number. Of equals, the tile with the most pixels reads the weights least
    often. Windows that are `pooled` are whole within a tile.

    If `whole`, no tile is wider than a row: instructions for several products need whole vectors.
    """
    *above, columns = spatial
    height = above[-1] if above else 1
    widest = min(machine.lanes, 1 << (columns - 1).bit_length())
    limit = machine.registers * 5 // 8
    tall = pooled[0]
    candidates = [
        Tile(tile_maps, rows, vectors, lanes)
        for lanes in sorted({widest, widest // 2, FEWEST_LANES if whole else widest}, reverse=True)
        if lanes >= (FEWEST_LANES if whole else 1) and lanes % pooled[1] == 0
        for tile_maps in range(1, min(maps, limit) + 1)
        if maps % tile_maps == 0
        for rows in range(tall, min(height, limit // tile_maps) + 1, tall)
        for vectors in range(1, min(-(-columns // lanes), limit // (tile_maps * rows)) + 1)
        if not whole or vectors * lanes <= columns
    ]

    def cost(tile: Tile) -> tuple[int, int]:
        pixels = tile.rows * tile.vectors
        sums = tile.maps * pixels
        cycles = max(sums, tile.maps + pixels, 8) * taps
        finish = sums * (tile.lanes * ALONE if columns % tile.columns else TOGETHER)
        tiles = maps // tile.maps * -(-height // tile.rows) * -(-columns // tile.columns)
        return (cycles + finish) * tiles, -pixels

    return sorted(candidates, key=cost)[min(rank, len(candidates) - 1)]


class MapTile(NamedTuple):
    """What one set of accumulators covers: vectors of maps x pixels."""

    vectors: int
    pixels: int


def choose_map_tile(
    machine: Machine,
    maps: int,
    pixels: int,
    pooled: int = 1,
    spare: int = 1,
    rank: int = 0,
    row: int = 1,
) -> MapTile:
    """The tile that takes the fewest cycles for whole vectors of maps at so many pixels.

    Or, of rank 1, 2, …, those that take more, up to the last one.

    Each pixel is `pooled` sums, of which one remains. A tap takes as many multiply-adds as there
    are sums, and loads each vector of weights and each pixel; see `choose_tile`. `spare` registers
    hold what is spread over the lanes, and products. `row` pixels lie side by side.
    """
    vectors = maps // machine.lanes
    candidates = [
        MapTile(tall, wide)
        for tall in range(1, min(vectors, MOST_VECTORS) + 1)
        if vectors % tall == 0
        for wide in range(1, min(pixels, machine.registers) + 1)
        if tall * wide * pooled + tall + spare <= machine.registers
    ]

    def cost(tile: MapTile) -> float:
        sums, loads = tile.vectors * tile.pixels * pooled, tile.vectors + tile.pixels * pooled
        cycles = max(sums, loads, 8) + LOAD * loads
        if row % tile.pixels and tile.pixels % row:
            cycles *= BROKEN
        return cycles * (vectors // tile.vectors) * -(-pixels // tile.pixels)

    return sorted(candidates, key=cost)[min(rank, len(candidates) - 1)]


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
