"""Synthetic frames by split and number: the same for the same seed, forever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sightline.ir.errors import UserError
from sightline.models.scene import STANFORD
from sightline.scene.frame import Frame
from sightline.scene.generator.layout import draw_world
from sightline.scene.generator.render import render
from sightline.scene.generator.sensors import measure_depth, photograph

SPLITS = ("train", "validation", "test")
"""Worlds of one split never occur in another."""

NAME = rf"({'|'.join(SPLITS)})-[0-9]+-[0-9]{{5,}}"
"""What a frame is called: its split, seed and number."""

FRAMES_PER_SECOND = 10.0


class Synthetic:
    """Frames of a split: each from a world of its own, or, as a sequence, all from one.

    Frame n of a seed is the same however many frames are asked for.
    """

    classes: Sequence[str] = STANFORD
    synthetic = True

    def __init__(
        self,
        split: str,
        frames: int,
        seed: int = 0,
        height: int = 240,
        width: int = 320,
        sequence: bool = False,
    ) -> None:
        if split not in SPLITS:
            raise UserError(
                f"synthetic scenes have no split '{split}'", fix=f"There are {', '.join(SPLITS)}."
            )
        if frames < 1 or seed < 0:
            raise UserError(
                f"synthetic scenes need 1 frame or more and a seed of 0 or more, found {frames} "
                f"frames and seed {seed}"
            )
        if not 16 <= min(height, width) <= max(height, width) <= 4096:
            raise UserError(
                f"synthetic frames have sides of 16 to 4096 pixels, not {width}x{height}"
            )
        self.split, self.frames, self.seed = split, frames, seed
        self.height, self.width, self.sequence = height, width, sequence

    def __len__(self) -> int:
        return self.frames

    def name(self, index: int) -> str:
        return f"{self.split}-{self.seed}-{index:05d}"

    def frame(self, index: int) -> Frame:
        """The frame, made anew at every call."""
        if not 0 <= index < self.frames:
            raise IndexError(index)
        world = draw_world(self._seed(0 if self.sequence else index, 0))
        time = index / FRAMES_PER_SECOND if self.sequence else 0.0
        view = render(world, time, self.height, self.width)
        rng = np.random.default_rng(self._seed(index, 1))
        return Frame(
            photograph(view, world, rng), view.label.copy(), measure_depth(view, world, rng)
        )

    def _seed(self, index: int, purpose: int) -> np.random.SeedSequence:
        return np.random.SeedSequence((self.seed, SPLITS.index(self.split), index, purpose))
