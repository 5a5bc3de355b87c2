"""What `sightline scene evaluate` does: networks side by side, as tables and as files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sightline.files import failures_named, new_file
from sightline.jsontext import to_json
from sightline.scene.drawing import draw_confusion, draw_frame, save_figure
from sightline.scene.evaluation import Evaluation, timed_labels
from sightline.scene.frame import ONLY_SYNTHETIC, FrameSet
from sightline.scene.labeling import Labeler
from sightline.scene.measures import Confusion
from sightline.scene.places import make
from sightline.scene.superpixels import Way
from sightline.scene.wording import counted
from sightline.terminal import show_table

EXAMPLES = 8
"""Frames of a set that are drawn with their labels."""

RECORD = "evaluation.json"
PICTURES = re.compile(rf"confusion-[0-9]+-({'|'.join(Way)})\.png|frame-[0-9]+-.+\.png", re.DOTALL)
"""The names of the pictures that are written."""


@dataclass(frozen=True)
class Comparison:
    """Networks on one set of frames, and the files that show how they did."""

    data: str
    evaluations: Sequence[Evaluation]
    files: Sequence[Path] = ()

    @property
    def synthetic(self) -> bool:
        return self.evaluations[0].synthetic

    def to_dict(self) -> dict[str, Any]:
        told = {
            "data": self.data,
            "networks": [each.to_dict() for each in self.evaluations],
            "files": [str(path) for path in self.files],
        }
        return told | ({"note": ONLY_SYNTHETIC} if self.synthetic else {})


def tell(comparison: Comparison) -> None:
    """A table of the networks, and one of the classes with a column for each network and way."""
    evaluations = comparison.evaluations
    click.echo(f"{counted(evaluations[0].frames, 'frame')} of {comparison.data}")
    show_networks(evaluations)
    click.echo()
    show_classes(evaluations)
    if comparison.synthetic:
        click.echo(ONLY_SYNTHETIC)
    for path in comparison.files:
        click.echo(f"wrote {path}")


def show_networks(evaluations: Sequence[Evaluation]) -> None:
    """How each network did, in each of the ways; the networks are numbered."""
    rows = [
        [
            str(number),
            each.network,
            each.target,
            way.value,
            percent(score.confusion.pixel_accuracy),
            percent(score.confusion.class_accuracy),
            f"{each.frames_per_second(way):.2f}",
        ]
        for number, each in enumerate(evaluations, 1)
        for way, score in each.scores.items()
    ]
    numbers = ["pixels", "classes", "frames/s"]
    show_table(["", "network", "target", "labels by", *numbers], rows, numbers=numbers)


def show_classes(evaluations: Sequence[Evaluation]) -> None:
    """The part of each class's pixels that are labeled right, by each network's number and way."""
    found = {
        f"{number} {way}": score.confusion
        for number, each in enumerate(evaluations, 1)
        for way, score in each.scores.items()
    }
    shares = shares_of(next(iter(found.values())))
    rows = [
        [name, percent(share), *(percent(each.class_accuracies[row]) for each in found.values())]
        for row, (name, share) in enumerate(zip(evaluations[0].classes, shares, strict=True))
    ]
    columns = ["of all pixels", *found]
    show_table(["class", *columns], rows, numbers=columns, whole=["class"])


def shares_of(confusion: Confusion) -> list[float]:
    """The part of all labeled pixels that truly are of each class."""
    wholes = confusion.counts.sum(1)
    shares: list[float] = (wholes / max(1, wholes.sum())).tolist()
    return shares


def percent(part: float) -> str:
    return "none" if math.isnan(part) else f"{100 * part:.1f}%"


def write(
    comparison: Comparison, labelers: Sequence[Labeler], sets: Sequence[FrameSet], folder: Path
) -> Comparison:
    """Draw each network's confusion and its labels for a few frames, and write all as JSON.

    Pictures that an earlier evaluation wrote, and this one did not, are removed.
    """
    files: list[Path] = []
    make(folder)
    cases = zip(comparison.evaluations, labelers, sets, strict=True)
    for number, (evaluation, labeler, frames) in enumerate(cases, 1):
        files += _write_confusions(evaluation, comparison.data, folder, number)
        files += _write_examples(evaluation, labeler, frames, folder, number)
    _remove({folder / name for name in _written_before(folder)} - set(files))
    told = Comparison(comparison.data, comparison.evaluations, [*files, folder / RECORD])
    with new_file(told.files[-1]) as part:
        part.write_text(to_json(told.to_dict()) + "\n", encoding="utf-8")
    return told


def _written_before(folder: Path) -> set[str]:
    """The names of the pictures in a folder that the record of an evaluation there lists."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        names = {Path(file).name for file in record["files"]}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return set()  # none was here, or nobody can say what it wrote
    return {name for name in names if PICTURES.fullmatch(name)}


def _remove(files: set[Path]) -> None:
    for path in files:
        with failures_named(f"cannot remove '{path}' of an earlier evaluation"):
            path.unlink(missing_ok=True)


def _write_confusions(evaluation: Evaluation, data: str, folder: Path, number: int) -> list[Path]:
    written = []
    for way, score in evaluation.scores.items():
        path = folder / f"confusion-{number}-{way}.png"
        title = f"{evaluation.network}, by {way}, on {data}"
        figure = draw_confusion(score.confusion, evaluation.classes, title, evaluation.synthetic)
        with new_file(path) as part:
            save_figure(figure, part)
        written.append(path)
    return written


def _write_examples(
    evaluation: Evaluation, labeler: Labeler, frames: FrameSet, folder: Path, number: int
) -> list[Path]:
    written = []
    for index in range(min(EXAMPLES, len(frames))):
        frame, name = frames.frame(index), frames.name(index)
        planes = labeler.planes_of(frame, name)
        found = timed_labels(labeler, planes, name, tuple(evaluation.scores))
        labels = {f"by {way}": each for way, (each, _) in found.items()}
        path = folder / f"frame-{number}-{Path(name).name}.png"
        with new_file(path) as part:
            draw_frame(frame, labels, evaluation.classes).save(part)
        written.append(path)
    return written
