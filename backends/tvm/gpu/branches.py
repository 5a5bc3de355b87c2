"""Which launches of a frame wait for which: those that need nothing of each other run at once.

    stream 0    0 ─→ 1 ────→ 4 ─→ 5         5 reads what 4 and 3 wrote
    stream 1      └→ 2 ─→ 3 ──────┘         2 reads what 0 wrote

Few launches of a small picture fill a device. Values of branches that run at once lie apart: two
share memory only if every launch that uses the one is over before any that uses the other begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_STREAMS = 8
"""Of more branches than these, some follow others."""


@dataclass(frozen=True)
class Branches:
    """The order of launches, which are numbered so that none waits for a later one.

    `waits` are those that each waits for, but for what follows from these. `streams` say how to
    capture it: launches of one stream follow each other.
    """

    waits: tuple[tuple[int, ...], ...]
    streams: tuple[int, ...]
    before: tuple[int, ...]
    """All that are over before each begins, as bits."""

    def is_over(self, first: Sequence[int], then: Sequence[int]) -> bool:
        """Whether all of the first are over before any of those then begins."""
        bits = sum(1 << number for number in first)
        return all(self.before[number] & bits == bits for number in then)


def branches(
    used: Sequence[Sequence[str]], ops: Sequence[int], makers: Mapping[str, int]
) -> Branches:
    """The order of launches that use these values, each for one of the ops.

    A value is written by launches of its maker, an op, and by no other. Which of them write it is
    not known: all that use it come before others, and in their order.
    """
    waits: list[tuple[int, ...]] = []
    before: list[int] = []
    writers: dict[str, list[int]] = {}
    for number, (names, op) in enumerate(zip(used, ops, strict=True)):
        needed = {each for name in names for each in writers.get(name, [])}
        implied = 0
        for each in needed:
            implied |= before[each]
        waits.append(tuple(sorted(each for each in needed if not implied >> each & 1)))
        before.append(implied | sum(1 << each for each in needed))
        for name in names:
            if makers.get(name) == op:
                writers.setdefault(name, []).append(number)
    return Branches(tuple(waits), _streams(waits, before), tuple(before))


def _streams(waits: Sequence[Sequence[int]], before: Sequence[int]) -> tuple[int, ...]:
    """A launch follows the last of a stream: one that it waits for, or else one over by then.

    Else it opens a stream; where there are enough, it follows the launch that is the longest ago.
    """
    lasts: list[int] = []
    streams: list[int] = []
    for number, needed in enumerate(waits):
        followed = [last for last in lasts if last in needed]
        over = [last for last in lasts if before[number] >> last & 1]
        if not (followed or over) and len(lasts) < MOST_STREAMS:
            streams.append(len(lasts))
            lasts.append(number)
            continue
        last = max(followed) if followed else min(over or lasts)
        streams.append(lasts.index(last))
        lasts[streams[-1]] = number
    return tuple(streams)
