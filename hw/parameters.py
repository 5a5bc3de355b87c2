"""What an engine is told when it is built: plain numbers, which the planner finds.

Job ── a row of results of a ── Task ── reads ── Ring ── rows of a picture in window memory
                                 └───── writes ─ an Outlet (a stream), or a ring of its own
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def require_whole(engine: EngineParameters) -> None:
    """ValueError if an engine's parts do not go together."""
    for problem in _problems(engine):
        raise ValueError(f"the engine {engine.name} {problem}")


def _problems(engine: EngineParameters) -> Iterator[str]:
    for where, shape in (("outside", engine.outside), ("inside", engine.inside)):
        if shape.rings and (shape.slots, shape.kernel) != (engine.slots, engine.kernel):
            yield (
                f"has {engine.slots} row slots and windows of {engine.kernel}, but its memory of "
                f"rings {where} has {shape.slots} and {shape.kernel}"
            )
    steps = sum(block.steps for block in engine.blocks)
    maps = sum(block.maps for block in engine.blocks)
    listed = (len(engine.channels), len(engine.folds), engine.weights.shape[0])
    if set(listed) != {steps}:
        yield f"has blocks of {steps} steps, but channels, folds and weights of {listed}"
    if len(engine.maps) != maps:
        yield f"has blocks of {maps} maps, but the numbers of {len(engine.maps)}"
    widest = max(block.maps for block in engine.blocks)
    if widest > engine.lanes:
        yield f"has {engine.lanes} lanes, but a block of {widest} maps"
    yield from _problems_of_jobs(engine)


def _problems_of_jobs(engine: EngineParameters) -> Iterator[str]:
    places = len(engine.outlets) + len(engine.inside.rings)
    for task in engine.tasks:
        rings = len((engine.inside if task.inside else engine.outside).rings)
        if not (0 <= task.ring < rings and 0 <= task.destination < places):
            yield (
                f"has {rings} rings and {places} destinations, but '{task.name}' reads ring "
                f"{task.ring} and writes to {task.destination}"
            )
    for number, job in enumerate(engine.jobs):
        if not 0 <= job.task < len(engine.tasks):
            yield f"has {len(engine.tasks)} tasks, but job {number} is of task {job.task}"
        if max(job.need, job.release) > engine.slots:
            yield (
                f"has {engine.slots} row slots, but job {number} needs {job.need} rows and lets "
                f"go of {job.release}"
            )
