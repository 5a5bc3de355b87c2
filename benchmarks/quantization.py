"""What quantization costs and brings: `make quantization`, or
`python -m benchmarks.quantization [FRAMES]`.

The trained scene-labeling networks, calibrated with frames that they learned from, on test frames
that neither training nor calibration saw. Prints Markdown, and fails if a figure misses its bar.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import sightline
from benchmarks.figure import Figure, print_figures
from sightline.artifact import Artifact
from sightline.frontend.model import Model
from sightline.ir.types import Array
from sightline.models.scene import scene
from sightline.scene.datasets import open_frames
from sightline.scene.frame import ONLY_SYNTHETIC, Frame, FrameSet
from sightline.scene.labeling import Labeler
from sightline.scene.measures import Confusion
from sightline.scene.superpixels import per_pixel
from sightline.scene.training.frames import network_input

FRAMES = 200
CALIBRATION_FRAMES = 16
FEW = 40
"""So many frames and fewer are labeled on the reference: compiling would take longer than that."""

LOSSES = {"int8": 0.5, "int16": 0.05}
"""Points of pixel accuracy that the network for three scales may lose."""

MEMORY_NETWORK = "models:scene,scales=1,height=48,width=64"


@dataclass(frozen=True)
class Network:
    """One of the networks that come with Sightline."""

    name: str
    scales: int
    channels: int

    @cache  # noqa: B019  (a handful of networks, for as long as the process)
    def read(self) -> Model:
        return sightline.read(scene(scales=self.scales, channels=self.channels, trained=True))

    def frames(self) -> list[Array]:
        """Frames to calibrate with: of training, never of the test."""
        train = open_frames("synthetic:train", CALIBRATION_FRAMES)
        return [network_input(train.frame(n), self.channels) for n in range(CALIBRATION_FRAMES)]


THREE = Network("three scales, RGB", 3, 3)
OTHERS = (Network("one scale, RGB", 1, 3), Network("three scales, RGB-D", 3, 4))


class Labeled:
    """How well a network labels, and how often as its float form does."""

    def __init__(self, artifact: Artifact, target: str, classes: int) -> None:
        self.labeler = Labeler(artifact, target)
        self.confusion = Confusion(classes)
        self.alike: list[float] = []

    def add(self, frame: Frame, name: str, wanted: Array | None) -> Array:
        """Label a frame; `wanted` are the labels of the float form, None if this is that."""
        labels = per_pixel(self.labeler.scores(self.labeler.planes_of(frame, name), name))
        self.confusion.add(frame.labels, labels)
        if wanted is not None:
            self.alike.append(float(np.mean(labels == wanted)))
        return labels


def main(count: int) -> int:
    test = open_frames("synthetic:test", count)
    target = "reference" if count <= FEW else "cpu"
    print(f"{count} test frames of 320x240, target {target}. {ONLY_SYNTHETIC}\n")
    sections: list[Iterator[Figure]] = [accuracies(THREE, ("int8", "int16", "q8.8"), test, target)]
    if target == "cpu":
        sections += [accuracies(network, ("int8",), test, target) for network in OTHERS]
        sections += [cpu_speed()]
    sections += [reference_speed(), calibration_memory()]
    return 1 if print_figures(itertools.chain.from_iterable(sections)) else 0


def accuracies(
    network: Network, precisions: tuple[str, ...], test: FrameSet, target: str
) -> Iterator[Figure]:
    """Of the float form, and of each precision against it."""
    model, frames, classes = network.read(), network.frames(), len(test.classes)
    exact = Labeled(sightline.compile(model, target), target, classes)
    rounded = {}
    for precision in precisions:
        start = time.process_time()
        quantized = sightline.quantize(model, frames, precision)
        seconds = time.process_time() - start
        yield Figure(f"{network.name}: quantize to {precision}", seconds, None, "{:.1f} s")
        rounded[precision] = Labeled(sightline.compile(quantized, target), target, classes)
    for index in range(len(test)):
        frame, name = test.frame(index), test.name(index)
        wanted = exact.add(frame, name, None)
        for each in rounded.values():
            each.add(frame, name, wanted)
    yield from told(f"{network.name}, float", exact)
    for precision, each in rounded.items():
        yield from told(f"{network.name}, {precision}", each)
        yield loss(network, precision, exact.confusion, each.confusion)


def told(what: str, labeled: Labeled) -> Iterator[Figure]:
    confusion = labeled.confusion
    yield Figure(f"{what}: pixels", confusion.pixel_accuracy, None, "{:.2%}")
    yield Figure(f"{what}: mean of classes", confusion.class_accuracy, None, "{:.2%}")
    if labeled.alike:
        alike = float(np.mean(labeled.alike))
        yield Figure(f"{what}: labels that are those of float", alike, None, "{:.2%}")


def loss(network: Network, precision: str, exact: Confusion, rounded: Confusion) -> Figure:
    lost = 100 * (exact.pixel_accuracy - rounded.pixel_accuracy)
    bar = LOSSES.get(precision) if network == THREE else None
    return Figure(f"{network.name}, {precision}: pixels lost", lost, bar, "{:+.3f} points")


def reference_speed() -> Iterator[Figure]:
    quantized = sightline.quantize(THREE.read(), THREE.frames()[:2], "int8")
    artifact = sightline.compile(quantized, "reference")
    seconds = fastest(artifact, 3)
    yield Figure("three scales, RGB, int8: reference, a frame", seconds, 6, "{:.2f} s")


def cpu_speed() -> Iterator[Figure]:
    """Of both forms, since what the machine does besides is in both."""
    model = THREE.read()
    quantized = sightline.quantize(model, THREE.frames()[:2], "int8")
    for name, each in (("float", model), ("int8", quantized)):
        seconds = fastest(sightline.compile(each, "cpu"), 10)
        yield Figure(f"three scales, RGB, {name}: cpu, a frame", 1000 * seconds, None, "{:.0f} ms")


def fastest(
    artifact: Artifact, times: int, clock: Callable[[], float] = time.process_time
) -> float:
    """The seconds of the fastest run, since other work on the machine only ever adds."""
    (x,) = THREE.frames()[:1]
    artifact.run(x)
    found = []
    for _ in range(times):
        start = clock()
        artifact.run(x)
        found.append(clock() - start)
    return min(found)


def calibration_memory() -> Iterator[Figure]:
    """Peaks of processes that read frames from one file, and leave the others in it."""
    shape = sightline.read(MEMORY_NETWORK).graph.inputs[0].type.shape
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        rng = np.random.default_rng(0)
        np.save(path, rng.uniform(-1, 1, (512, *shape[1:])).astype(np.float32))
        few, many = (peak_of_calibration(path, count) for count in (16, 512))
    yield Figure("calibrating a small network, 16 frames: peak", few, None, "{:.1f} MB")
    yield Figure("512 frames: peak", many, None, "{:.1f} MB")
    yield Figure("512 frames against 16", many / few, 1.05, "{:.3f}")


def peak_of_calibration(path: Path, count: int) -> float:
    """In MB. Not ru_maxrss, in which a child inherits the peak of its parent."""
    script = f"""
from pathlib import Path
import sightline
sightline.quantize({MEMORY_NETWORK!r}, {str(path)!r}, limit={count})
print(Path("/proc/self/status").read_text())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    found = re.search(r"VmHWM:\s*(\d+) kB", done.stdout)
    assert found is not None
    return int(found[1]) / 1000


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES))
