"""One frame of a scene: its picture, how far away everything is, and what everything is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sightline.ir.types import Array

UNLABELED = 255
"""The label of pixels whose class nobody said; they count for nothing."""

NEAREST, FARTHEST = 0.5, 200.0
"""Metres between which depth is told apart."""

ONLY_SYNTHETIC = "Accuracy on synthetic scenes says nothing about real ones."


@dataclass(frozen=True)
class Frame:
    """Arrays of one height and width: `picture` [H, W, 3] and `labels` [H, W] in uint8, and
    `depth` [H, W] in metres, 0 where nothing was measured, or None where there is no sensor.
    """

    picture: Array
    labels: Array
    depth: Array | None = None


class FrameSet(Protocol):
    """Frames that are told apart by name, made or read when asked for."""

    @property
    def classes(self) -> Sequence[str]:
        """The name of each label."""
        ...

    @property
    def synthetic(self) -> bool:
        """Whether nobody ever saw these scenes."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def frame(self, index: int) -> Frame: ...


def depth_plane(metres: Array) -> Array:
    """Depth as networks take it, from 0 (far, or not measured) to 1 (near).

        plane = log(FARTHEST / metres) / log(FARTHEST / NEAREST), from 0 to 1

    so that a step of a tenth of the distance is the same everywhere.
    """
    measured = metres > 0
    distance = np.clip(np.where(measured, metres, FARTHEST), NEAREST, FARTHEST)
    plane = np.log(FARTHEST / distance) / math.log(FARTHEST / NEAREST)
    return np.where(measured, plane, 0).astype(np.float32)
