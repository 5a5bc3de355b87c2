"""How well networks label the frames of a set, per pixel and by superpixels, and how fast."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array
from sightline.scene.classes import require_equal_classes
from sightline.scene.frame import ONLY_SYNTHETIC, FrameSet
from sightline.scene.labeling import Labeler
from sightline.scene.measures import Confusion
from sightline.scene.superpixels import Way, per_pixel, per_segment


@dataclass(frozen=True)
class Score:
    """What came of one way to label: the confusion, and the seconds from pictures to labels."""

    confusion: Confusion
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """A network on all frames of a set."""

    network: str
    target: str
    frames: int
    synthetic: bool
    classes: Sequence[str]
    scores: Mapping[Way, Score]

    def frames_per_second(self, way: Way) -> float:
        return self.frames / self.scores[way].seconds

    def to_dict(self) -> dict[str, Any]:
        told = {
            "network": self.network,
            "target": self.target,
            "frames": self.frames,
            "classes": list(self.classes),
            "ways": {way.value: self._way_as_dict(way) for way in self.scores},
        }
        return told | ({"note": ONLY_SYNTHETIC} if self.synthetic else {})

    def _way_as_dict(self, way: Way) -> dict[str, Any]:
        confusion = self.scores[way].confusion
        each = zip(self.classes, confusion.class_accuracies, strict=True)
        return {
            "pixel_accuracy": confusion.pixel_accuracy,
            "class_accuracy": confusion.class_accuracy,
            "class_accuracies": dict(each),
            "frames_per_second": self.frames_per_second(way),
            "confusion": confusion.counts.tolist(),
        }


def evaluate(
    labeler: Labeler,
    frames: FrameSet,
    ways: Sequence[Way] = (Way.PIXEL,),
    *,
    report: Report = silent,
) -> Evaluation:
    """Label every frame in each of the ways, and count what is right.

    Reading or making the frames is not timed. The first is labeled once before, since what that
    takes is loaded then.
    """
    require_comparable(labeler, frames)
    confusions = {way: Confusion(len(frames.classes)) for way in ways}
    seconds = dict.fromkeys(ways, 0.0)
    for index in range(len(frames)):
        report(f"labeling with {labeler.name}", index, len(frames))
        frame = frames.frame(index)
        name = frames.name(index)
        planes = labeler.planes_of(frame, name)
        if index == 0:
            timed_labels(labeler, planes, name, ways)
        for way, (labels, spent) in timed_labels(labeler, planes, name, ways).items():
            confusions[way].add(frame.labels, labels)
            seconds[way] += spent
    report(f"labeling with {labeler.name}", len(frames), len(frames))
    return Evaluation(
        labeler.name,
        labeler.target,
        len(frames),
        frames.synthetic,
        frames.classes,
        {way: Score(confusions[way], seconds[way]) for way in ways},
    )


def timed_labels(
    labeler: Labeler, planes: Array, name: str, ways: Sequence[Way]
) -> dict[Way, tuple[Array, float]]:
    """The labels by each way, and the seconds that it takes alone: what ways share counts for each.

    Scores are found once, and segments once at the most.
    """
    start = time.perf_counter()
    scores = labeler.scores(planes, name)
    until_scores = time.perf_counter() - start
    start = time.perf_counter()
    segments = labeler.segments(planes) if set(ways) - {Way.PIXEL} else None
    until_segments = time.perf_counter() - start
    found = {}
    for way in ways:
        start = time.perf_counter()
        if segments is None or way is Way.PIXEL:
            labels, before = per_pixel(scores), until_scores
        else:
            labels, before = per_segment(scores, segments, way), until_scores + until_segments
        found[way] = labels, before + time.perf_counter() - start
    return found


def require_fits(labeler: Labeler, frames: FrameSet) -> None:
    """Refuse frames that the network cannot be measured on, as far as the first one tells."""
    require_comparable(labeler, frames)
    labeler.planes_of(frames.frame(0), frames.name(0))


def require_comparable(labeler: Labeler, frames: FrameSet) -> None:
    """Refuse a set without frames, or of other classes.

    A network without names for its classes must have as many.
    """
    if not len(frames):
        raise UserError("there are no frames to evaluate on")
    named, wanted = tuple(labeler.classes), tuple(frames.classes)
    unnamed = named == tuple(map(str, range(len(named))))
    if not (unnamed and len(named) == len(wanted)):
        require_equal_classes(
            f"'{labeler.name}' labels",
            named,
            "the frames have",
            wanted,
            fix="Choose frames with the classes that the network was trained for.",
        )
