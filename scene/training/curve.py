"""The learning curve of a training as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.files import new_file
from sightline.ir.types import Array
from sightline.scene.training.history import History
from sightline.scene.training.settings import Settings

SMOOTH = 50
"""Steps whose loss is drawn as their mean: single batches differ more than the network does."""


def draw_curve(history: History, settings: Settings, path: Path, note: str = "") -> None:
    """Loss, accuracies and learning rate over the steps, as a picture file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 9), layout="constrained")
    loss, accuracy, rate = figure.subplots(3, sharex=True, height_ratios=(3, 3, 1))
    checked = [check.step for check in history.checks]
    steps, smooth = smoothed(history.losses)
    loss.plot(steps, smooth, label="training")
    loss.plot(checked, [check.loss for check in history.checks], "o-", label="validation")
    loss.set_ylabel("loss")
    pixels = [100 * check.pixel_accuracy for check in history.checks]
    classes = [100 * check.class_accuracy for check in history.checks]
    accuracy.plot(checked, pixels, "o-", label="of pixels")
    accuracy.plot(checked, classes, "o-", label="mean of classes")
    accuracy.set_ylabel("% right, validation")
    rate.plot(range(1, settings.steps + 1), [settings.rate(s) for s in range(settings.steps)])
    rate.set_ylabel("learning rate")
    rate.set_xlabel("step")
    for axes in (loss, accuracy):
        axes.legend()
    for axes in (loss, accuracy, rate):
        axes.grid(alpha=0.3)
    plural = "s" if settings.scales > 1 else ""
    title = f"{settings.scales} scale{plural}, {settings.channels} channels, seed {settings.seed}"
    figure.suptitle(f"{title}\n{note}" if note else title)
    with new_file(path) as temporary:
        figure.savefig(temporary)


def smoothed(losses: list[float]) -> tuple[Array, Array]:
    """Steps, and the mean of the losses up to each, over `SMOOTH` of them or as many as exist."""
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    steps = np.arange(1, len(losses) + 1)
    first = np.maximum(steps - SMOOTH, 0)
    return steps, (sums[steps] - sums[first]) / (steps - first)
