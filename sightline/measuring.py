"""Measuring time per frame: several programs in turn, and what their times say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sightline.frame_checks import Frame

Run = Callable[[Frame], object]
"""One frame, from arrays to arrays."""

PAUSE = 0.005
LONGEST_REST = 0.4
STILL = 0.1
"""Seconds between looks, the most that they add up to, and the share of them that is at rest."""


@dataclass(frozen=True)
class Times:
    """The seconds that each frame took, in the order in which they were measured."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return self.percentile(50)

    @property
    def spread(self) -> float:
        """How far the middle half of the times lies apart, as a part of their median."""
        return (self.percentile(75) - self.percentile(25)) / self.median

    def percentile(self, percent: float) -> float:
        """Between two times, in proportion."""
        return float(np.percentile(self.seconds, percent))


def warm_up(runs: Sequence[Run], frame: Frame, count: int) -> Iterator[None]:
    """Frames that nobody measures: memory is touched, threads are made."""
    for run in runs:
        for _ in range(count):
            run(frame)
            yield


def interleaved(
    runs: Sequence[Run],
    frames: Sequence[Frame],
    rounds: Iterable[int],
    *,
    rest: Callable[[], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[tuple[int, float]]:
    """Which was measured, and its seconds for a frame: each once a round, all on the same frame.

    `rounds` are numbered from 0.

    Whatever slows the machine for a while so slows all of them. Each round begins with another.
    Whoever's turn it is runs the frame twice, and the second time counts, as in a stream of frames;
    before, there is a rest, for the threads of others spin on after their work.
    """
    rest = rest or (lambda: settle()) if len(runs) > 1 else (lambda: None)
    for number in rounds:
        frame = frames[number % len(frames)]
        for turn in range(len(runs)):
            which = (number + turn) % len(runs)
            rest()
            runs[which](frame)
            start = clock()
            runs[which](frame)
            yield which, clock() - start


def settle() -> None:
    """Wait until no thread of this process computes any more, or a while has passed."""
    for _ in range(round(LONGEST_REST / PAUSE)):
        before = time.process_time()
        time.sleep(PAUSE)
        if time.process_time() - before < STILL * PAUSE:
            return
