"""`sightline simulate`: arguments and printing alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sightline.options import picture_options
from sightline.terminal import progress, show_json, show_table

if TYPE_CHECKING:
    from sightline.artifact import Artifact
    from sightline.simulating import Simulated

FAILED = 1


@click.command()
@click.argument("artifact", metavar="DIR")
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many, back to back (default: 2, or as many as are given).",
)
@click.option(
    "--input",
    "source",
    metavar="X.npy|PICTURE",
    help="The frames, in turn: a picture, a .npy or .npz of one or several, or a folder of them. "
    "Without it they are random.",
)
@click.option("--backpressure", default=0.0, metavar="P", help="Chance that no result is taken.")
@click.option("--idle", default=0.0, metavar="P", help="Chance that no pixel is offered.")
@click.option("--seed", default=1, metavar="S", help="Of random frames and chances (default: 1).")
@click.option("--trace", is_flag=True, help="Write a waveform of the engine that differs first.")
@click.option(
    "--trace-file",
    type=click.Path(path_type=Path),
    metavar="FILE.vcd",
    help="Where to (default: beside DIR).",
)
@click.option("--resize", is_flag=True, help="Resize pictures to the network's input.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@picture_options
def simulate(
    artifact: str,
    frames: int | None,
    source: str | None,
    backpressure: float,
    idle: float,
    seed: int,
    trace: bool,
    trace_file: Path | None,
    resize: bool,
    as_json: bool,
    **picture: Any,
) -> int:
    """Simulate the accelerator of the artifact DIR, and compare all it computes with the reference.

    Frames come at the planned interval. The exit status is 0 only if every result of every stage
    is equal, nothing hung, and no pixel that came in time had to wait; else it is 1. With --idle or
    --backpressure pixels do not come in time, and may wait.

    The latency is that of the first frame, from its first pixel to its last result.
    """
    from sightline.accelerators import accelerator_of
    from sightline.artifact import load
    from sightline.files import require_writable
    from sightline.picture import with_picture

    loaded = load(artifact)
    loaded.model = with_picture(loaded.model, **picture)
    accelerated = accelerator_of(loaded)

    from sightline.simulating import Request, Simulation

    request = Request(source, frames, idle, backpressure, seed, resize)
    file = trace_file or Path(artifact).absolute().parent / f"{loaded.graph.name}.vcd"
    if trace or trace_file:
        require_writable(file)
    with progress() as report:
        simulation = Simulation(loaded, accelerated, request, report)
        found = simulation.run()
        traced = (trace or trace_file is not None) and not found.measured.bit_exact
        if traced:
            simulation.trace(found, file)
    if as_json:
        show_json(found.to_dict())
    else:
        tell(found, loaded)
    for problem in found.problems():
        click.echo(problem, err=True)
    if traced:
        click.echo(f"wrote {file}", err=True)
    return 0 if found.passed else FAILED


def tell(found: Simulated, artifact: Artifact) -> None:
    """Cycles as predicted and as simulated, the depths of FIFOs, and the verdict."""
    prediction, measured = found.plan.prediction, found.measured
    latency = found.latencies[0] if found.latencies else None
    rows = [
        ["a frame every", _cycles(prediction.interval), _cycles(found.cycles_per_frame)],
        ["first pixel to last result", _cycles(prediction.latency), _cycles(latency)],
        ["the same, worst frame", "", _cycles(max(found.latencies, default=None))],
        ["multipliers busy", _share(found.plan.utilization), _share(found.utilization)],
    ]
    show_table(["cycles", "planned", "simulated"], rows, numbers=["planned", "simulated"])
    depths = [[level.name, f"{level.depth:,}", f"{level.most:,}"] for level in measured.levels]
    show_table(["FIFO", "depth", "most held"], depths, numbers=["depth", "most held"])
    simulated = f"{measured.frames} frames of {artifact.source} in {measured.cycles:,} cycles"
    click.echo(f"{simulated}: {verdict(found)}")


def verdict(found: Simulated) -> str:
    measured = found.measured
    if measured.stuck:
        held = [each for each in measured.stuck if each.valid and not each.ready]
        return "stuck" + (f" at {held[-1]}" if held else "")
    if not measured.bit_exact:
        return f"{measured.mismatches:,} values differ from the reference"
    if not found.passed:
        return f"all values are equal, but pixels had to wait for {measured.ready_dropped:,} cycles"
    return "all values are equal to the reference's"


def _cycles(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _share(number: float | None) -> str:
    return "" if number is None else f"{100 * number:.1f}%"
