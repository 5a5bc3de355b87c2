"""When each row is computed: the cycles of a plan, found without any gateware.

The accelerator is a chain of actors with buffers between them, each of which does its things in a
fixed order: receivers load rows into window memory, engines run jobs, the end consumes scores. So
the time of each event follows from those before it, whatever order they are looked at, and a plan
that cannot go on here would stand still on every device.

    offers ─ Fifo ─▶ Loader ─ rows ─▶ Engine ─ values ─ Fifo ─▶ Loader ─▶ … ─▶ Consumer
                       ◀─ free slots ─┘   ◀── credits (values taken out) ──┘
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.ir.types import Array

JOB_LIST = 4
"""Cycles from one job's start to the next, at the least: the list must be read."""

ROWS_SEEN = 3
"""From the last value of a row, as it is written, to a job that needs it."""

CREDIT_SEEN = 2
"""From the value that leaves a FIFO to a job that needs its place."""

SLOT_SEEN = 8
"""From the last step of a job to a job that needs the slot for its own results."""


class StuckError(Exception):
    """A plan whose buffers are too small to ever finish; says who waits for what."""


@dataclass(eq=False)
class Channel:
    """A FIFO: when its values come out if nobody is in the way, and when they were taken.

    Values are told in groups, each one row.
    """

    name: str
    latency: int
    depth: int
    ready: list[Array] = field(default_factory=list)
    taken: list[Array] = field(default_factory=list)
    reserved: list[int] = field(default_factory=list)
    written: int = 0

    def put(self, times: Array, reserved_at: int | None = None) -> None:
        """Values written at these cycles, for which there was to be room from another one on."""
        self.ready.append(times + self.latency)
        self.written += len(times)
        if reserved_at is not None:
            self.reserved.append(reserved_at)

    def room_at(self, cost: int) -> int | None:
        """The cycle in which a value leaves that makes room for so many more; None if unknown."""
        missing = self.written + cost - self.depth
        if missing <= 0:
            return -CREDIT_SEEN
        for group in self.taken:
            if missing <= len(group):
                return int(group[missing - 1])
            missing -= len(group)
        return None

    def needed(self) -> int:
        """The depth with which nobody ever waits for room.

        Room for a row is reserved when its job starts, and what left in the last cycles is not yet
        known to be free; pixels of a source take room as they come.
        """
        if not self.taken:
            return 1
        taken = np.sort(np.concatenate(self.taken))
        if self.reserved:
            starts = np.array(self.reserved)
            asked = np.cumsum([len(group) for group in self.ready])
            left = np.searchsorted(taken, starts - CREDIT_SEEN, side="right")
            return int((asked - left).max())
        written = np.sort(np.concatenate(self.ready) - self.latency)[: len(taken)]
        left = np.searchsorted(taken, written, side="right")
        return int((np.arange(1, len(written) + 1) - left).max())


@dataclass(eq=False)
class RowStore:
    """The rows of a ring: when each was whole, and when its slot was free again."""

    slots: int
    whole: list[int] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    begun: int = 0

    def free_at(self) -> int | None:
        """When the last step of the job was that freed a slot for the next row; None if unknown."""
        if self.begun < self.slots:
            return -SLOT_SEEN
        number = self.begun - self.slots
        return self.freed[number] if number < len(self.freed) else None


def in_turn(earliest: Array, apart: int) -> Array:
    """When each comes, not before its time, and at least so many cycles after the one before."""
    steps = np.arange(len(earliest), dtype=np.int64) * apart
    return np.maximum.accumulate(earliest - steps) + steps


@dataclass(frozen=True)
class Work:
    """A job as the schedule sees it.

    `values` are the cycles of its results after the job's start. Its store must have `need` rows,
    counted from those that are let go of; it lets go of `release`. Results go to `channel`, or to
    the store `own`.
    """

    name: str
    cycles: int
    values: Array
    store: RowStore
    need: int
    release: int
    channel: Channel | None
    own: RowStore | None


@dataclass(eq=False)
class Worker:
    """An engine: its jobs of one frame, again and again."""

    name: str
    jobs: list[Work]
    frames: int
    done: int = 0
    free: int = 0
    listed: int = 3
    released: dict[int, int] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.done == self.frames * len(self.jobs)

    def step(self) -> bool:
        """Run the next job, if it is known when it can."""
        if self.finished:
            return False
        job = self.jobs[self.done % len(self.jobs)]
        start = self.start_of(job)
        if start is None:
            return False
        end = start + job.cycles
        self.free, self.listed = end, start + JOB_LIST
        key = id(job.store)
        self.released[key] = self.released.get(key, 0) + job.release
        job.store.freed += [end] * job.release
        times = start + job.values
        if job.channel is not None:
            job.channel.put(times, start)
        else:
            assert job.own is not None
            job.own.begun += 1
            job.own.whole.append(int(times[-1]))
        self.done += 1
        return True

    def start_of(self, job: Work) -> int | None:
        row = self.released.get(id(job.store), 0) + job.need
        if row > len(job.store.whole):
            return None
        starts = [self.free, self.listed, job.store.whole[row - 1] + ROWS_SEEN]
        if job.channel is not None:
            room = job.channel.room_at(len(job.values))
            if room is None:
                return None
            starts.append(room + CREDIT_SEEN)
        else:
            assert job.own is not None
            free = job.own.free_at()
            if free is None:
                return None
            starts.append(free + SLOT_SEEN)
        return max(starts)

    def waits_for(self) -> str:
        job = self.jobs[self.done % len(self.jobs)]
        row = self.released.get(id(job.store), 0) + job.need
        lacks = "rows" if row > len(job.store.whole) else "room for its results"
        return f"{self.name} waits for {lacks} of {job.name}"
