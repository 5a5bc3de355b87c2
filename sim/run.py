"""An accelerator simulated on frames, and every value compared with what is expected of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sightline.ir.progress import Report, silent
from sightline.ir.types import Array
from sightline.sim import bench, verilator
from sightline.sim.design import Design
from sightline.sim.measured import Measured, measured

CYCLES_AT_ONCE = 20_000
"""Cycles between two calls of Python: milliseconds, so that it costs next to nothing."""

FEW_CYCLES = 100_000
"""A simulation of no more is over before an optimized program would be built."""

TRACED_AT_ONCE = 10
"""The same with a waveform, which goes on until Python sees that the run is done."""


@dataclass(frozen=True)
class Waveform:
    """What `trace` writes: one instance, by its path below the top, in a range of cycles."""

    file: Path
    path: str = ""
    first: int = 0
    last: int = 0xFFFFFFFF

    @property
    def scope(self) -> str:
        return ".".join(filter(None, (bench.TOP, "dut", self.path)))


@dataclass(frozen=True)
class Options:
    """How a run treats the accelerator.

    `idle` and `backpressure` are the chances that in a cycle no pixel is offered, or no result is
    taken. A run ends when nothing has moved for `patience` cycles in which something could.
    """

    idle: float = 0.0
    backpressure: float = 0.0
    seed: int = 1
    patience: int = 100_000
    cycles: int = 0
    """What the run should take, if that is known, for its progress."""
    probes: bool = True
    trace: Waveform | None = None

    def __post_init__(self) -> None:
        for name in ("idle", "backpressure"):
            chance = getattr(self, name)
            if not 0.0 <= chance < 1.0:
                raise ValueError(f"{name} is a chance from 0 to below 1, not {chance}")
        if not 0 <= self.seed < 1 << 31 or self.patience < 1:
            raise ValueError(f"seed {self.seed} or patience {self.patience} makes no sense")


def simulate(
    design: Design,
    stimuli: Mapping[str, Array],
    expected: Mapping[str, Array],
    offers: Mapping[str, Array],
    options: Options | None = None,
    report: Report = silent,
) -> Measured:
    """Build the bench if it is new, run it, and tell what it found.

    `stimuli` has the integers of each input's pictures, [frame, c, i, j]; `expected` has those of
    each stage's results under its name in the orders of outputs and probes; `offers` has the cycle
    before which each pixel is not offered, [frame, beat].
    """
    options = options or Options()
    design = design if options.probes else replace(design, probes=())
    frames = bench.check_frames(design, stimuli, expected, offers)
    last_offer = max(int(cycles.max()) for cycles in offers.values())
    cycles = options.cycles or last_offer + 1
    program = built(design, options, report, optimized=cycles > FEW_CYCLES)
    with tempfile.TemporaryDirectory(prefix="sightline-run-") as work:
        folder = Path(work)
        bench.write_frames(design, stimuli, expected, offers, folder)
        progress = _Progress(folder / "progress.txt", cycles, report)
        verilator.run(
            program,
            bench.TOP,
            "sightline.sim.cocotb_bench",
            folder,
            plusargs=_plusargs(frames, options),
            variables={"CYCLES_AT_ONCE": str(TRACED_AT_ONCE if options.trace else CYCLES_AT_ONCE)},
            watch=progress.look,
        )
        progress.look()
        if options.trace is not None:
            _keep_waveform(folder, options.trace)
        lines = (folder / bench.RESULTS).read_text().splitlines()
    return measured(design, frames, lines, progress.seconds)


def built(design: Design, options: Options, report: Report, *, optimized: bool) -> Path:
    """The program that simulates a design; frames, chances and seeds come when it runs."""
    traced = options.trace.scope if options.trace else ""
    hardware = verilator.Hardware(
        bench.TOP,
        bench.sources(design, waveform=bool(traced)),
        public=((bench.TOP, "done"), (bench.TOP, "cycle")),
        traced=traced,
        optimized=optimized,
    )
    report("simulate: build", 0, 1)
    return verilator.build(hardware)


def _keep_waveform(folder: Path, trace: Waveform) -> None:
    made = folder / bench.WAVEFORM
    if not made.exists():
        raise ValueError(f"the run ended before cycle {trace.first}, the waveform's first")
    part = trace.file.with_name(trace.file.name + ".part")
    shutil.copyfile(made, part)
    part.replace(trace.file)


def _plusargs(frames: int, options: Options) -> list[str]:
    values = {
        "frames": frames,
        "seed": options.seed,
        "idle": round(options.idle * bench.CHANCE),
        "backpressure": round(options.backpressure * bench.CHANCE),
        "patience": options.patience,
    }
    if options.trace is not None:
        values |= {"trace_from": options.trace.first, "until": options.trace.last}
    return [f"+{name}={value}" for name, value in values.items()]


class _Progress:
    """Tells how far a run is; its end is taken for near the cycle of the last offer."""

    def __init__(self, path: Path, cycles: int, report: Report) -> None:
        self.path, self.cycles, self.report = path, cycles, report
        self.seconds = 0.0

    def look(self) -> None:
        if self.path.exists():
            cycle, seconds = self.path.read_text().split()
            self.seconds = float(seconds)
            self.report("simulate: cycles", min(int(cycle), self.cycles), self.cycles)
