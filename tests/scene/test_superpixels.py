"""Superpixels: segments that follow edges, and votes in them against plain loops."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.scene.superpixels import (
    Superpixels,
    Way,
    majority,
    mean_distribution,
    per_pixel,
    per_segment,
)
from tests.support.examples import examples

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 7))


def naive_majority(labels: Array, segments: Array) -> Array:
    result = np.empty_like(labels)
    for segment in set(segments.ravel().tolist()):
        inside = segments == segment
        votes = Counter(labels[inside].tolist())
        result[inside] = min(votes, key=lambda label: (-votes[label], label))
    return result


def naive_mean(scores: Array, segments: Array) -> Array:
    result = np.empty(segments.shape, np.uint8)
    for segment in set(segments.ravel().tolist()):
        shares = []
        for y, x in zip(*np.nonzero(segments == segment), strict=True):
            parts = np.exp(scores[:, y, x].astype(np.float64))
            shares.append(parts / parts.sum())
        result[segments == segment] = np.mean(shares, 0).argmax()
    return result


@given(SIZES, st.integers(1, 12), st.integers(2, 255), st.integers(0, 2**32 - 1))
@examples(100)
def test_a_vote_is_that_of_a_plain_loop(
    size: tuple[int, int], segments: int, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, segments, size)
    labels = rng.integers(0, min(classes, 4), size).astype(np.uint8)
    found = majority(labels, places, classes)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, naive_majority(labels, places))
    np.testing.assert_array_equal(majority(found, places, classes), found)


@given(SIZES, st.integers(1, 12), st.integers(2, 9), st.integers(0, 2**32 - 1))
@examples(100)
def test_a_mean_distribution_is_that_of_a_plain_loop(
    size: tuple[int, int], segments: int, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, segments, size)
    scores = (10 * rng.standard_normal((classes, *size))).astype(np.float32)
    found = mean_distribution(scores, places)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, naive_mean(scores, places))


def test_scores_of_any_size_have_a_distribution() -> None:
    scores = np.array([[[1e30, -1e30]], [[0, 0]]], np.float32)
    np.testing.assert_array_equal(mean_distribution(scores, np.array([[0, 1]])), [[0, 1]])


def test_few_sure_pixels_win_the_mean_but_not_the_vote() -> None:
    scores = np.array([[[0.1, 0.1, 0.1, -9]], [[0, 0, 0, 9]]], np.float32)
    segments = np.zeros((1, 4), int)
    np.testing.assert_array_equal(per_pixel(scores), [[0, 0, 0, 1]])
    np.testing.assert_array_equal(per_segment(scores, segments, Way.MAJORITY), [[0] * 4])
    np.testing.assert_array_equal(per_segment(scores, segments, Way.MEAN), [[1] * 4])


def two_surfaces() -> Array:
    rng = np.random.default_rng(0)
    picture = rng.integers(100, 110, (40, 60, 3))
    picture[:, 25:] += 100
    return picture.astype(np.uint8)


def test_segments_end_where_surfaces_do_and_are_not_too_small() -> None:
    segments = Superpixels(min_size=30).segments(two_surfaces())
    assert segments.shape == (40, 60)
    assert not set(segments[:, :25].ravel()) & set(segments[:, 25:].ravel())
    counts = np.bincount(segments.ravel())
    assert counts.min() >= 30


def test_a_larger_scale_makes_fewer_segments() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    few, many = (Superpixels(scale, min_size=1).segments(picture).max() for scale in (3000, 1))
    assert few < many


def test_votes_take_noise_out_of_labels() -> None:
    truth = np.zeros((40, 60), np.uint8)
    truth[:, 25:] = 1
    noise = np.random.default_rng(2).random(truth.shape) < 0.2
    segments = Superpixels().segments(two_surfaces())
    np.testing.assert_array_equal(majority(truth ^ noise, segments, 2), truth)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": -1.0}, "the scale of superpixels is 0 or more, not -1"),
        ({"scale": float("nan")}, "the scale of superpixels is 0 or more, not nan"),
        ({"sigma": float("inf")}, "the sigma of superpixels is 0 or more, not inf"),
        ({"min_size": 0}, "a superpixel has at least 1 pixel, not 0"),
    ],
)
def test_impossible_parameters_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Superpixels(**given)  # type: ignore[arg-type]


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(UserError, match=r"needs the package skimage.*'sightline\[scene\]'"):
        Superpixels().segments(two_surfaces())
