"""Frames by seed: the same again, others elsewhere, all classes, and at a camera's pace."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

from sightline.ir.errors import UserError
from sightline.scene.generator import SPLITS, Synthetic
from sightline.scene.generator.world import SKY, WATER


def test_a_frame_is_what_the_network_takes() -> None:
    frames = Synthetic("train", 2)
    frame = frames.frame(0)
    assert frame.picture.shape == (240, 320, 3)
    assert frame.picture.dtype == np.uint8
    assert frame.labels.shape == (240, 320)
    assert frame.labels.dtype == np.uint8
    assert frame.depth is not None
    assert frame.depth.shape == (240, 320)
    assert frame.depth.dtype == np.float32
    assert frame.labels.max() < len(frames.classes) == 8
    assert len(frames) == 2
    assert frames.synthetic


def test_a_seed_decides_everything() -> None:
    few, many = Synthetic("test", 3, 5), Synthetic("test", 9, 5)
    for first, second in ((few.frame(index), many.frame(index)) for index in range(3)):
        for name in ("picture", "labels", "depth"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_seeds_splits_and_numbers_share_no_world() -> None:
    pictures = [
        Synthetic(split, 2, seed, 48, 64).frame(index).labels.tobytes()
        for split in SPLITS
        for seed in (0, 1)
        for index in (0, 1)
    ]
    assert len(set(pictures)) == len(pictures)


def test_every_class_takes_part() -> None:
    frames = Synthetic("validation", 48, 0, 48, 64)
    labels = np.stack([frames.frame(index).labels for index in range(48)])
    shares = np.bincount(labels.ravel(), minlength=8) / labels.size
    assert shares.min() > 0.015
    assert shares.max() < 0.4
    in_frames = [(labels == label).any((1, 2)).mean() for label in range(8)]
    assert min(in_frames) > 0.2


def test_a_sequence_stays_in_one_world() -> None:
    frames = Synthetic("test", 30, 1, 120, 160, sequence=True)
    labels = [frames.frame(index).labels for index in range(0, 30, 3)]
    changes = [(a != b).mean() for a, b in itertools.pairwise(labels)]
    assert min(changes) > 0.001
    assert max(changes) < 0.25
    stills = Synthetic("test", 30, 1, 120, 160)
    assert (stills.frame(3).labels != labels[1]).mean() > 0.25
    np.testing.assert_array_equal(stills.frame(0).labels, labels[0])


def test_depth_is_measured_as_a_sensor_does() -> None:
    """Near it is exact, far it is not, and there is none of the sky and of much of the water."""
    frames = Synthetic("train", 30, 2, 96, 128)
    wet: list[float] = []
    for index in range(30):
        frame = frames.frame(index)
        assert frame.depth is not None
        assert not frame.depth[frame.labels == SKY].any()
        assert frame.depth.max() < 150
        if (frame.labels == WATER).mean() > 0.02:
            wet.append(float((frame.depth[frame.labels == WATER] == 0).mean()))
    assert min(wet) > 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tests", 1), "no split 'tests'.*There are train, validation, test"),
        (("test", 0), "found 0 frames and seed 0"),
        (("test", 1, -1), "found 1 frames and seed -1"),
        (("test", 1, 0, 8, 320), "sides of 16 to 4096 pixels, not 320x8"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(UserError, match=re.compile(message, re.DOTALL)):
        Synthetic(*arguments)


def test_frames_end() -> None:
    with pytest.raises(IndexError):
        Synthetic("test", 3).frame(3)
