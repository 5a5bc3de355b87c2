"""How networks do on frames: counted as by plain loops, and told with what it does not say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.jsontext import to_json
from sightline.scene.evaluation import evaluate, timed_labels
from sightline.scene.frame import ONLY_SYNTHETIC, UNLABELED, Frame
from sightline.scene.superpixels import Way, majority, mean_distribution
from tests.support.scene_frames import Frames, random_frame, small_labeler
from tests.support.small_networks import CLASSES

FRAMES = Frames([random_frame(seed) for seed in range(3)])


def naive_counts(labels: list[Array]) -> list[list[int]]:
    counts = [[0] * len(CLASSES) for _ in CLASSES]
    for frame, found in zip(FRAMES.frames, labels, strict=True):
        for y, x in np.ndindex(found.shape):
            if frame.labels[y, x] != UNLABELED:
                counts[frame.labels[y, x]][found[y, x]] += 1
    return counts


def test_every_way_is_counted_at_once() -> None:
    labeler = small_labeler()
    scores = [labeler.scores(labeler.planes_of(frame, ""), "") for frame in FRAMES.frames]
    segments = [labeler.superpixels.segments(frame.picture) for frame in FRAMES.frames]
    pairs = list(zip(scores, segments, strict=True))
    wanted = {
        Way.PIXEL: [each.argmax(0) for each in scores],
        Way.MAJORITY: [majority(each.argmax(0), inside, 3) for each, inside in pairs],
        Way.MEAN: [mean_distribution(each, inside) for each, inside in pairs],
    }
    found = evaluate(labeler, FRAMES, tuple(Way))
    for way, labels in wanted.items():
        assert found.scores[way].confusion.counts.tolist() == naive_counts(labels)


def test_what_is_told() -> None:
    found = evaluate(small_labeler(), FRAMES, (Way.PIXEL, Way.MEAN))
    told = json.loads(to_json(found.to_dict()))
    assert (told["network"], told["target"], told["frames"]) == ("small", "reference", 3)
    assert told["classes"] == list(CLASSES)
    assert told["note"] == ONLY_SYNTHETIC
    way = told["ways"]["mean"]
    counts = np.array(way["confusion"])
    assert way["pixel_accuracy"] == pytest.approx(np.trace(counts) / counts.sum())
    each = {name: counts[row, row] / counts[row].sum() for row, name in enumerate(CLASSES)}
    assert way["class_accuracies"] == pytest.approx(each)
    assert way["class_accuracy"] == pytest.approx(np.mean(list(each.values())))
    assert 0 < way["frames_per_second"] < told["ways"]["pixel"]["frames_per_second"]


def test_no_frame_is_made_twice() -> None:
    made: list[int] = []

    class Counted(Frames):
        def frame(self, index: int) -> Frame:
            made.append(index)
            return super().frame(index)

    evaluate(small_labeler(), Counted(FRAMES.frames))
    assert made == [0, 1, 2]


def test_real_frames_need_no_note() -> None:
    assert "note" not in evaluate(small_labeler(), Frames(FRAMES.frames, synthetic=False)).to_dict()


def test_frames_that_nobody_labeled_have_no_accuracy() -> None:
    frame = random_frame(0)
    blank = Frame(frame.picture, np.full_like(frame.labels, UNLABELED))
    told = json.loads(to_json(evaluate(small_labeler(), Frames([blank])).to_dict()))
    assert told["ways"]["pixel"]["pixel_accuracy"] is None


def test_a_way_costs_what_it_needs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slow(work: Callable[..., Array], seconds: float) -> Callable[..., Array]:
        def timed(*arguments: Any) -> Array:
            now[0] += seconds
            return work(*arguments)

        return timed

    labeler = small_labeler()
    planes = labeler.planes_of(FRAMES.frame(0), "")
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr(labeler, "scores", slow(labeler.scores, 3))
    monkeypatch.setattr(labeler, "segments", slow(labeler.segments, 5))
    found = timed_labels(labeler, planes, "", tuple(Way))
    seconds = {way: spent for way, (_, spent) in found.items()}
    assert seconds == {Way.PIXEL: 3, Way.MAJORITY: 8, Way.MEAN: 8}


def test_progress_is_reported_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    evaluate(small_labeler(), FRAMES, report=lambda _, done, total: steps.append((done, total)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("classes", [("sky", "tree"), ("sky", "road", "tree"), ("0", "1", "2")])
def test_frames_of_other_classes_are_refused(classes: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"'small' labels 3 classes \(sky, tree, road\), but"):
        evaluate(small_labeler(), Frames(FRAMES.frames, classes))


def test_a_network_without_names_takes_as_many_classes() -> None:
    labeler = small_labeler()
    labeler.classes = ("0", "1", "2")
    assert evaluate(labeler, FRAMES).classes == CLASSES
    with pytest.raises(UserError, match="but the frames have 2"):
        evaluate(labeler, Frames(FRAMES.frames, ("a", "b")))


def test_no_frames_are_no_evaluation() -> None:
    with pytest.raises(UserError, match="there are no frames"):
        evaluate(small_labeler(), Frames([]))
