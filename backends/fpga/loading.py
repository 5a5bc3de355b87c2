"""Rows on their way into window memory, whose one write port the pictures of an engine share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.backends.fpga.schedule import Channel, RowStore, in_turn
from sightline.ir.types import Array

SLOT_LOADED = 7
"""From the last step of a job to the first value in a slot that it let go of."""


@dataclass(frozen=True, eq=False)
class Port:
    """A write port as a picture finds it: others write in the cycles that are `taken`, in order."""

    taken: Array

    def number(self, cycles: Array) -> Array:
        """The numbers of the first free cycles from each of these on, counting free ones alone."""
        return cycles - np.searchsorted(self.taken, cycles)

    def cycle(self, numbers: Array) -> Array:
        """The free cycles of these numbers."""
        free_before = self.taken - np.arange(len(self.taken))
        return numbers + np.searchsorted(free_before, numbers, side="right")


ALONE = Port(np.zeros(0, np.int64))


@dataclass(eq=False)
class Loader:
    """Takes rows of pixels of `channels` values from a channel into a store.

    A source's channel holds pixels, which leave it together (`wide`); others hold values.
    """

    channel: Channel
    store: RowStore
    channels: int
    wide: bool
    port: Port = ALONE
    last: int = -1
    writes: list[Array] = field(default_factory=list)

    def step(self) -> bool:
        """Load the next row, if it is known when it comes and when it may."""
        number, free = len(self.channel.taken), self.store.free_at()
        if number >= len(self.channel.ready) or free is None:
            return False
        may_begin = free + SLOT_LOADED
        ready = self.channel.ready[number]
        taken = self.pixels(ready, may_begin) if self.wide else self.values(ready, may_begin)
        self.channel.taken.append(taken)
        self.last = int(self.writes[-1][-1])
        self.store.begun += 1
        self.store.whole.append(self.last)
        return True

    def values(self, ready: Array, may_begin: int) -> Array:
        """One a cycle, each as it is there."""
        earliest = ready.copy()
        earliest[0] = max(earliest[0], may_begin, self.last + 1)
        self.writes.append(self.port.cycle(in_turn(self.port.number(earliest), 1)))
        return self.writes[-1]

    def pixels(self, ready: Array, may_begin: int) -> Array:
        """A pixel leaves the channel a cycle before its first value may be written, or waits there.

        The next may leave as its last value is written.
        """
        first = max(int(ready[0]), self.last)
        earliest = ready + 1
        earliest[0] = max(first + 1, may_begin)
        begun = in_turn(self.port.number(earliest), self.channels)
        written = self.port.cycle(begun[:, None] + np.arange(self.channels))
        self.writes.append(written.reshape(-1))
        return np.concatenate([[first], np.maximum(ready[1:], written[:-1, -1])])


def ports_of(loaders: list[Loader]) -> list[Port]:
    """The port as each finds it: of those that want to write at once, the last goes first."""
    found, taken = [], ALONE.taken
    for loader in reversed(loaders):
        found.append(Port(taken))
        taken = np.sort(np.concatenate([taken, *loader.writes]))
    return found[::-1]


def is_found(loader: Loader, port: Port) -> bool:
    """Whether a loader did what it does with this port: it assumed it, or never met the others."""
    if np.array_equal(loader.port.taken, port.taken):
        return True
    met = np.intersect1d(np.concatenate([*loader.writes, ALONE.taken]), port.taken)
    return loader.port is ALONE and not len(met)
