"""Sets as a network wants them: at its size, and no more frames than asked for.

A frame of another shape is cropped around its centre, as far as it must be, and then resized. It is
not padded: networks normalize each neighbourhood, so a border that no camera saw would reach far
into the picture. Accuracy is then told of what is left; of an upright 240x320 picture, that is 56%.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.picture import nearest
from sightline.scene.frame import Frame, FrameSet


class View:
    """A set seen through another one: its classes and names, and its frames in a way of its own."""

    def __init__(self, frames: FrameSet) -> None:
        self._frames = frames
        self.classes = frames.classes
        self.synthetic = frames.synthetic

    def __len__(self) -> int:
        return len(self._frames)

    def name(self, index: int) -> str:
        return self._frames.name(index)

    def frame(self, index: int) -> Frame:
        return self._frames.frame(index)


class First(View):
    """The first frames of a set, which has them."""

    def __init__(self, frames: FrameSet, count: int) -> None:
        super().__init__(frames)
        if not 1 <= count <= len(frames):
            raise UserError(
                f"{count} frames are asked for, but this set has 1 to {len(frames)} to give"
            )
        self._count = count

    def __len__(self) -> int:
        return self._count


class Fitted(View):
    """The frames of a set at one height and width."""

    def __init__(self, frames: FrameSet, height: int, width: int) -> None:
        super().__init__(frames)
        if height < 1 or width < 1:
            raise UserError(f"frames cannot be made {width}x{height} pixels large")
        self._size = height, width

    def frame(self, index: int) -> Frame:
        return fit(super().frame(index), *self._size)


@dataclass(frozen=True)
class Window:
    """The part of a frame that is kept."""

    top: int
    left: int
    height: int
    width: int


def fit(frame: Frame, height: int, width: int) -> Frame:
    """The frame at a size: its picture as `--resize` does it, labels and depth of nearest pixels.

    Neither classes nor distances have a mean between them that would be there in the scene.
    """
    if frame.picture.shape[:2] == (height, width):
        return frame
    window = central(frame.picture.shape[0], frame.picture.shape[1], height, width)
    return Frame(
        _resized(_cut(frame.picture, window), height, width),
        nearest(_cut(frame.labels, window), height, width),
        None if frame.depth is None else nearest(_cut(frame.depth, window), height, width),
    )


def central(height: int, width: int, to_height: int, to_width: int) -> Window:
    """The largest window in the middle that has the shape of what it will become."""
    kept_height = min(height, max(1, round(width * to_height / to_width)))
    kept_width = min(width, max(1, round(height * to_width / to_height)))
    return Window((height - kept_height) // 2, (width - kept_width) // 2, kept_height, kept_width)


def _cut(array: Array, window: Window) -> Array:
    return array[window.top : window.top + window.height, window.left : window.left + window.width]


def _resized(picture: Array, height: int, width: int) -> Array:
    """Averaged over the area that each new pixel covers; bilinear where it grows."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.array(image.resize((width, height), Image.Resampling.BILINEAR))
