"""An accelerator simulated on frames, and compared with the reference: as data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.artifact import Artifact
from sightline.backends.fpga.arrivals import offered
from sightline.backends.fpga.frames import probed, random_frame, values_in
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.target import Accelerated
from sightline.frame_checks import Frame
from sightline.frames import frames_of
from sightline.frontend.model import Model
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array
from sightline.picture import limits
from sightline.sim.accelerator import design_of
from sightline.sim.design import Design, Probe
from sightline.sim.measured import Measured
from sightline.sim.run import Options, Waveform, simulate

FEWEST = 2
"""Frames, where the user gives no number: an interval lies between two."""

PATIENCE = 100_000
"""Cycles without progress, at least, after which a run counts as stuck."""

BEFORE, AFTER = 400, 40
"""Cycles of a waveform around what went wrong."""


@dataclass(frozen=True)
class Request:
    """What is to be simulated, and how; without a source, frames are random ones by the seed."""

    source: str | None = None
    frames: int | None = None
    idle: float = 0.0
    backpressure: float = 0.0
    seed: int = 1
    resize: bool = False

    def __post_init__(self) -> None:
        for name in ("idle", "backpressure"):
            chance = getattr(self, name)
            if not 0 <= chance < 1:
                raise UserError(f"--{name} is a chance from 0 to below 1, not {chance:g}")
        if not 0 <= self.seed < 1 << 31:
            raise UserError(f"--seed is a number from 0 to {(1 << 31) - 1}, not {self.seed}")

    @property
    def disturbed(self) -> bool:
        return bool(self.idle or self.backpressure)


@dataclass(frozen=True)
class Simulated:
    """What a simulation found, beside what was planned."""

    plan: Plan
    measured: Measured
    disturbed: bool

    @property
    def ends(self) -> tuple[int, ...]:
        """The cycle of each whole frame's last result."""
        return self.measured.last_results

    @property
    def cycles_per_frame(self) -> int | None:
        """Between the last results of the last two frames."""
        return self.ends[-1] - self.ends[-2] if len(self.ends) > 1 else None

    @property
    def latencies(self) -> list[int]:
        """Of each frame, the cycles from its first pixel to its last result."""
        begun = self.measured.first_pixels
        return [end - first for first, end in zip(begun, self.ends, strict=False)]

    @property
    def utilization(self) -> float | None:
        """Multiply-accumulates of a frame over what the multipliers could do in its interval."""
        interval = self.cycles_per_frame
        return self.plan.macs / (self.plan.multipliers * interval) if interval else None

    @property
    def passed(self) -> bool:
        """Whether all is equal, and no pixel had to wait that came in time."""
        on_time = self.disturbed or not self.measured.ready_dropped
        return self.measured.bit_exact and not self.measured.stuck and on_time

    def problems(self) -> Iterator[str]:
        """A line for each thing that is wrong."""
        yield from self.measured.problems()
        for each in self.measured.inputs:
            if each.waited and not self.disturbed:
                yield f"{each.name}: tready was low in {each.waited} cycles while a pixel was there"

    def to_dict(self) -> dict[str, Any]:
        measured, plan = self.measured, self.plan
        return {
            "bit_exact": measured.bit_exact,
            "frames": measured.frames,
            "mismatches": measured.mismatches,
            "cycles_per_frame": self.cycles_per_frame,
            "latency_cycles": self.latencies[0] if self.latencies else None,
            "predicted_cycles_per_frame": plan.prediction.interval,
            "predicted_latency_cycles": plan.prediction.latency,
            "macs_per_frame": plan.macs,
            "multipliers": plan.multipliers,
            "mac_utilization": self.utilization,
            "ready_dropped": measured.ready_dropped,
            "depths": [
                {"name": level.name, "computed": level.depth, "measured": level.most}
                for level in measured.levels
            ],
        }


class Simulation:
    """An artifact's accelerator with its frames; `run` may be called more than once."""

    def __init__(
        self, artifact: Artifact, made: Accelerated, request: Request, report: Report = silent
    ) -> None:
        self.made = made
        self.request = request
        self.report = report
        self.design: Design = design_of(made.network, made.plan, made.verilog)
        frames = frames_for(artifact.model, request)
        self.count = len(frames)
        self.values = self.reference(frames)

    def reference(self, frames: list[Frame]) -> dict[str, Array]:
        """What passes at inputs, engines and outputs, [frame, map, row, column] by name."""
        made, names = self.made, probed(self.made.network)
        found: list[dict[str, Array]] = []
        for number, frame in enumerate(frames):
            self.report("reference: frames", number, len(frames))
            repeated = next((k for k in range(number) if frames[k] is frame), None)
            if repeated is None:
                found.append(values_in(made.graph, made.network, names, frame))
            else:
                found.append(found[repeated])
        return {name: np.stack([values[name] for values in found]) for name in names}

    def run(self, trace: Waveform | None = None) -> Simulated:
        plan, interval = self.made.plan, self.made.plan.prediction.interval
        streams = list(zip(self.design.inputs, self.made.network.sources, strict=True))
        offers = {
            port.name: offered(plan.offer(source.name), self.count, port.beats, interval)
            for port, source in streams
        }
        options = Options(
            idle=self.request.idle,
            backpressure=self.request.backpressure,
            seed=self.request.seed,
            patience=max(PATIENCE, interval),
            cycles=(self.count - 1) * interval + plan.prediction.latency,
            trace=trace,
        )
        stimuli = {port.name: self.values[source.name] for port, source in streams}
        found = simulate(self.design, stimuli, self.values, offers, options, self.report)
        return Simulated(plan, found, self.request.disturbed)

    def trace(self, found: Simulated, file: Path) -> None:
        """A waveform of the engine whose result differed first, or of all that was stuck."""
        self.run(waveform(self.design, found.measured, file))


def waveform(design: Design, found: Measured, file: Path) -> Waveform:
    """Where and when to look at what a run found."""
    if not found.examples:
        quiet = max((*found.last_results, *found.first_pixels, found.cycles - PATIENCE))
        return Waveform(file, "", max(0, quiet - BEFORE), found.cycles)
    first = min(found.examples, key=lambda each: each.cycle)
    stream = next(each for each in design.checked if each.name == first.stream)
    path = stream.valid.rpartition(".")[0] if isinstance(stream, Probe) else ""
    return Waveform(file, path, max(0, first.cycle - BEFORE), first.cycle + AFTER)


def frames_for(model: Model, request: Request) -> list[Frame]:
    """As many frames as are asked for: the user's in turn, or random ones."""
    if request.source is None:
        picture = model.picture
        within = limits(picture) if picture is not None and len(model.graph.inputs) == 1 else None
        seeds = range(request.seed, request.seed + (request.frames or FEWEST))
        return [random_frame(model.graph, seed, within) for seed in seeds]
    given = list(frames_of(model, request.source, limit=request.frames, resize=request.resize))
    count = request.frames or max(FEWEST, len(given))
    return list(itertools.islice(itertools.cycle(given), count))
