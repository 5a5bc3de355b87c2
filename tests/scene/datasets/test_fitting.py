"""Frames of any shape at the size of a network, and the first of a set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.scene.datasets.fitting import First, Fitted, Window, central, fit
from sightline.scene.frame import Frame
from tests.support.scene_sets import Frames, assert_equal, random_frame

SIDES = st.integers(1, 40)


@given(height=SIDES, width=SIDES, to_height=SIDES, to_width=SIDES)
def test_the_window_is_central_and_as_large_as_its_shape_allows(
    height: int, width: int, to_height: int, to_width: int
) -> None:
    window = central(height, width, to_height, to_width)
    assert window.height == height or window.width == width
    assert abs(height - window.height - 2 * window.top) <= 1
    assert abs(width - window.width - 2 * window.left) <= 1
    exact = window.width * to_height / to_width, window.height * to_width / to_height
    assert (
        abs(window.height - exact[0]) <= 0.5
        or abs(window.width - exact[1]) <= 0.5
        or 1 in (window.height, window.width)
    )


@given(height=SIDES, width=SIDES, to_height=SIDES, to_width=SIDES, seed=st.integers(0, 99))
def test_labels_and_depth_are_of_the_nearest_pixel(
    height: int, width: int, to_height: int, to_width: int, seed: int
) -> None:
    frame = random_frame(seed, height, width, depth=True)
    fitted = fit(frame, to_height, to_width)
    assert fitted.picture.shape == (to_height, to_width, 3)
    assert fitted.picture.dtype == np.uint8
    window = central(height, width, to_height, to_width)
    assert fitted.depth is not None
    assert frame.depth is not None
    for row in range(to_height):
        for column in range(to_width):
            y = window.top + int((row + 0.5) * window.height / to_height)
            x = window.left + int((column + 0.5) * window.width / to_width)
            assert fitted.labels[row, column] == frame.labels[y, x]
            assert fitted.depth[row, column] == frame.depth[y, x]


def test_a_frame_of_the_right_size_stays_as_it_is() -> None:
    frame = random_frame(0, depth=True)
    assert fit(frame, 6, 8) is frame


def test_picture_and_labels_stay_one_over_the_other() -> None:
    labels = np.zeros((24, 48), np.uint8)
    labels[8:16, 20:28] = 1
    picture = np.repeat(labels[..., None] * 200, 3, axis=2)
    fitted = fit(Frame(picture, labels), 12, 12)
    assert fitted.labels.sum() == 4 * 4
    inside = fitted.labels == 1
    assert fitted.picture[inside].mean() > 150
    assert fitted.picture[~inside].mean() < 20


def test_a_picture_is_averaged_where_it_shrinks() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    picture = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)
    fitted = fit(Frame(picture, np.zeros((64, 64), np.uint8)), 8, 8)
    assert (abs(fitted.picture.astype(int) - 127) <= 3).all()


def test_wide_and_upright_pictures_lose_their_margins() -> None:
    assert central(240, 320, 240, 320) == Window(0, 0, 240, 320)
    assert central(240, 400, 240, 320) == Window(0, 40, 240, 320)
    assert central(320, 240, 240, 320) == Window(70, 0, 180, 240)


def test_sets_are_seen_fitted_and_in_part() -> None:
    frames = Frames([random_frame(seed, 5 + seed, 9) for seed in range(4)], synthetic=False)
    found = Fitted(First(frames, 2), 4, 4)
    assert (len(found), found.name(1), found.synthetic) == (2, "frame1", False)
    assert found.classes == frames.classes
    assert_equal(found.frame(1), fit(frames.frame(1), 4, 4))


def test_counts_and_sizes_that_cannot_be_are_refused() -> None:
    frames = Frames([random_frame(0)])
    for count in (0, 2):
        with pytest.raises(UserError, match=rf"^{count} frames are asked for, .* has 1 to 1 to g"):
            First(frames, count)
    with pytest.raises(UserError, match=r"^frames cannot be made 0x4 pixels large\."):
        Fitted(frames, 4, 0)
