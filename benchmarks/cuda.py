"""The scene network on a GPU: `make bench-cuda`, or `python -m benchmarks.cuda [SECTION…]`.

Section `kernels` needs no device: launches of a frame, what nvcc makes of kernels, and the time
that the device's multiply-adds and memory allow at the least. Section `frames` needs one, and says
so where there is none: time of a frame with inputs and outputs in the device's memory, in fp32,
half and int8, beside PyTorch. Prints Markdown, and keeps the same as JSON with device, driver,
clocks and versions.

To measure on a machine without TVM, compile here and measure there, where PyTorch and nvcc are:

    python -m benchmarks.cuda --compile FOLDER
    python -m benchmarks.cuda --measure FOLDER
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import sightline
from benchmarks.devices import PEAKS, STATED, Work, roofline, work_of
from benchmarks.figure import Figure, measure, tell
from sightline.backends.tvm.gpu import nvcc
from sightline.backends.tvm.gpu.device import (
    Device,
    Resident,
    find_runtime,
    told_by_the_driver,
)
from sightline.backends.tvm.gpu.folder import PLAN, SOURCE
from sightline.backends.tvm.gpu.folder.model import Model
from sightline.bench import Request, frames_for
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.machine import machine, versions

RESULTS = Path(__file__).parent / "results" / "cuda.json"

SCENE = "models:scene,trained=true"
PRECISIONS = ("fp32", "half", "int8")
CALIBRATION_FRAMES = 4
BAR = 0.8

TOGETHER, SAMPLES = 20, 50
"""Frames in a row that are timed as one, and how often."""

WARM_UP = 500.0
"""Milliseconds of frames before: a device at rest has slow clocks."""

THEIR_WAYS = ("eager", "torch.compile")
"""The bar is the quicker of them."""

NEAR = {"fp32": 1e-3, "half": 3e-2, "int8": 0.0}
"""How far our outputs, and PyTorch's, may be from the reference, of the largest magnitude."""

MILLISECONDS, RATIO, COUNT = "{:.3f} ms", "{:.2f}", "{:,.0f}"


def compile_into(folder: Path, scene: str = SCENE) -> None:
    """The artifact of each precision, a frame with the outputs that are right, and the work."""
    model = sightline.read(scene)
    [frame] = frames_for(model, Request(frames=1))
    for precision in PRECISIONS:
        tell(f"compiling the scene network in {precision}")
        subject = model
        if precision == "int8":
            seen = frames_for(model, Request(frames=CALIBRATION_FRAMES))
            subject = sightline.quantize(model, seen)
        own = folder / precision
        artifact = sightline.compile(subject, ("reference", "cuda"), half=precision == "half")
        artifact.save(own, force=True)
        wanted = artifact.run_all(frame, "reference")
        arrays: dict[str, Any] = {f"x {name}": array for name, array in frame.items()}
        arrays |= {f"y {name}": array for name, array in wanted.items()}
        np.savez(folder / f"{precision}.npz", **arrays)
        works = [asdict(work) for work in work_of(artifact.graph)]
        (folder / f"{precision}.json").write_text(json.dumps(works))


def kernels(folder: Path) -> Iterator[Figure]:
    """What is known of the code without running it."""
    found = told_by_the_driver()
    name = found["name"] if found.get("name") in PEAKS else STATED
    peak = PEAKS[name]
    megahertz = float(found["clocks.max.sm"].split()[0]) if name == found.get("name") else 0.0
    for precision in PRECISIONS:
        what, place = f"scene, {precision}", folder / precision / "cuda"
        plan = json.loads((place / PLAN).read_text())
        yield Figure(f"{what}: launches of a frame", len(plan["launches"]), None, COUNT)
        works = [Work(**each) for each in json.loads((folder / f"{precision}.json").read_text())]
        least = roofline(works, precision, peak, megahertz or peak.megahertz)
        yield Figure(f"{what}: roofline of {name}", 1e3 * least, None, MILLISECONDS)
        try:
            taken = nvcc.resources(place / SOURCE, plan["arch"]).values()
        except UserError as error:
            tell(f"{what}: what kernels take is skipped: {error}")
            continue
        yield Figure(
            f"{what}: bytes spilled, all kernels", sum(each.spilled for each in taken), 0, COUNT
        )
        yield Figure(
            f"{what}: registers, at the most", max(each.registers for each in taken), None, COUNT
        )
        yield Figure(
            f"{what}: shared bytes, at the most", max(each.shared for each in taken), None, COUNT
        )


def frames(folder: Path) -> Iterator[Figure]:
    """The time of a frame, and of PyTorch's in its quickest form."""
    device = Device(find_runtime(nvcc.find_nvcc()))
    try:
        for precision in PRECISIONS:
            yield from beside(folder, precision, device)
    finally:
        device.close()


def beside(folder: Path, precision: str, device: Device) -> Iterator[Figure]:
    """Ours and each of PyTorch's forms, in turn with ours."""
    what, place = f"scene, {precision}", folder / precision
    given, wanted = _arrays(folder / f"{precision}.npz")
    arch = json.loads((place / "cuda" / PLAN).read_text())["arch"]
    library = nvcc.build(place / "cuda", arch)
    ratios: dict[str, float] = {}
    with Model(place / "cuda", library=library) as model:
        ours = Resident(device, model, [given[each["name"]] for each in model.inputs])
        run = functools.partial(_own_milliseconds, device, ours)
        warm_up(run)
        check(what, precision, ours.outputs(), list(wanted.values()))
        alone = [run(TOGETHER) for _ in range(SAMPLES)]
        yield Figure(f"{what}: cuda", statistics.median(alone), None, MILLISECONDS)
        for name, other in _peers(folder, precision, given, list(wanted.values())):
            tell(f"measuring {what} beside {name}")
            warm_up(other)
            pairs = [(run(TOGETHER), other(TOGETHER)) for _ in range(SAMPLES)]
            own, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratios[name] = own / theirs
            yield Figure(f"{what}: {name}", theirs, None, MILLISECONDS)
    if not all(any(way in name for name in ratios) for way in THEIR_WAYS):
        tell(f"{what}: not held to its bar, since that takes PyTorch {' and '.join(THEIR_WAYS)}")
    else:
        best = max(ratios, key=lambda name: ratios[name])
        yield Figure(f"{what}: cuda / {best}, their quickest", ratios[best], BAR, RATIO)


def warm_up(run: Callable[[int], float]) -> None:
    passed = TOGETHER * run(TOGETHER)
    while passed < WARM_UP:
        passed += TOGETHER * run(TOGETHER)


def _own_milliseconds(device: Device, ours: Resident, count: int) -> float:
    def enqueue() -> None:
        for _ in range(count):
            ours.enqueue()

    return device.milliseconds(enqueue) / count


def _peers(
    folder: Path, precision: str, given: dict[str, Array], wanted: list[Array]
) -> Iterator[tuple[str, Callable[[int], float]]]:
    """PyTorch's forms of the float network; it has no filter banks of bytes: halves beside them."""
    try:
        import torch

        from sightline.peers import torch_device
    except ModuleNotFoundError as error:
        tell(f"PyTorch is skipped: {error}")
        return
    if not torch.cuda.is_available():
        tell("PyTorch is skipped: it was built without CUDA, or finds no device")
        return
    graph = sightline.load(folder / "fp32").graph
    half = precision != "fp32"
    for name, prepare in torch_device.forms(graph, given, half):
        try:
            replay = prepare()
            found = [output.float().cpu().numpy() for output in replay()]
            if precision != "int8":  # whose reference is of integers
                check(f"PyTorch, {name}", precision, found, wanted)
        except (RuntimeError, UserError) as error:
            first = str(error).partition("\n")[0]
            tell(f"PyTorch, {name}, is skipped: {first}")
            continue
        label = f"PyTorch {torch.__version__} in {'half' if half else 'fp32'}, {name}"
        yield label, functools.partial(torch_device.milliseconds, replay)


def check(what: str, precision: str, found: Sequence[Array], wanted: Sequence[Array]) -> None:
    """A time counts only with the right outputs."""
    for own, right in zip(found, wanted, strict=True):
        far = float(np.abs(own.astype(np.float64) - right).max() / np.abs(right).max())
        if not far <= NEAR[precision]:
            raise UserError(f"{what} computes something else: {far:.1e} away from the reference")


def _arrays(file: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """The frame and the outputs that are right."""
    with np.load(file) as held:
        parts = [
            {name[2:]: held[name] for name in held.files if name.startswith(kind)} for kind in "xy"
        ]
    return parts[0], parts[1]


SECTIONS = ("kernels", "frames")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser("benchmarks.cuda")
    parser.add_argument("sections", nargs="*", help=", ".join(SECTIONS))
    parser.add_argument("--compile", type=Path, help="only compile, into this folder")
    parser.add_argument("--measure", type=Path, help="measure what was compiled into this folder")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file that is kept")
    told = parser.parse_args(words)
    if told.compile is not None:
        compile_into(told.compile)
        return 0
    with tempfile.TemporaryDirectory(prefix="sightline-") as passing:
        folder = told.measure or Path(passing)
        if told.measure is None:
            compile_into(folder)
        sections = {
            "kernels": functools.partial(kernels, folder),
            "frames": functools.partial(frames, folder),
        }
        about: dict[str, Any] = {"machine": machine(), "versions": versions()}
        try:
            nvcc.check_device()
            about["device"] = told_by_the_driver()
        except UserError as error:
            tell(f"section frames is skipped: {error}")
            del sections["frames"]  # and what was kept of it stays
        names = [name for name in told.sections if name in sections or name not in SECTIONS]
        return measure(names, sections, told.results, **about) if names or not told.sections else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
