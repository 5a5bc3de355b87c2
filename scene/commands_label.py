"""What `sightline scene label` does: pictures and folders in, two pictures out for each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.draw import draw_labels
from sightline.files import failures_named, new_file
from sightline.frames import BESIDE
from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.picture import SUFFIXES
from sightline.scene.datasets.folder import ABOUT
from sightline.scene.drawing import blend, draw_sheet
from sightline.scene.labeling import Labeled, Labeler, Skipped, label_files
from sightline.scene.places import make, natural, require_place
from sightline.scene.superpixels import Way


@dataclass(frozen=True)
class Results:
    """The files that are written for one picture: for people, and for programs."""

    overlay: Path
    labels: Path


@dataclass(frozen=True)
class LabelRun:
    """What became of each picture: files written, or why there are none."""

    labeled: Sequence[tuple[Path, Results]]
    skipped: Sequence[Skipped]

    def to_dict(self) -> dict[str, Any]:
        return {
            "labeled": [
                {"picture": str(path), "overlay": str(to.overlay), "labels": str(to.labels)}
                for path, to in self.labeled
            ],
            "skipped": [
                {"picture": str(each.path), "reason": each.reason} for each in self.skipped
            ],
        }


def plan(paths: Sequence[Path], output: Path) -> dict[Path, Results]:
    """The result files in the folder `output` of each picture that the paths name."""
    require_place(output)
    require_no_truth(output)
    planned: dict[Path, Results] = {}
    sources: dict[Path, Path] = {}
    for picture in find_pictures(paths):
        results = Results(
            output / f"{picture.stem}.overlay.png", output / f"{picture.stem}.labels.png"
        )
        other = sources.setdefault(results.overlay, picture)
        if other != picture:
            raise UserError(
                f"'{other}' and '{picture}' would both be written to '{results.overlay}'",
                fix="Label them into folders of their own.",
            )
        if os.path.realpath(picture.parent) == os.path.realpath(output):
            raise UserError(
                f"'{picture}' lies in the output folder, where its true labels may lie too",
                fix="Name another folder with -o.",
            )
        planned[picture] = results
    return planned


def require_no_truth(output: Path) -> None:
    """Refuse a folder with labels that are not ours, which results would be written over.

    What we write are pairs, of which the overlay comes first.
    """
    if not output.is_dir():
        return
    with failures_named(f"cannot read the folder '{output}'"):
        names = {path.name for path in output.iterdir()}
    kind = ".labels.png"
    labels = {name.removesuffix(kind) for name in names if name.endswith(kind)}
    alone = sorted(f"{name}{kind}" for name in labels if f"{name}.overlay.png" not in names)
    signs = [ABOUT, *alone] if ABOUT in names else alone
    if signs:
        raise UserError(
            f"the output folder '{output}' holds a set of frames ({signs[0]}), whose true labels "
            "would be lost",
            fix="Name another folder with -o.",
        )


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """Picture files as named, and all pictures of scenes that lie in the named folders.

    Each comes once, however its folder is called.
    """
    found: dict[tuple[str, str], Path] = {}

    def add(path: Path) -> None:
        found.setdefault((os.path.realpath(path.parent), path.name), path)

    for path in paths:
        if path.is_dir():
            for picture in _pictures_in(path):
                add(picture)
        elif not path.is_file():
            raise UserError(f"there is no file or folder '{path}'")
        elif path.suffix.lower() not in SUFFIXES:
            raise UserError(f"'{path}' is no picture", fix=f"Give {', '.join(SUFFIXES)}.")
        else:
            add(path)
    return list(found.values())


def _pictures_in(folder: Path) -> list[Path]:
    """All that is named as a picture of a scene; what is no file is skipped later, and counted."""
    with failures_named(f"cannot read the folder '{folder}'"):
        files = [path for path in folder.iterdir() if not path.is_dir()]
    pictures = [
        path
        for path in files
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and not path.name.lower().endswith(BESIDE)
    ]
    if not pictures:
        raise UserError(
            f"the folder '{folder}' holds no picture of a scene",
            fix=f"Pictures end in {', '.join(SUFFIXES)}; those that end in "
            f"{', '.join(BESIDE)} belong to others.",
        )
    return sorted(pictures, key=lambda path: natural(path.name))


def label_into(
    planned: dict[Path, Results],
    labeler: Labeler,
    way: Way,
    *,
    resize: bool = False,
    report: Report = silent,
) -> LabelRun:
    """Label the pictures, and write each one's results as soon as they are there."""
    labeled: list[tuple[Path, Results]] = []
    skipped: list[Skipped] = []
    for done, outcome in enumerate(label_files(labeler, planned, way, resize=resize), 1):
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            write(outcome, planned[outcome.path], labeler.classes)
            labeled.append((outcome.path, planned[outcome.path]))
        report("labeling", done, len(planned))
    return LabelRun(labeled, skipped)


def write(labeled: Labeled, results: Results, classes: Sequence[str]) -> None:
    """Write both files of a picture, or neither."""
    make(results.overlay.parent)
    with contextlib.ExitStack() as unfinished:  # the last to enter appears first
        labels = unfinished.enter_context(new_file(results.labels))
        overlay = unfinished.enter_context(new_file(results.overlay))
        draw_sheet({"": blend(labeled.picture, labeled.labels)}, classes).save(overlay)
        draw_labels(labeled.labels).save(labels)
