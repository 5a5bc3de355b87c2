"""What an engine is told when it is built: plain numbers, which the planner finds.

Job ── a row of results of a ── Task ── reads ── Ring ── rows of a picture in window memory
                                 └───── writes ─ an Outlet (a stream), or a ring of its own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Ring:
    """Rows of one picture, kept as long as windows need them.

    A pixel of column x and channel c lies in bank x mod `banks`, at the word
    `base + (x div banks << channel_bits) + c`; each word has one place for each row slot.
    """

    name: str
    channels: int
    rows: int
    columns: int
    base: int

    @property
    def channel_bits(self) -> int:
        return (self.channels - 1).bit_length()

    def words(self, banks: int) -> int:
        """Words of each bank."""
        return -(-self.columns // banks) << self.channel_bits


@dataclass(frozen=True)
class WindowShape:
    """A window memory: rings of `slots` rows, in banks of columns, seen through a kernel."""

    rings: tuple[Ring, ...]
    slots: int
    kernel: tuple[int, int]
    bits: int

    def __post_init__(self) -> None:
        if self.rings and self.slots < 1:
            raise ValueError(f"a window memory has at least one row slot, not {self.slots}")

    @property
    def banks(self) -> int:
        """The least power of two that holds all columns of a window."""
        return 1 << (self.kernel[1] - 1).bit_length()

    @property
    def depth(self) -> int:
        return max((ring.base + ring.words(self.banks) for ring in self.rings), default=0)


@dataclass(frozen=True)
class Outlet:
    """A stream that an engine writes, through a FIFO that holds `depth` values."""

    name: str
    bits: int
    depth: int


@dataclass(frozen=True)
class Block:
    """Maps computed together, one a lane: after `steps` steps their sums are there."""

    steps: int
    maps: int


@dataclass(frozen=True)
class Task:
    """A filter bank at one scale.

    Its blocks, steps and maps begin at `first_block`, `first_step` and `first_map` of the engine's
    tables. A row has `columns` results; each pools `pool` sums, the last one of the row
    `last_pool` columns. Sums of the pool are `strides` input pixels apart, and pixels
    `column_step`; the first window begins at the column `first_column`, padding included.
    """

    name: str
    ring: int
    inside: bool
    fill: int
    first_block: int
    first_step: int
    first_map: int
    maps: int
    columns: int
    first_column: int
    column_step: int
    strides: tuple[int, int]
    pool: tuple[int, int]
    last_pool: int
    destination: int

    @property
    def row_values(self) -> int:
        return self.columns * self.maps


@dataclass(frozen=True)
class Job:
    """A row of results: windows begin at `first_row`, `above` rows of which are padding.

    It starts when its ring has `need` rows, counted from the oldest, and lets go of the `release`
    oldest ones at its end. `pool_rows` rows of sums are pooled.
    """

    task: int
    first_row: int
    above: int
    need: int
    release: int
    pool_rows: int


@dataclass(frozen=True)
class MapNumbers:
    """What is done to the sum of one map; `table` is the entry of its table for 0, -1 for none."""

    bias: int
    multiplier: int
    shift: int
    zero_point: int
    low: int
    high: int
    table: int


@dataclass(frozen=True, eq=False)
class EngineParameters:
    """All that makes an engine.

    Each step multiplies the pixels `folds[step]` of the window of channel `channels[step]` by
    `weights[step]`, `[taps, lanes]`; those of the last `in_luts` steps lie in LUTs. Rings `outside`
    are filled from streams, those `inside` by the engine itself. Destinations of tasks count the
    outlets first, then the inside rings.
    """

    name: str
    kind: str
    cascade: int
    in_luts: int
    kernel: tuple[int, int]
    data_bits: int
    sum_bits: int
    outside: WindowShape
    inside: WindowShape
    outlets: tuple[Outlet, ...]
    tasks: tuple[Task, ...]
    jobs: tuple[Job, ...]
    blocks: tuple[Block, ...]
    channels: tuple[int, ...]
    folds: tuple[int, ...]
    weights: Numbers
    maps: tuple[MapNumbers, ...]
    tables: tuple[int, ...]

    @property
    def taps(self) -> int:
        return int(self.weights.shape[1])

    @property
    def lanes(self) -> int:
        return int(self.weights.shape[2])

    @property
    def slots(self) -> int:
        """Row slots, the same in both memories."""
        return max(self.outside.slots, self.inside.slots)

    @property
    def bits(self) -> int:
        """Of results, the widest there are."""
        inside = [self.inside.bits] * bool(self.inside.rings)
        return max([outlet.bits for outlet in self.outlets] + inside)

    def task_blocks(self, task: Task) -> Sequence[Block]:
        """The blocks of a task, as many as make up its maps."""
        found: list[Block] = []
        for block in self.blocks[task.first_block :]:
            if sum(each.maps for each in found) == task.maps:
                break
            found.append(block)
        return found

    def pixel_steps(self, task: Task) -> int:
        """Steps for one sum of each map."""
        return sum(block.steps for block in self.task_blocks(task))

    def cycles(self, job: Job) -> int:
        """Cycles in which a job issues steps: one each, without a gap."""
        task = self.tasks[job.task]
        sums = (task.columns - 1) * task.pool[1] + task.last_pool
        return job.pool_rows * sums * self.pixel_steps(task)
