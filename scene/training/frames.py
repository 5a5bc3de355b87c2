"""Frames in memory, packed, and what the network takes of one."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.ir.progress import Report
from sightline.ir.types import Array
from sightline.picture import to_array
from sightline.scene.frame import UNLABELED, Frame, FrameSet, depth_plane
from sightline.scene.training.settings import Settings


@dataclass(frozen=True)
class PackedFrames:
    """Many frames of one size: 6 bytes a pixel, since depth is kept as float16."""

    pictures: Array
    labels: Array
    depths: Array | None

    def __len__(self) -> int:
        return len(self.pictures)

    def frame(self, index: int) -> Frame:
        depth = None if self.depths is None else self.depths[index].astype(np.float32)
        return Frame(self.pictures[index], self.labels[index], depth)

    def fingerprint(self) -> int:
        """A number that tells these frames from others."""
        crc = zlib.crc32(self.labels.data, zlib.crc32(self.pictures.data))
        return crc if self.depths is None else zlib.crc32(self.depths.data, crc)


def pack(
    frames: FrameSet, indices: Sequence[int], settings: Settings, what: str, report: Report
) -> PackedFrames:
    """Make or read some frames, several at once, each where it belongs."""
    shape = (len(indices), settings.height, settings.width)
    depths = np.zeros(shape, np.float16) if settings.channels == 4 else None
    packed = PackedFrames(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8), depths)

    def put(place: int) -> None:
        frame = frames.frame(indices[place])
        _require_fits(frame, frames.name(indices[place]), settings)
        packed.pictures[place] = frame.picture
        packed.labels[place] = frame.labels
        if packed.depths is not None and frame.depth is not None:
            packed.depths[place] = np.minimum(frame.depth, np.finfo(np.float16).max)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for done, _ in enumerate(pool.map(put, range(len(indices))), start=1):
                report(what, done, len(indices))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return packed


def _require_fits(frame: Frame, name: str, settings: Settings) -> None:
    """Refuse a frame that is not as the settings have it."""
    height, width = frame.labels.shape
    if (height, width) != (settings.height, settings.width):
        raise UserError(
            f"a frame has {width}x{height} pixels, but the network is trained on "
            f"{settings.width}x{settings.height}",
            where=name,
            fix="Resize the frames, or train at their size.",
        )
    if settings.channels == 4 and frame.depth is None:
        raise UserError(
            "a frame has no depth, but the network is trained on 4 channels",
            where=name,
            fix="Take frames with depth, or train on 3 channels.",
        )
    labels = frame.labels[frame.labels != UNLABELED]
    if labels.size and labels.max() >= settings.classes:
        raise UserError(
            f"a frame has the label {labels.max()}, but the network is trained on "
            f"{settings.classes} classes, 0 to {settings.classes - 1}",
            where=name,
            fix=f"Train with more classes, or label what is none of them {UNLABELED}.",
        )


def network_input(frame: Frame, channels: int) -> Array:
    """What the network takes of a frame, `[1, channels, H, W]`."""
    return planes_input(frame.picture.astype(np.float32) / 255, frame.depth, channels)


def planes_input(picture: Array, depth: Array | None, channels: int) -> Array:
    """The same of a picture `[H, W, 3]` from 0 to 1 and of metres."""
    planes = picture.transpose(2, 0, 1)
    if channels == 3:
        return to_array(planes, Picture("yuv"))
    assert depth is not None
    return to_array(np.concatenate([planes, depth_plane(depth)[None]]), Picture("yuvd"))
