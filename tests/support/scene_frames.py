"""Frames in memory, and small networks that label them, for tests of what is around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sightline.compiler import compile as compile_model
from sightline.ir.types import Array
from sightline.scene.frame import UNLABELED, Frame
from sightline.scene.labeling import Labeler
from tests.support.small_networks import CLASSES, labeler

HEIGHT, WIDTH = 12, 16


class Frames:
    """A set of frames that are there already."""

    def __init__(
        self, frames: Sequence[Frame], classes: Sequence[str] = CLASSES, synthetic: bool = True
    ) -> None:
        self.frames = frames
        self.classes = classes
        self.synthetic = synthetic

    def __len__(self) -> int:
        return len(self.frames)

    def name(self, index: int) -> str:
        return f"frame{index}"

    def frame(self, index: int) -> Frame:
        return self.frames[index]


def random_frame(seed: int, classes: int = len(CLASSES), height: int = HEIGHT) -> Frame:
    """Two plain surfaces under noise, some of whose pixels nobody labeled or measured."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, (height, WIDTH)).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.1] = UNLABELED
    picture: Array = rng.integers(0, 60, (height, WIDTH, 3))
    picture[:, WIDTH // 2 :] += 150
    depth = rng.uniform(1, 50, labels.shape).astype(np.float32)
    depth[rng.random(labels.shape) < 0.1] = 0
    return Frame(picture.astype(np.uint8), labels, depth)


def small_labeler(channels: int = 3, seed: int = 0) -> Labeler:
    """A labeler of three classes for frames of this size."""
    model = labeler(channels, HEIGHT, WIDTH, seed)
    return Labeler(compile_model(model, ["reference"], source="small"))
