"""The time of a frame on the CPU: `make bench-cpu`, or `python -m benchmarks.cpu [SECTION…]`.

Each network is compiled for the target cpu, in float and in int8, and measured beside onnxruntime,
frame by frame in turn, with two threads each. Prints Markdown, keeps the same as JSON with the
machine and the versions, and fails if a figure misses its bar. Sections are float, int8, compile
and repeat. Only a quiet machine gives figures worth keeping; with --networks or --frames, which are
for a look, nothing is kept.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import sightline
from benchmarks.figure import Figure, measure, tell
from sightline.bench import LEAST_FRAMES, LEAST_SECONDS, Request, frames_for, measure_all
from sightline.bench_results import Bench
from sightline.frontend.model import Model
from sightline.ir.graph import Graph, Input, Node
from sightline.ir.verify import verify
from sightline.machine import machine, versions
from sightline.peers.registry import peer

RESULTS = Path(__file__).parent / "results" / "cpu.json"

THREADS = 2
PEER = "onnxruntime"
SCENE = "models:scene,trained=true"
NORMALIZED = ("norm", "norm_1", "norm_2")
"""Where the scene network begins without its normalization, which ONNX has no op for."""

SCENES = {"scene": (), "scene-normalized": NORMALIZED}
OTHERS = {
    "lenet5": "models:lenet5",
    "resnet18": "models:resnet18",
    "resnet50": "models:resnet50",
    "mobilenet": "models:mobilenet",
    "unet": "models:unet",
}
CALIBRATION_FRAMES = 4

MEAN_BAR = 1.0
SCENE_BAR = 0.70
WORST = {"float": 1.3, "int8": 1.4}
COMPILE_BAR = 60.0
REPEAT_BAR = 0.03
REPEATED = "mobilenet"
QUIET = 0.01
MOST_RUNS = 16
"""How far two runs of the peer may lie apart on a quiet machine, and how often it is tried."""

RATIO, MILLISECONDS, SECONDS, PARTS = "{:.2f}", "{:.2f} ms", "{:.1f} s", "{:.1%}"


def model_of(name: str) -> Model:
    """A network by its name here."""
    if name in OTHERS:
        return sightline.read(OTHERS[name])
    model = sightline.read(SCENE)
    begin = SCENES[name]
    return Model(beginning_at(model.graph, begin)) if begin else model


def beginning_at(graph: Graph, names: Sequence[str]) -> Graph:
    """The graph with some of its values as inputs, and without what computed them."""
    opened = [
        replace(node, op=Input(node.type), inputs=()) if node.name in names else node
        for node in graph.nodes
    ]
    needed = {output.node for output in graph.outputs}
    kept: list[Node] = []
    for node in reversed(opened):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    cut = Graph(graph.name, tuple(reversed(kept)), graph.outputs)
    verify(cut)
    return cut


def measured(name: str, precision: str, frames: int | None) -> Bench:
    """A network on the target cpu, and beside it the peer."""
    tell(f"{name} in {precision}")
    model = model_of(name)
    if precision != "float":
        seen = frames_for(model, Request(frames=CALIBRATION_FRAMES))
        model = sightline.quantize(model, seen, precision)
    artifact = sightline.compile(model, "cpu")
    request = Request(("cpu",), (peer(PEER),), frames, THREADS)
    session = measure_all([(name, artifact)], request)
    if session.stopped is not None:
        raise session.stopped
    return session.found[0]


def beside(bench: Bench, what: str, bar: float | None) -> Iterator[Figure]:
    """Times of both, stated, and what one is to the other."""
    fastest = bench.peers[PEER]
    spreads = [f"{100 * each.times.spread:.0f}%" for each in (bench.measured[0], fastest)]
    tell(f"{what}: spread {' and '.join(spreads)}, {fastest}")
    yield Figure(f"{what}: cpu", 1e3 * bench.ours["cpu"], None, MILLISECONDS)
    yield Figure(f"{what}: {PEER}", 1e3 * fastest.times.median, None, MILLISECONDS)
    yield Figure(f"{what}: cpu / {PEER}", bench.ratio("cpu", PEER), bar, RATIO)


def in_precision(precision: str, networks: Sequence[str], frames: int | None) -> Iterator[Figure]:
    """Every network; in float, the scene network has a bar of its own and is not in the mean."""
    ratios = []
    for name in networks:
        own = precision == "float" and name in SCENES
        bar = SCENE_BAR if own else WORST[precision]
        bench = measured(name, precision, frames)
        yield from beside(bench, f"{name}, {precision}", bar)
        if name in OTHERS or (name == "scene" and not own):
            ratios.append(bench.ratio("cpu", PEER))
    if len(ratios) > 1:
        mean = statistics.geometric_mean(ratios)
        what = f"{len(ratios)} networks, {precision}: cpu / {PEER}, geometric mean"
        yield Figure(what, mean, MEAN_BAR, RATIO)


def compiling() -> Iterator[Figure]:
    """From the model to the library, without any search for schedules."""
    model = model_of("resnet50")
    tell("compiling resnet50")
    start = time.perf_counter()
    sightline.compile(model, "cpu")
    yield Figure("resnet50, float: compile", time.perf_counter() - start, COMPILE_BAR, SECONDS)


def repeatability(frames: int | None) -> Iterator[Figure]:
    """One build, measured by two runs of the command on a quiet machine.

    It was quiet if the peer, measured in turn, took as long in both: if not, another run follows.
    """
    with tempfile.TemporaryDirectory(prefix="sightline-") as place:
        folder = Path(place) / REPEATED
        sightline.compile(model_of(REPEATED), "cpu").save(folder)
        first, second = medians(folder, frames), medians(folder, frames)
        for _ in range(MOST_RUNS - 2):
            if apart(first[PEER], second[PEER]) <= QUIET:
                break
            first, second = second, medians(folder, frames)
    what = f"{REPEATED}, float: a second run of bench from the first"
    yield Figure(f"{what}, {PEER}", apart(first[PEER], second[PEER]), None, PARTS)
    yield Figure(what, apart(first["cpu"], second["cpu"]), REPEAT_BAR, PARTS)


def apart(first: float, second: float) -> float:
    return math.fabs(second / first - 1)


def medians(folder: Path, frames: int | None) -> dict[str, float]:
    """Seconds for a frame on the target cpu and of the peer, by a run of the command."""
    tell(f"measuring {folder.name}")
    wishes = ["--json", "--against", PEER, "--threads", str(THREADS)]
    wishes += ["--frames", str(frames)] if frames is not None else []
    command = [sys.executable, "-m", "sightline", "bench", str(folder), *wishes]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    [found] = json.loads(printed)["artifacts"]
    return {row["name"]: row["median_seconds"] for row in (*found["targets"], *found["peers"])}


SECTIONS = ("float", "int8", "compile", "repeat")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser("benchmarks.cpu")
    parser.add_argument("sections", nargs="*", help=", ".join(SECTIONS))
    parser.add_argument("--networks", help="names, with commas between")
    parser.add_argument("--frames", type=int)
    told = parser.parse_args(words)
    every = (*SCENES, *OTHERS)
    chosen = told.networks.split(",") if told.networks else every
    unknown = set(chosen) - set(every)
    if unknown:
        parser.error(f"there is no network {', '.join(unknown)}; there are {', '.join(every)}")
    frames = told.frames
    sections: dict[str, Callable[[], Iterator[Figure]]] = {
        "float": functools.partial(in_precision, "float", chosen, frames),
        "int8": functools.partial(in_precision, "int8", chosen, frames),
        "compile": compiling,
        "repeat": functools.partial(repeatability, frames),
    }
    results = None if told.networks or told.frames else RESULTS
    about = {
        "machine": machine(),
        "versions": versions(),
        "threads": THREADS,
        "frames": LEAST_FRAMES,
        "seconds": LEAST_SECONDS,
    }
    return measure(told.sections, sections, results, **about)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
