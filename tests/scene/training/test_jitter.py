"""Jitter: frames vary, stay in range and of their size, and labels stay with their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.ir.types import Array
from sightline.scene.frame import Frame
from sightline.scene.training import jitter as jitters
from sightline.scene.training.jitter import Jittered, jitter
from tests.support.scene_sets import random_frame


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    seed=st.integers(0, 9999),
    deep=st.booleans(),
)
def test_any_frame_stays_of_its_size_and_in_range(
    rows: int, columns: int, seed: int, deep: bool
) -> None:
    frame = random_frame(seed, rows, columns, depth=deep)
    found = jitter(frame, np.random.default_rng(seed))
    assert found.picture.shape == (rows, columns, 3)
    assert found.picture.dtype == np.float32
    assert 0 <= found.picture.min() <= found.picture.max() <= 1
    assert found.labels.shape == (rows, columns)
    assert found.labels.dtype == np.uint8
    assert set(found.labels.ravel()) <= set(frame.labels.ravel())
    if frame.depth is None:
        assert found.depth is None
    else:
        assert found.depth is not None
        assert found.depth.shape == (rows, columns)
        assert found.depth.dtype == np.float32
        assert 0 <= found.depth.min() <= found.depth.max() < 2 * frame.depth.max() + 1e-9


def test_the_same_numbers_give_the_same_frame_and_others_another() -> None:
    frame = random_frame(0, 12, 16, depth=True)
    one, same, other = (jitter(frame, np.random.default_rng(seed)) for seed in (1, 1, 2))
    for field in ("picture", "labels", "depth"):
        np.testing.assert_array_equal(getattr(one, field), getattr(same, field))
    assert (one.picture != other.picture).any()


def test_the_frame_itself_is_left_alone() -> None:
    frame, same = random_frame(0, depth=True), random_frame(0, depth=True)
    jitter(frame, np.random.default_rng(3))
    np.testing.assert_array_equal(frame.picture, same.picture)
    np.testing.assert_array_equal(frame.depth, same.depth)


def ramps(height: int = 32, width: int = 48) -> Frame:
    """Picture, labels and depth that all tell the place of a pixel."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.stack([4 * rows, 4 * columns, 0 * rows], -1).astype(np.uint8)
    return Frame(picture, columns.astype(np.uint8), 1.0 + rows.astype(np.float32))


def unlit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave mirroring and zooming alone of all variations."""
    for name in ("GAMMA", "CONTRAST", "BRIGHTNESS", "CAST", "NOISE"):
        monkeypatch.setattr(jitters, name, 0.0)
    for name in ("DEPTH_SCALE", "DEPTH_NOISE"):
        monkeypatch.setattr(jitters, name, 0.0)
    monkeypatch.setattr(jitters, "PATCHES", 0)


@pytest.mark.parametrize("seed", range(8))
def test_labels_and_depth_go_where_their_pixels_go(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    unlit(monkeypatch)
    found = jitter(ramps(), np.random.default_rng(seed))
    assert found.depth is not None
    rows, columns = found.picture[..., 0] * 255 / 4, found.picture[..., 1] * 255 / 4
    assert np.abs(columns - found.labels).max() <= 0.51
    assert np.abs(rows - (found.depth - 1)).max() <= 0.51
    shown = np.ptp(columns), np.ptp(rows)
    assert all(jitters.CLOSEST * n - 2 <= s <= n for s, n in zip(shown, (48, 32), strict=True))


def test_some_frames_are_mirrored_and_some_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    unlit(monkeypatch)

    def rising(found: Jittered) -> bool:
        return bool(found.labels[0, 0] < found.labels[0, -1])

    ways = [rising(jitter(ramps(), np.random.default_rng(seed))) for seed in range(40)]
    assert 8 < sum(ways) < 32


def test_depth_is_lost_in_patches_and_never_found_where_there_was_none() -> None:
    depth: Array = np.full((32, 48), 10, np.float32)
    depth[:, :24] = 0
    frame = Frame(np.zeros((32, 48, 3), np.uint8), np.zeros((32, 48), np.uint8), depth)
    lost = 0
    for seed in range(20):
        found = jitter(frame, np.random.default_rng(seed)).depth
        assert found is not None
        measured = found[found > 0]
        assert 8 < measured.min() <= measured.max() < 12.5
        assert (found == 0).sum() >= 32 * 12, "what is missing stays so, as far as it is in view"
        lost += len({int(n) for n in (found == 0).sum(axis=0)} - {0, 32}) > 0
    assert lost > 5
