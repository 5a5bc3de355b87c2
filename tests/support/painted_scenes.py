"""Frames that a network learns in seconds, and a training of it that a test may kill."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from sightline.ir.progress import Report, silent
from sightline.scene.frame import Frame, FrameSet
from sightline.scene.training.export import Result
from sightline.scene.training.loop import Tell, train, untold
from sightline.scene.training.settings import Settings

SHORT = Settings(
    scales=1,
    classes=3,
    height=16,
    width=24,
    steps=23,
    batch=2,
    warm_up=2,
    check_every=10,
    check_frames=3,
    save_every=7,
)
"""A training of a second."""

COLORS = np.array([[200, 60, 40], [40, 180, 60], [60, 80, 220]])
DISTANCES = np.array([2, 10, 50], np.float32)


class Painted:
    """Frames of three classes, each of one colour and distance, in stripes of three directions."""

    classes: Sequence[str] = ("red", "green", "blue")
    synthetic = True

    def __init__(self, count: int = 5, seed: int = 0, height: int = 16, width: int = 24) -> None:
        self.count, self.seed, self.height, self.width = count, seed, height, width

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"painted{index}"

    def frame(self, index: int) -> Frame:
        rng = np.random.default_rng((self.seed, index))
        rows, columns = np.ogrid[: self.height, : self.width]
        slope, start = rng.integers(-1, 2), rng.integers(64)
        labels = ((rows + slope * columns + start) // 8 % 3).astype(np.uint8)
        noise = rng.integers(-20, 21, (*labels.shape, 3))
        picture = np.clip(COLORS[labels] + noise, 0, 255).astype(np.uint8)
        return Frame(picture, labels, DISTANCES[labels])


def train_quickly(
    settings: Settings,
    frames: FrameSet,
    validation: FrameSet,
    folder: Path,
    report: Report = silent,
    resume: bool = False,
    tell: Tell = untold,
) -> Result:
    """`train` on one core: others would only wait for each other on frames this small."""
    with mock.patch("os.cpu_count", return_value=1):
        return train(settings, frames, validation, folder, report, resume, tell)


def main(folder: Path, moment: str) -> None:
    """Train, and be killed: after step 17, or when the second checkpoint is about to be renamed."""

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def report(what: str, done: int, total: int) -> None:
        if moment == "step" and what.startswith("training") and done == 17:
            kill()

    if moment == "checkpoint":
        rename = Path.replace

        def replace(path: Path, target: Path) -> Path:
            if (folder / "checkpoint.npz").exists():
                kill()
            return rename(path, target)

        Path.replace = replace  # type: ignore[method-assign,assignment]
    with mock.patch("sightline.scene.training.record.draw_curve"):  # which takes longer than all
        train_quickly(SHORT, Painted(), Painted(seed=1), folder, report)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
