"""`sightline bench`: arguments and printing alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sightline.options import picture_options
from sightline.terminal import (
    INTERRUPTED,
    TERMINATED,
    USERS_MISTAKE,
    Terminated,
    progress,
    show_error,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from sightline.bench import Session
    from sightline.bench_results import Bench
    from sightline.peers.peer import Peer


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...")
@click.option(
    "--against",
    metavar="PEER[,PEER]",
    help="Measure others beside: onnxruntime, torch; both, with a comma.",
)
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    help="A target to measure (default: all but reference); repeat.",
)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many (default: 50, and more if those take less than 5 seconds).",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of each that is measured (default: one for each core).",
)
@click.option(
    "--input",
    "source",
    metavar="X.npy|PICTURE",
    help="The frames, in turn, as for simulate. Without it they are random, always the same.",
)
@click.option("--resize", is_flag=True, help="Resize pictures to the network's input.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@picture_options
def bench(
    folders: tuple[str, ...],
    against: str | None,
    targets: tuple[str, ...],
    frames: int | None,
    threads: int | None,
    source: str | None,
    resize: bool,
    as_json: bool,
    **picture: Any,
) -> int:
    """Measure the time per frame of the artifacts DIR, on each target, and of others beside.

    What is measured runs frame by frame in turn, in one process and with as many threads each. A
    target fpga is not measured: its cycles are those that its plan foretells. Others are given the
    float network; where DIR holds integers, onnxruntime quantizes it to bytes by itself.

    A ratio is our median over that of the other: below 1 we are faster. The spread is how far the
    middle half of the times lies apart, as a part of the median.
    """
    from sightline.artifact import load
    from sightline.bench import Request, measure_all
    from sightline.picture import with_picture

    request = Request(targets, peers_of(against), frames, threads, source, resize)
    artifacts = []
    for folder in folders:
        artifacts.append((folder, load(folder)))
        artifacts[-1][1].model = with_picture(artifacts[-1][1].model, **picture)
    with progress() as report:
        session = measure_all(artifacts, request, report)
    if session.stopped is not None and not session.measured:
        raise session.stopped
    if as_json:
        show_json(as_dict(session))
    else:
        tell(session)
    return status_of(session, request.frames)


def peers_of(against: str | None) -> tuple[Peer, ...]:
    """The peers that are named, with commas between them."""
    from sightline.peers.registry import peer

    names = [] if against is None else [name.strip() for name in against.split(",")]
    return tuple(peer(name) for name in dict.fromkeys(names))


def status_of(session: Session, frames: int | None) -> int:
    """The exit status, with a word on stderr where not all was done that was asked for."""
    if session.stopped is not None:
        fewest = min(len(each.times.seconds) for b in session.found for each in b.measured)
        of_all = "" if frames is None else f" of {frames}"
        show_error(f"interrupted; measured until then, at least {fewest}{of_all} frames.")
        return TERMINATED if isinstance(session.stopped, Terminated) else INTERRUPTED
    if not session.measured and any(bench.left_out for bench in session.found):
        show_error("nothing was measured.")
        return USERS_MISTAKE
    return 0


def as_dict(session: Session) -> dict[str, Any]:
    from sightline.machine import machine, versions

    return {
        "machine": machine(),
        "versions": versions(),
        "interrupted": session.stopped is not None,
        "artifacts": [bench.to_dict() for bench in session.found],
    }


def tell(session: Session) -> None:
    """A table for each artifact, and what all was measured on."""
    from sightline.machine import machine, versions

    for bench in session.found:
        tell_bench(bench)
    found = machine()
    governor = found["governor"] or "unknown"
    instructions = f" with {found['instructions']}" if found["instructions"] else ""
    processor = f"{found['processor']}{instructions}"
    click.echo(f"on {processor}, {found['cores']} cores, clock governor {governor}")
    click.echo(", ".join(f"{name} {version}" for name, version in versions().items()))


def tell_bench(bench: Bench) -> None:
    kind = "integers" if bench.integers else "float"
    threads = ""
    if bench.threads is not None:
        threads = f", {bench.threads} thread{'' if bench.threads == 1 else 's'}"
    click.echo(f"{bench.artifact}: {bench.source} in {kind}{threads}")
    columns = ["", "ms", "p95", "p99", "spread", "frames", "a second"]
    ratios = [f"{target} / it" for target in bench.ours] if bench.peers else []
    rows = []
    for each in bench.measured:
        times = each.times
        cells = [_ms(times.median), _ms(times.percentile(95)), _ms(times.percentile(99))]
        cells += [f"{100 * times.spread:.1f}%", str(len(times.seconds)), _rate(times.median)]
        counts = bench.peers.get(each.name) == each
        beside = [f"{bench.ratio(ours, each.name):.2f}" if counts else "" for ours in bench.ours]
        rows.append([str(each), *cells, *(beside if ratios else [])])
    for one in bench.predicted:
        cells = [_ms(one.seconds), "", "", "", "", _rate(one.seconds), *("" for _ in ratios)]
        rows.append([f"{one.name}, predicted", *cells])
    show_table([*columns, *ratios], rows, numbers=[*columns[1:], *ratios], whole=[""])
    for one in bench.predicted:
        click.echo(
            f"{one.name}: a frame every {one.cycles_per_frame:,} cycles at an assumed "
            f"{one.clock_mhz:g} MHz, {one.latency_cycles:,} from first pixel to last result, as "
            f"its plan foretells; 'sightline simulate {bench.artifact}' confirms it"
        )
    for other in bench.left_out:
        click.echo(f"{other.name} is left out: {other.reason}")


def _ms(seconds: float) -> str:
    milliseconds = 1e3 * seconds
    digits = 3 if milliseconds < 10 else 2 if milliseconds < 100 else 1
    return f"{milliseconds:,.{digits}f}"


def _rate(seconds: float) -> str:
    return f"{1 / seconds:,.1f}"
