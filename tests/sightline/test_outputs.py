"""Results as files and in short."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.arrays import read_npz
from sightline.draw import draw_montage, palette
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.outputs import draw, save, summarize

CLASSES = ("sky", "tree", "road")
RNG = np.random.default_rng(0)
SCORES = RNG.standard_normal((1, 3, 4, 6)).astype(np.float32)
LABELS = SCORES.argmax(1).astype(np.int32)


@pytest.mark.parametrize("array", [LABELS, SCORES])
def test_labels_are_drawn_in_colour_and_stay_readable(array: Array, tmp_path: Path) -> None:
    save([(tmp_path / "y.png", {"y": array})], CLASSES)
    image = Image.open(tmp_path / "y.png")
    np.testing.assert_array_equal(np.asarray(image), LABELS[0])
    colors = np.array(palette(), np.uint8)[LABELS[0]]
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), colors)


def test_colours_are_distinct() -> None:
    colors = np.array(palette())
    assert len({tuple(color) for color in colors.tolist()}) == 256
    first = colors[:40, None] - colors[None, :40]
    distances = np.abs(first).sum(2) + 999 * np.eye(40, dtype=int)
    assert distances.min() > 20


def test_a_single_map_is_gray_from_its_least_to_its_largest() -> None:
    array = np.array([[[[-1.0, 0.0], [1.0, 3.0]]]], np.float32)
    assert np.asarray(draw(array)).tolist() == [[0, 64], [128, 255]]
    assert np.asarray(draw(np.full((1, 1, 2, 2), 7, np.float32))).tolist() == [[0, 0], [0, 0]]
    odd = np.array([[[[np.nan, 1.0], [np.inf, 2.0]]]], np.float32)
    assert np.asarray(draw(odd)).tolist() == [[0, 0], [0, 255]]


def test_features_are_a_montage_on_one_scale() -> None:
    maps = np.zeros((5, 60, 80), np.float32)
    maps[1], maps[4] = 1, 2
    sheet = np.asarray(draw_montage(maps))
    assert sheet.shape == (2 * 62 + 2, 3 * 82 + 2)
    assert {int(sheet[10, 10]), int(sheet[10, 90]), int(sheet[70, 90])} == {0, 128, 255}
    assert np.asarray(draw(maps[None])).shape == sheet.shape


def test_a_montage_of_small_maps_is_enlarged() -> None:
    assert np.asarray(draw_montage(np.zeros((4, 5, 5), np.float32))).shape == (106, 106)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((1, 3), np.float32),
            r"^a result of shape \[1, 3\] is no picture\. A \.png takes",
        ),
        (np.zeros((2, 3, 4, 6), np.float32), r"^a result of shape \[2, 3, 4, 6\] is no picture\."),
        (np.full((1, 2, 2), 256), r"^labels from 256 to 256 do not all have a colour; 0 to 255 d"),
        (np.full((1, 2, 2), -1), r"^labels from -1 to -1 do not all have a colour"),
    ],
)
def test_what_is_no_picture(array: Array, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        save([(tmp_path / "y.png", {"y": array})], CLASSES)
    assert not list(tmp_path.iterdir())


def test_arrays_come_back(tmp_path: Path) -> None:
    save([(tmp_path / "y.npy", {"y": SCORES})])
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), SCORES)
    save([(tmp_path / "all.npz", {"y": SCORES, "z": LABELS})])
    found = read_npz(tmp_path / "all.npz")
    np.testing.assert_array_equal(found["y"], SCORES)
    np.testing.assert_array_equal(found["z"], LABELS)


def test_json_holds_values_and_their_summary(tmp_path: Path) -> None:
    save([(tmp_path / "y.json", {"y": np.array([[1.0, 3.0, 2.0]], np.float32)})], CLASSES)
    found = json.loads((tmp_path / "y.json").read_text())["y"]
    assert found["values"] == [[1.0, 3.0, 2.0]]
    assert [row["class"] for row in found["top"]] == ["tree", "road", "sky"]


def test_json_has_null_for_what_is_not_finite(tmp_path: Path) -> None:
    array = np.array([[[[np.nan, 1.0], [np.inf, -np.inf]]]], np.float32)
    save([(tmp_path / "y.json", {"y": array})])
    text = (tmp_path / "y.json").read_text()
    found = json.loads(text, parse_constant=pytest.fail)["y"]
    assert found["values"] == [[[[None, 1.0], [None, None]]]]
    assert (found["min"], found["max"], found["mean"]) == (None, None, None)


def test_files_are_written_all_or_none(tmp_path: Path) -> None:
    strange = np.full((1, 2, 2), 256)
    with pytest.raises(UserError, match=r"^labels from 256 to 256 do not all have a colour"):
        save([(tmp_path / "a.npy", {"y": strange}), (tmp_path / "a.png", {"y": strange})])
    assert not list(tmp_path.iterdir())


def test_a_montage_that_is_too_large_is_refused_before_it_is_drawn(tmp_path: Path) -> None:
    maps = np.broadcast_to(np.float32(0), (1, 2, 9000, 9000))
    with pytest.raises(UserError, match=r"^2 maps of 9000x9000 make a picture of 18006x9004 pix"):
        save([(tmp_path / "y.png", {"y": maps})])


def test_summaries() -> None:
    labels = np.array([[[0, 2], [2, 5]]])
    assert summarize(labels, CLASSES)["labels"] == [
        {"class": "road", "pixels": 2, "share": 0.5},
        {"class": "sky", "pixels": 1, "share": 0.25},
        {"class": "5", "pixels": 1, "share": 0.25},
    ]
    scores = np.array([0.5, 0.5, -1.0, 9.0], np.float32).reshape(1, 4, 1, 1)
    top = summarize(scores, CLASSES)["top"]
    assert [row["class"] for row in top] == ["3", "0", "1", "2"], "names fit three scores alone"
    plain = summarize(np.array([[[[1.0, 2.0, 6.0]]]], np.float32))
    assert (plain["min"], plain["max"], plain["mean"]) == (1.0, 6.0, 3.0)


def test_places_that_cannot_hold_a_result(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^the suffix of 'y\.jpg' names no format for results\."):
        save([(Path("y.jpg"), {"y": SCORES})])
    with pytest.raises(
        UserError, match=r"^'.*y\.npy' holds one result, but the network gives y, z"
    ):
        save([(tmp_path / "y.npy", {"y": SCORES, "z": LABELS})])
    with pytest.raises(UserError, match=r"^the result 'y' has 200,000 numbers, too many for JSON"):
        save([(tmp_path / "y.json", {"y": np.zeros(200_000)})])
    assert not list(tmp_path.iterdir())
