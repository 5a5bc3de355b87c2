"""Frames as files, as `sightline scene generate` writes them and as anyone may.

    NAME.png          the picture
    NAME.labels.png   palette or gray: a pixel's value is its label, 255 where nobody said
    NAME.depth.png    for all frames or none: 16-bit gray, 65535 times the depth as networks take it
    scene.json        {"classes": ["sky", …], "synthetic": true}

What `sightline scene label` draws, NAME.overlay.png, may lie among them and is no frame.
Depth beyond `FARTHEST` cannot be told from depth that was not measured; to networks they are one.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sightline.draw import draw_labels
from sightline.files import new_folder
from sightline.frames import BESIDE
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array
from sightline.jsontext import to_json
from sightline.picture import failures_told
from sightline.scene.datasets.layout import Files, require_file, require_folder
from sightline.scene.datasets.reading import read_rgb, require_same_size, to_labels
from sightline.scene.frame import (
    FARTHEST,
    NEAREST,
    ONLY_SYNTHETIC,
    UNLABELED,
    Frame,
    FrameSet,
    depth_plane,
)
from sightline.scene.places import natural
from sightline.scene.wording import counted

ABOUT = "scene.json"
LAYOUT = (
    "A folder of frames holds NAME.png, NAME.labels.png, for all or none NAME.depth.png, and "
    'scene.json with {"classes": ["sky", …], "synthetic": true or false}.'
)
_LEVELS = 65535


def metres_of(plane: Array) -> Array:
    """The depth that `depth_plane` makes a plane of; 0 where the plane is 0.

    metres = FARTHEST * (NEAREST / FARTHEST) ** plane
    """
    metres = FARTHEST * (NEAREST / FARTHEST) ** plane.astype(np.float64)
    return np.where(plane > 0, metres, 0).astype(np.float32)


class Folder:
    """The frames in a folder, in the order of their names, numbers in them as numbers."""

    def __init__(self, folder: Path) -> None:
        require_folder(folder, LAYOUT)
        self.classes, self.synthetic = _read_about(folder / ABOUT)
        self._pictures = Files(folder, ".png")
        self._labels = Files(folder, ".labels.png")
        self._depths = Files(folder, ".depth.png")
        self._names = _frame_names(self._pictures, self._labels, self._depths)
        self._has_depth = bool(self._depths.names())

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def frame(self, index: int) -> Frame:
        name = self._names[index]
        picture_path, labels_path = self._pictures.of(name), self._labels.of(name)
        picture, labels = read_rgb(picture_path), _read_labels(labels_path, len(self.classes))
        require_same_size("picture of labels", labels, labels_path, picture, picture_path)
        if not self._has_depth:
            return Frame(picture, labels)
        plane = _read_levels(self._depths.of(name), ("I;16", "I"), "16-bit gray") / _LEVELS
        require_same_size("depth", plane, self._depths.of(name), picture, picture_path)
        return Frame(picture, labels, metres_of(plane))


def write_set(
    frames: FrameSet,
    folder: Path,
    *,
    depth: bool = True,
    force: bool = False,
    report: Report = silent,
) -> None:
    """Write all frames into a new folder, which appears when the last is written, or never.

    `force` replaces a folder that holds generated frames and nothing else.
    """
    with new_folder(folder, _why_kept, force=force) as part:
        for index in range(len(frames)):
            report("writing frames", index, len(frames))
            frame = frames.frame(index)
            write_frame(
                part,
                frames.name(index),
                frame if depth else dataclasses.replace(frame, depth=None),
            )
        about = {"classes": list(frames.classes), "synthetic": frames.synthetic}
        note = {"note": ONLY_SYNTHETIC} if frames.synthetic else {}
        (part / ABOUT).write_text(to_json(about | note) + "\n")
        report("writing frames", len(frames), len(frames))


def write_frame(folder: Path, name: str, frame: Frame) -> None:
    """Write the two or three pictures of a frame into a folder."""
    from PIL import Image

    Image.fromarray(frame.picture).save(folder / f"{name}.png")
    draw_labels(frame.labels).save(folder / f"{name}.labels.png")
    if frame.depth is not None:
        levels = np.rint(depth_plane(frame.depth) * _LEVELS).astype(np.uint16)
        Image.fromarray(levels).save(folder / f"{name}.depth.png")


def _why_kept(folder: Path) -> str:
    """Why no frames may take a folder's place, or nothing where only generated ones are lost."""
    from sightline.scene.generator.synthetic import NAME

    files = re.compile(rf"{NAME}(\.labels|\.depth)?\.png")
    others = sorted(
        path.name
        for path in folder.iterdir()
        if not (path.name == ABOUT or files.fullmatch(path.name)) or not path.is_file()
    )
    if others:
        more = f" and {counted(len(others) - 1, 'other')}" if len(others) > 1 else ""
        return f"it holds more than generated frames: {others[0]}{more}"
    try:
        _, synthetic = _read_about(folder / ABOUT)
    except UserError:
        synthetic = False
    return "" if synthetic else f"its {ABOUT} does not say that its frames are synthetic"


def _read_about(path: Path) -> tuple[Sequence[str], bool]:
    """The classes, and whether the scenes are synthetic."""
    require_file(path, LAYOUT)
    try:
        about: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"this is no JSON: {error}", where=str(path), fix=LAYOUT) from error
    about = about if isinstance(about, dict) else {}
    classes, synthetic = about.get("classes"), about.get("synthetic")
    named = isinstance(classes, list) and all(isinstance(name, str) and name for name in classes)
    if not named or not 1 <= len(classes) <= UNLABELED or len(set(classes)) < len(classes):
        raise UserError(
            f'"classes" must be 1 to {UNLABELED} different names', where=str(path), fix=LAYOUT
        )
    for name in classes:
        if not name.isprintable():
            raise UserError(
                f"the class {name!a} has letters that cannot be printed",
                where=str(path),
                fix="Name it in one line, without tabs.",
            )
    if not isinstance(synthetic, bool):
        raise UserError('"synthetic" must be true or false', where=str(path), fix=LAYOUT)
    return tuple(classes), synthetic


def _frame_names(pictures: Files, labels: Files, depths: Files) -> tuple[str, ...]:
    """All frames, if each has its picture, its labels and, where any has, its depth."""
    labeled, measured = labels.names(), depths.names()
    seen = {
        name for name in pictures.names() if not pictures.of(name).name.lower().endswith(BESIDE)
    }
    if not seen | labeled | measured:
        raise UserError(f"the folder '{pictures.folder}' holds no frames", fix=LAYOUT)
    kinds = [(pictures, seen), (labels, labeled), *([(depths, measured)] if measured else [])]
    for name in sorted(seen | labeled | measured):
        for files, names in kinds:
            if name not in names:
                raise UserError(f"the frame '{name}' has no file '{files.of(name)}'", fix=LAYOUT)
    return tuple(sorted(sorted(seen), key=natural))


def _read_labels(path: Path, classes: int) -> Array:
    numbers = _read_levels(path, ("P", "L"), "8-bit gray or with a palette")
    known = np.where(numbers == UNLABELED, -1, numbers.astype(np.int16))
    return to_labels(known, 0, classes, path)


def _read_levels(path: Path, modes: Sequence[str], wanted: str) -> Array:
    """The values of a picture's pixels as they are stored, not as colours."""
    from PIL import Image

    with failures_told(path, fix=LAYOUT), Image.open(path, formats=("PNG",)) as image:
        image.load()
    if image.mode not in modes:
        raise UserError(
            f"its pixels are stored as {image.mode}, but must be {wanted}",
            where=str(path),
            fix=LAYOUT,
        )
    return np.asarray(image)
