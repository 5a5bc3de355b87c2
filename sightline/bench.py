"""An artifact's time per frame, on each of its targets and beside peers: as data."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from sightline.artifact import Artifact
from sightline.backends.fpga.frames import random_frame
from sightline.bench_results import Bench, LeftOut, Measured, Predicted
from sightline.frame_checks import Frame
from sightline.frames import frames_of
from sightline.frontend.model import Model
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.machine import threads_for
from sightline.measuring import Run, Times, interleaved, warm_up
from sightline.passes.inline_stages import inline_stages
from sightline.passes.pipeline import is_quantized
from sightline.peers.peer import Peer, Subject
from sightline.picture import limits

LEAST_FRAMES, LEAST_SECONDS = 50, 5.0
"""So many frames are measured at the least and so long for each contestant, if nothing is asked.

In less than that, a processor's clock and caches are not what they stay at.
"""

WARM_UP, DISTINCT = 5, 8
"""How many frames come before those measured, and how many random ones differ."""

PERCENT = 100

SEED = 1
"""Of the first random frame."""

CPU, ACCELERATOR, REFERENCE = "cpu", "fpga", "reference"
"""Targets of which something is known here: threads, a plan, that it is for truth."""


@dataclass(frozen=True)
class Request:
    """What is to be measured; without a source, frames are random ones, always the same."""

    targets: tuple[str, ...] = ()
    peers: tuple[Peer, ...] = ()
    frames: int | None = None
    threads: int | None = None
    source: str | None = None
    resize: bool = False


@dataclass(frozen=True)
class Contestant:
    """Whose frames are measured."""

    name: str
    form: str
    is_peer: bool
    run: Run


@dataclass(frozen=True)
class LineUp:
    """All that is measured of one artifact, and the seconds that each contestant took so far."""

    folder: str
    artifact: Artifact
    threads: int | None
    contestants: tuple[Contestant, ...]
    predicted: tuple[Predicted, ...]
    left_out: tuple[LeftOut, ...]
    frames: tuple[Frame, ...]
    seconds: tuple[list[float], ...]

    def bench(self) -> Bench:
        measured = tuple(
            Measured(each.name, each.form, each.is_peer, Times(tuple(seconds)))
            for each, seconds in zip(self.contestants, self.seconds, strict=True)
            if seconds
        )
        return Bench(
            self.folder,
            self.artifact.source,
            is_quantized(self.artifact.graph),
            self.threads,
            measured,
            self.predicted,
            self.left_out,
        )


@dataclass(frozen=True)
class Session:
    """What was found, artifact by artifact, and what interrupted it, if anything did."""

    found: tuple[Bench, ...]
    stopped: KeyboardInterrupt | None = None

    @property
    def measured(self) -> bool:
        return any(bench.measured for bench in self.found)


def measure_all(
    artifacts: Sequence[tuple[str, Artifact]], request: Request, report: Report = silent
) -> Session:
    """Each artifact in turn. If that is interrupted, the session has all that was measured."""
    found: list[Bench] = []
    current: LineUp | None = None
    stopped = None
    try:
        for folder, artifact in artifacts:
            current = line_up(folder, artifact, request, report)
            measure(current, request.frames, report)
            found.append(current.bench())
            current = None  # others' memory and threads go, before the next begins
    except KeyboardInterrupt as stop:
        stopped = stop
        found += [current.bench()] if current is not None else []
    return Session(tuple(found), stopped)


def line_up(folder: str, artifact: Artifact, request: Request, report: Report = silent) -> LineUp:
    """Targets loaded, peers prepared, and what those say that do not run the network."""
    names = targets_of(artifact, request)
    threads = threads_for(request.threads) if CPU in names or request.peers else None
    frames = frames_for(artifact.model, request)
    entries, left_out = [], []
    for name in names:
        try:
            entries.append(how(artifact, name))
        except UserError as error:
            if name in request.targets or len(names) == 1:
                raise
            left_out.append(LeftOut(name, str(error)))  # as cuda where there is no device
    contestants = [each for each in entries if isinstance(each, Contestant)]
    for number, peer in enumerate(request.peers):
        report(f"preparing {peer.name}", number, len(request.peers))
        try:
            contestants += prepared(peer, artifact, threads or 1, frames)
        except UserError as error:
            left_out.append(LeftOut(peer.name, str(error)))
    return LineUp(
        folder,
        artifact,
        threads,
        tuple(contestants),
        tuple(each for each in entries if isinstance(each, Predicted)),
        tuple(left_out),
        tuple(frames),
        tuple([] for _ in contestants),
    )


def measure(lined_up: LineUp, frames: int | None, report: Report = silent) -> None:
    """Frames of all contestants in turn; what each took is there at once."""
    runs = [each.run for each in lined_up.contestants]
    if not runs:
        return  # an accelerator's frames are foretold
    for done, _ in enumerate(warm_up(runs, lined_up.frames[0], WARM_UP), 1):
        report(f"warming up {lined_up.folder}", done, WARM_UP * len(runs))
    what = f"measuring {lined_up.folder}"
    rounds = long_enough(len(runs), report, what) if frames is None else range(frames)
    for done, (which, taken) in enumerate(interleaved(runs, lined_up.frames, rounds), 1):
        lined_up.seconds[which].append(taken)
        if frames is not None:
            report(what, done, frames * len(runs))


def long_enough(
    contestants: int, report: Report, what: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[int]:
    """Numbers of rounds, until there were enough and they took long enough for the contestants."""
    begin = clock()
    for number in count():
        share = min(number / LEAST_FRAMES, (clock() - begin) / (LEAST_SECONDS * contestants))
        report(what, round(min(share, 1.0) * PERCENT), PERCENT)
        if share >= 1:
            return
        yield number


def targets_of(artifact: Artifact, request: Request) -> tuple[str, ...]:
    """Those asked for; else all but the reference, which is for truth and not for speed."""
    if request.targets:
        return tuple(dict.fromkeys(request.targets))
    fast = tuple(name for name in artifact.targets if name != REFERENCE)
    return fast or artifact.targets


def how(artifact: Artifact, target: str) -> Contestant | Predicted:
    """How a target is measured: what runs here by its frames, an accelerator by its plan."""
    if target == ACCELERATOR and target in artifact.targets:
        from sightline.accelerators import accelerator_of

        plan = accelerator_of(artifact).plan
        prediction = plan.prediction
        return Predicted(target, prediction.interval, prediction.latency, plan.clock_mhz)
    return Contestant(target, "", False, artifact.executable(target).run)


def prepared(
    peer: Peer, artifact: Artifact, threads: int, frames: Sequence[Frame]
) -> list[Contestant]:
    """A peer on the float network of an artifact, in each of its forms."""
    integers = is_quantized(artifact.graph)
    graph = artifact.model.original if integers else inline_stages(artifact.graph)
    if graph is None:
        raise UserError(
            f"{peer.name} is given float networks, and the artifact holds none beside its integers"
        )
    model = dataclasses.replace(artifact.model, graph=graph, original=None)
    forms = peer.prepare(Subject(model, threads, frames, integers))
    return [Contestant(peer.name, form.name, True, form.run) for form in forms]


def frames_for(model: Model, request: Request) -> list[Frame]:
    """The user's frames, or a few random ones; they are measured in turn."""
    limit = LEAST_FRAMES if request.frames is None else request.frames
    if request.source is not None:
        given = frames_of(model, request.source, limit=limit, resize=request.resize)
        return [{name: np.array(array) for name, array in frame.items()} for frame in given]
    picture = model.picture
    within = limits(picture) if picture is not None and len(model.graph.inputs) == 1 else None
    seeds = range(SEED, SEED + min(DISTINCT, limit))
    return [random_frame(model.graph, seed, within) for seed in seeds]
