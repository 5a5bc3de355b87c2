"""The figures of docs/SCENES.md: `make scenes`, or `python -m benchmarks.scenes [FRAMES]`.

The trained scene-labeling networks on test frames that no training saw. Prints Markdown, and fails
if a figure misses its bar.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch

import sightline
from benchmarks.figure import Figure, print_figures
from sightline.artifact import Artifact
from sightline.ir.types import Array
from sightline.models.scene import STANFORD, Scene, scene
from sightline.scene.datasets import open_frames
from sightline.scene.evaluation import Evaluation, evaluate
from sightline.scene.frame import ONLY_SYNTHETIC, FrameSet
from sightline.scene.labeling import Labeler
from sightline.scene.superpixels import Way
from sightline.scene.training.frames import network_input
from sightline.scene.training.network import TorchScene

FRAMES = 200
NETWORKS = {
    "one scale, RGB": {"scales": 1, "channels": 3},
    "three scales, RGB": {"scales": 3, "channels": 3},
    "one scale, RGB-D": {"scales": 1, "channels": 4},
    "three scales, RGB-D": {"scales": 3, "channels": 4},
}
ONE, THREE, ONE_DEPTH, THREE_DEPTH = NETWORKS


def main(frames: int) -> int:
    test = open_frames("synthetic:test", frames)
    networks = {name: trained(**parameters) for name, parameters in NETWORKS.items()}
    artifacts = {
        name: sightline.compile(network, targets=["cpu", "reference"])
        for name, network in networks.items()
    }
    evaluations = {
        name: evaluate(Labeler(artifact, "cpu"), test, tuple(Way))
        for name, artifact in artifacts.items()
    }
    print(f"{frames} test frames of 320x240. {ONLY_SYNTHETIC}\n")
    sections = (
        accuracies(evaluations),
        agreements(networks, artifacts, test),
        generator_speed(test),
    )
    missed = print_figures(itertools.chain.from_iterable(sections))
    print_classes(evaluations)
    return 1 if missed else 0


def trained(scales: int, channels: int) -> Scene:
    network = scene(scales=scales, channels=channels, trained=True)
    assert isinstance(network, Scene)
    return network


def accuracies(evaluations: dict[str, Evaluation]) -> Iterator[Figure]:
    def pixels(name: str, way: Way = Way.PIXEL) -> float:
        return evaluations[name].scores[way].confusion.pixel_accuracy

    three = evaluations[THREE].scores[Way.PIXEL].confusion
    for what, value, bar in (
        (f"{THREE}: pixels", three.pixel_accuracy, 0.85),
        (f"{THREE}: mean of classes", three.class_accuracy, 0.75),
        (f"{THREE}: the worst class", float(np.min(three.class_accuracies)), 0.4),
    ):
        yield Figure(what, value, bar, "{:.1%}", "at least")
    gains = {f"pixels, {THREE} against {ONE}": (pixels(THREE) - pixels(ONE), 0.05)}
    for way in (Way.MAJORITY, Way.MEAN):
        gain = pixels(THREE, way) - pixels(THREE)
        gains[f"pixels, superpixels by {way} against per pixel"] = gain, 0.0
    gains[f"pixels, {THREE_DEPTH} against RGB"] = pixels(THREE_DEPTH) - pixels(THREE), 0.0
    for what, (value, bar) in gains.items():
        yield Figure(what, value, bar, "{:+.1%}", "at least")


def agreements(
    networks: dict[str, Scene], artifacts: dict[str, Artifact], frames: FrameSet
) -> Iterator[Figure]:
    """The largest difference over the largest score, on the first test frame."""
    frame = frames.frame(0)
    for name, network in networks.items():
        x = network_input(frame, NETWORKS[name]["channels"])
        reference, cpu = (scores_of(artifacts[name], x, each) for each in ("reference", "cpu"))
        others = {"cpu": cpu, "PyTorch": by_torch(network, x)}
        for other, found in others.items():
            error = float(np.abs(found - reference).max() / np.abs(reference).max())
            what = f"{name}: {other} against reference"
            yield Figure(what, error, 1e-4, "{:.1e} relative")


def scores_of(artifact: Artifact, x: Array, target: str) -> Array:
    return artifact.run_all({"image": x}, target)["scores"]


def by_torch(network: Scene, x: Array) -> Array:
    with torch.no_grad():
        scores: Array = TorchScene(network).literal(torch.from_numpy(x)).numpy()
    return scores


def generator_speed(frames: FrameSet) -> Iterator[Figure]:
    """Each frame three times, the fastest counting, as other work on the machine only ever adds."""
    seconds = []
    for index in range(min(len(frames), 20)):
        times = []
        for _ in range(3):
            start = time.process_time()
            frames.frame(index)
            times.append(time.process_time() - start)
        seconds.append(min(times))
    rate = 1 / float(np.mean(seconds))
    yield Figure("frames generated, 320x240 with depth", rate, 20, "{:.0f} a second", "at least")


def print_classes(evaluations: dict[str, Evaluation]) -> None:
    print(f"\n| class | {' | '.join(evaluations)} |\n|---{'|---' * len(evaluations)}|")
    columns = [each.scores[Way.PIXEL].confusion for each in evaluations.values()]
    for number, name in enumerate(STANFORD):
        cells = [f"{column.class_accuracies[number]:.1%}" for column in columns]
        print(f"| {name} | {' | '.join(cells)} |")
    for what in ("pixel_accuracy", "class_accuracy"):
        cells = [f"{getattr(column, what):.1%}" for column in columns]
        print(f"| {what.replace('_', ' ')} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES))
