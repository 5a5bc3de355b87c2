"""The end of the accelerator in time: enlarged rows, sums, labels, and what leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.backends.fpga.schedule import Channel, RowStore, in_turn


@dataclass(eq=False)
class Enlarger:
    """Repeats each pixel of a row and each row `factor` times; two rows are kept meanwhile."""

    source: Channel
    result: Channel
    factor: int
    maps: int
    store: RowStore

    def step(self) -> bool:
        number = len(self.source.taken)
        while len(self.result.taken) >= (len(self.store.freed) + 1) * self.factor:
            last = (len(self.store.freed) + 1) * self.factor - 1
            self.store.freed.append(int(self.result.taken[last][-1]))
        free = self.store.free_at()
        if number >= len(self.source.ready) or free is None:
            return False
        earliest = self.source.ready[number].copy()
        earliest[0] = max(earliest[0], free + 1)
        taken = in_turn(earliest, 1)
        self.source.taken.append(taken)
        self.store.begun += 1
        row = np.repeat(taken.reshape(-1, self.maps), self.factor, axis=0).reshape(-1)
        for _ in range(self.factor):
            self.result.put(row)
        return True


@dataclass(eq=False)
class Adder:
    """Takes a value of each of two channels at once."""

    left: Channel
    right: Channel
    result: Channel
    last: int = -1

    def step(self) -> bool:
        number = len(self.left.taken)
        if number >= min(len(self.left.ready), len(self.right.ready)):
            return False
        earliest = np.maximum(self.left.ready[number], self.right.ready[number])
        earliest[0] = max(earliest[0], self.last + 1)
        taken = in_turn(earliest, 1)
        self.last = int(taken[-1])
        self.left.taken.append(taken)
        self.right.taken.append(taken)
        self.result.put(taken)
        return True


@dataclass(eq=False)
class Sink:
    """Takes what is there, one value a cycle."""

    source: Channel
    last: int = -1

    def step(self) -> bool:
        number = len(self.source.taken)
        if number >= len(self.source.ready):
            return False
        earliest = self.source.ready[number].copy()
        earliest[0] = max(earliest[0], self.last + 1)
        taken = in_turn(earliest, 1)
        self.last = int(taken[-1])
        self.source.taken.append(taken)
        return True
