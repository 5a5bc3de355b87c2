"""The tables of an engine: what it multiplies in which step, and what it does to each sum.

The steps of a layer, for a multiplier array of `taps` x `lanes`:

    for maps in blocks of `lanes`:      maps that see the same inputs
      for channel in its inputs:        one plane of each map
        for fold in kernel:             `taps` pixels of the window at once, row by row
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from sightline.backends.fpga.network import Bank, Layer
from sightline.hw.parameters import Block, MapNumbers, Numbers


@dataclass(frozen=True)
class Array:
    """A multiplier array: `taps` pixels of a window of `kernel`, times the weights of `lanes`."""

    kernel: tuple[int, int]
    taps: int
    lanes: int

    def __post_init__(self) -> None:
        cells = self.kernel[0] * self.kernel[1]
        if not 1 <= self.taps <= cells or self.lanes < 1:
            raise ValueError(
                f"an array has 1 to {cells} taps, its kernel being {self.kernel}, and at least 1 "
                f"lane, not {self.taps} and {self.lanes}"
            )

    @property
    def products(self) -> int:
        return self.taps * self.lanes

    def folds(self, kernel: tuple[int, int]) -> list[int]:
        """The parts of the window in which a kernel has cells, which may be a smaller one."""
        cells = (y * self.kernel[1] + x for y in range(kernel[0]) for x in range(kernel[1]))
        return sorted({cell // self.taps for cell in cells})


@dataclass(frozen=True)
class Step:
    """One cycle: a fold of the windows of a channel, for some maps; channel -1 is a pause."""

    channel: int
    fold: int
    maps: range


@dataclass(frozen=True)
class LayerSteps:
    """The steps of one layer, and the blocks that they make up."""

    blocks: tuple[Block, ...]
    steps: tuple[Step, ...]


def widest_block(layers: Iterable[Layer], array: Array) -> int:
    """The most lanes that a block uses."""
    return min(array.lanes, max(block.maps for layer in layers for block in layer.blocks))


def layer_steps(layer: Layer, array: Array, sums: int, before: int) -> LayerSteps:
    """All steps for one sum of each map; `sums` is the fewest that a pool window has.

    The sums of a block leave one a cycle, while the next block is computed: a block takes at least
    as many cycles as the array has lanes in use, with pauses where it has fewer steps. The first
    block may follow one of another layer, which may have had `before` maps.
    """
    folds = array.folds(layer.kernel)
    widest = widest_block([layer], array)
    blocks: list[Block] = []
    steps: list[Step] = []
    for block in layer.blocks:
        for first in range(block.first, block.last, array.lanes):
            maps = range(first, min(first + array.lanes, block.last))
            own = [Step(channel, fold, maps) for channel in block.inputs for fold in folds]
            leaving = widest if blocks else max(widest, before)
            own += [Step(-1, 0, maps)] * max(0, -(-leaving // sums) - len(own))
            blocks.append(Block(len(own), len(maps)))
            steps += own
    return LayerSteps(tuple(blocks), tuple(steps))


def fewest_sums(bank: Bank) -> int:
    """The fewest sums that a pool window has: those at the edges may be cut short."""
    found = 1
    for axis in (0, 1):
        count = (bank.rows, bank.columns)[axis]
        last = bank.sums[axis] - (count - 1) * bank.pool_strides[axis]
        found *= min(bank.pool[axis], last)
    return found


def step_weights(layer: Layer, array: Array, steps: Iterable[Step]) -> Numbers:
    """`[steps, taps, lanes]`: zero where the layer has none."""
    blocks = {number: block for block in layer.blocks for number in range(block.first, block.last)}
    cells = array.kernel[0] * array.kernel[1]
    folds = -(-cells // array.taps)
    rows, columns = layer.kernel
    nothing = np.zeros((array.taps, array.lanes), np.int64)

    @cache
    def places(first: int) -> dict[int, int]:
        """The place of each input among those of a block, by the block's first map."""
        return {channel: place for place, channel in enumerate(blocks[first].inputs)}

    @cache
    def planes(channel: int, maps: range) -> Numbers:
        """`[folds, taps, lanes]`, of one input for some maps of a block."""
        block = blocks[maps.start]
        before = np.arange(len(maps)) + maps.start - block.first
        pairs = block.first_pair + before * len(block.inputs) + places(block.first)[channel]
        windows = np.zeros((array.lanes, *array.kernel), np.int64)
        windows[: len(maps), :rows, :columns] = layer.weights[pairs]
        padded = np.zeros((folds * array.taps, array.lanes), np.int64)
        padded[:cells] = windows.reshape(array.lanes, cells).T
        return padded.reshape(folds, array.taps, array.lanes)

    return np.stack(
        [
            nothing if step.channel < 0 else planes(step.channel, step.maps)[step.fold]
            for step in steps
        ]
    )


def map_numbers(layer: Layer, table: int) -> Iterator[MapNumbers]:
    """What is done to the sums of each map; `table` is where the layer's table begins, or -1."""
    rounding = layer.rounding
    for number in range(layer.maps):
        yield MapNumbers(
            layer.biases[number],
            rounding.multipliers[number % len(rounding.multipliers)],
            rounding.shifts[number % len(rounding.shifts)],
            rounding.zero_point,
            rounding.low,
            rounding.high,
            table,
        )
