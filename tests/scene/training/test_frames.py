"""Frames in memory: all of them in their places, and those refused that do not fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.ir.progress import silent
from sightline.picture import to_array
from sightline.scene.frame import Frame, depth_plane
from sightline.scene.training.frames import PackedFrames, network_input, pack
from sightline.scene.training.settings import Settings
from tests.support.scene_sets import Frames, random_frame

SMALL = Settings(scales=1, height=8, width=12)
DEEP = dataclasses.replace(SMALL, channels=4)


def frames(count: int = 5, depth: bool = True) -> Frames:
    return Frames([random_frame(seed, 8, 12, depth=depth) for seed in range(count)])


@settings(max_examples=20, deadline=None)
@given(indices=st.lists(st.integers(0, 4), min_size=1), deep=st.booleans())
def test_packed_frames_are_the_frames(indices: list[int], deep: bool) -> None:
    given_frames = frames()
    packed = pack(given_frames, indices, DEEP if deep else SMALL, "reading", silent)
    assert len(packed) == len(indices)
    for place, index in enumerate(indices):
        wanted, found = given_frames.frame(index), packed.frame(place)
        np.testing.assert_array_equal(found.picture, wanted.picture)
        np.testing.assert_array_equal(found.labels, wanted.labels)
        if deep:
            assert found.depth is not None
            assert wanted.depth is not None
            np.testing.assert_allclose(found.depth, wanted.depth, rtol=1e-3)
        else:
            assert found.depth is None


def test_reading_is_reported_frame_by_frame() -> None:
    told: list[tuple[str, int, int]] = []
    pack(frames(3), range(3), SMALL, "reading", lambda *step: told.append(step))
    assert told == [("reading", 1, 3), ("reading", 2, 3), ("reading", 3, 3)]


def test_distances_beyond_half_precision_stay_far() -> None:
    frame = random_frame(0, 8, 12, depth=True)
    far = dataclasses.replace(frame, depth=np.full((8, 12), 1e6, np.float32))
    packed = pack(Frames([far]), [0], DEEP, "reading", silent)
    np.testing.assert_array_equal(network_input(packed.frame(0), 4)[0, 3], 0)


@pytest.mark.parametrize("channels", [3, 4])
def test_the_input_is_what_the_picture_of_the_network_says(channels: int) -> None:
    frame = random_frame(0, 8, 12, depth=True)
    planes = frame.picture.transpose(2, 0, 1) / 255
    if channels == 4:
        assert frame.depth is not None
        planes = np.concatenate([planes, depth_plane(frame.depth)[None]])
    wanted = to_array(planes, Picture("yuv" if channels == 3 else "yuvd"))
    found = network_input(frame, channels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (random_frame(0, 8, 16, depth=True), "has 16x8 pixels, but the network is trained on 12x8"),
        (random_frame(0, 8, 12), "a frame has no depth, but the network is trained on 4 channels"),
        (
            random_frame(0, 8, 12, classes=11, depth=True),
            "has the label 10, but the network is trained on 8 classes, 0 to 7",
        ),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_by_name(odd: Frame, message: str) -> None:
    with pytest.raises(UserError) as caught:
        pack(Frames([*frames(3).frames, odd]), range(4), DEEP, "reading", silent)
    assert message in str(caught.value)
    assert str(caught.value).startswith("frame3: ")


def test_a_frame_that_cannot_be_read_stops_the_reading() -> None:
    class Broken(Frames):
        def frame(self, index: int) -> Frame:
            if index == 2:
                raise UserError("the picture is damaged", where="frame2.png")
            return super().frame(index)

    with pytest.raises(UserError, match=r"frame2\.png: the picture is damaged"):
        pack(Broken(frames().frames), range(5), SMALL, "reading", silent)


def test_other_frames_have_another_fingerprint() -> None:
    packed = pack(frames(), range(5), DEEP, "reading", silent)
    assert packed.fingerprint() == pack(frames(), range(5), DEEP, "", silent).fingerprint()
    fingerprints = {packed.fingerprint()}
    for name in ("pictures", "labels", "depths"):
        arrays = {
            field: getattr(packed, field).copy() for field in ("pictures", "labels", "depths")
        }
        arrays[name].view(np.uint8).flat[100] ^= 1
        fingerprints.add(PackedFrames(**arrays).fingerprint())
    fingerprints.add(pack(frames(), [1, 0, 2, 3, 4], DEEP, "", silent).fingerprint())
    assert len(fingerprints) == 5
