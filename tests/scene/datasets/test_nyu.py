"""NYU Depth v2 as its authors ship it, its classes as others mapped them, and damage to both."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.ir.errors import UserError
from sightline.scene.datasets.nyu import Nyu
from sightline.scene.frame import UNLABELED
from tests.support.scene_sets import (
    THIRTEEN,
    cells,
    write_mappings,
    write_mat5,
    write_mat73,
    write_nyu,
    write_splits,
)

RNG = np.random.default_rng(3)
NAMES = ["book", "wall", "night stand", "floor mat", "bottle", "lamp"]
PICTURES = RNG.integers(0, 256, (5, 4, 7, 3), np.uint8)
NUMBERS = RNG.choice([0, 1, 2, 3, 5, 6], (5, 4, 7), p=[0.1, 0.1, 0.4, 0.2, 0.05, 0.15])
METRES = RNG.uniform(0.7, 9.9, (5, 4, 7)).astype(np.float32) * (RNG.random((5, 4, 7)) > 0.3)
TO_40 = np.array([3, 1, 2, 0, 4, 4])  # of each name: into four fine classes, or none
TO_13 = np.array([12, 6, 2, 7])  # of each fine class
TO_4 = np.array([2, 3, 4, 4])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_nyu(tmp_path / "nyu", PICTURES, NUMBERS, METRES, NAMES)
    write_splits(folder, [1, 4], [2, 3, 5])
    write_mappings(folder, TO_40, TO_13, TO_4)
    return folder


def names_of(found: Nyu) -> list[str]:
    return [found.name(index) for index in range(len(found))]


def test_frames_stand_upright_with_depth_as_it_was_measured(folder: Path) -> None:
    found = Nyu(folder)
    assert names_of(found) == ["0001", "0002", "0003", "0004", "0005"]
    assert not found.synthetic
    for index in range(5):
        frame = found.frame(index)
        np.testing.assert_array_equal(frame.picture, PICTURES[index])
        assert frame.depth is not None
        assert frame.depth.dtype == np.float32
        np.testing.assert_array_equal(frame.depth, METRES[index])


def test_distances_that_are_none_count_as_not_measured(tmp_path: Path) -> None:
    metres = METRES.copy()
    metres[0, 0, :4] = np.nan, np.inf, -1, 2.5
    folder = write_nyu(tmp_path / "nyu", PICTURES, NUMBERS, metres, NAMES)
    depth = Nyu(folder, classes="top2").frame(0).depth
    assert depth is not None
    assert depth[0, :4].tolist() == [0, 0, 0, 2.5]


def test_the_authors_split_is_counted_from_one(folder: Path) -> None:
    assert names_of(Nyu(folder, "train")) == ["0001", "0004"]
    test = Nyu(folder, "test")
    assert names_of(test) == ["0002", "0003", "0005"]
    np.testing.assert_array_equal(test.frame(2).picture, PICTURES[4])


@pytest.mark.parametrize("choice", ["4", "13", "40"])
def test_published_classes_are_mapped_one_pixel_as_the_other(folder: Path, choice: str) -> None:
    def mapped(number: int) -> int:
        fine = int(TO_40[number - 1]) if number else 0
        if not fine:
            return UNLABELED
        coarse = {"4": TO_4[fine - 1], "13": TO_13[fine - 1], "40": fine}[choice]
        return int(coarse) - 1

    found = Nyu(folder, classes=choice)
    assert (
        tuple(found.classes)
        == {
            "4": ("floor", "structure", "furniture", "props"),
            "13": tuple(THIRTEEN.split()),
            "40": ("class 1", "class 2", "class 3", "class 4"),
        }[choice]
    )
    for index in range(5):
        labels = found.frame(index).labels
        assert labels.dtype == np.uint8
        assert labels.tolist() == [[mapped(number) for number in row] for row in NUMBERS[index]]


def test_without_mappings_the_most_frequent_classes_are_taken(tmp_path: Path) -> None:
    folder = write_nyu(tmp_path / "nyu", PICTURES, NUMBERS, METRES, NAMES)
    heard: list[tuple[str, int, int]] = []
    found = Nyu(folder, classes="top3", report=lambda *step: heard.append(step))
    counts = zip(np.bincount(NUMBERS.ravel(), minlength=7)[1:], NAMES, strict=True)
    expected = [name for _, name in sorted(counts, reverse=True)[:3]]
    assert list(found.classes) == expected
    assert heard == [("counting classes", done, 5) for done in range(6)]
    labels = found.frame(1).labels
    for number in np.unique(NUMBERS):
        name = NAMES[number - 1] if number else ""
        label = expected.index(name) if name in expected else UNLABELED
        assert (labels[NUMBERS[1] == number] == label).all()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("12", r"^nyu has no classes=12\. Choose 4, 13, 40 or .* topN, up to top255\.$"),
        ("top0", r"^nyu has no classes=top0\."),
        ("top256", r"^nyu has no classes=top256\."),
        ("top6", r"^classes=top6 asks for more than the 5 classes that occur\.$"),
    ],
)
def test_classes_that_cannot_be_are_refused(folder: Path, choice: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Nyu(folder, classes=choice)


def test_missing_mappings_name_the_way_without_them(folder: Path) -> None:
    (folder / "class13Mapping.mat").unlink()
    message = r"^there is no file '.*class13Mapping\.mat'\. .*classes=top20, .* needs neither\.$"
    with pytest.raises(UserError, match=message):
        Nyu(folder)
    assert len(Nyu(folder, classes="40").classes) == 4
    (folder / "classMapping40.mat").unlink()
    with pytest.raises(UserError, match=r"^there is no file '.*classMapping40\.mat'\."):
        Nyu(folder, classes="4")


@pytest.mark.parametrize(
    ("to_40", "to_13", "to_4", "message"),
    [
        (TO_40[:5], TO_13, TO_4, r"40\.mat: 'mapClass' maps 5 classes .*, but there are 6 to map"),
        (TO_40 + 1, TO_13, TO_4, r"40\.mat: 'mapClass' maps to classes 1 to 5, but 4 are named"),
        (TO_40, TO_13 + 2, TO_4, r"13Mapping\.mat: 'labels13' maps to .* 14, but 13 are named"),
    ],
)
def test_mappings_of_another_set_are_refused(
    folder: Path, to_40: Any, to_13: Any, to_4: Any, message: str
) -> None:
    write_mappings(folder, to_40, to_13, to_4)
    with pytest.raises(UserError, match=message):
        Nyu(folder, classes="13")


def test_a_mapping_in_another_form_is_refused(folder: Path) -> None:
    write_mat5(folder / "class13Mapping.mat", classMapping13=TO_13)
    with pytest.raises(UserError, match=r"its classMapping13 is no structure of labels13 and"):
        Nyu(folder)
    write_mat5(folder / "classMapping40.mat", mapClass=TO_40, className=cells(["a"]))
    with pytest.raises(UserError, match=r"no variable 'mapToNYUSuperClass' in it"):
        Nyu(folder, classes="4")


@pytest.mark.parametrize(
    ("train", "test"), [([1, 4], [2, 3]), ([1, 4, 5], [2, 3, 5]), ([0, 3], [1, 2, 4]), ([], [1])]
)
def test_a_split_of_another_set_is_refused(folder: Path, train: list[int], test: list[int]) -> None:
    write_splits(folder, train, test)
    message = rf"splits\.mat: its {len(train)} frames for training and {len(test)} for .* the 5 fr"
    with pytest.raises(UserError, match=message):
        Nyu(folder, "test")
    assert len(Nyu(folder)) == 5


def test_missing_files_are_told_with_the_layout(folder: Path, tmp_path: Path) -> None:
    layout = r" NYU Depth v2 is a folder with nyu_depth_v2_labeled\.mat, with splits\.mat"
    with pytest.raises(UserError, match=r"^there is no folder '.*gone'\." + layout):
        Nyu(tmp_path / "gone")
    with pytest.raises(UserError, match=r"^there is no file '.*nyu_depth_v2_labeled\.mat'\."):
        Nyu(tmp_path)
    (folder / "splits.mat").unlink()
    with pytest.raises(UserError, match=r"^there is no file '.*splits\.mat'\." + layout):
        Nyu(folder, "test")


def test_a_file_of_another_version_or_cut_off_is_refused(folder: Path) -> None:
    path = folder / "nyu_depth_v2_labeled.mat"
    whole = path.read_bytes()
    for length in (600, 2000, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=rf"labeled\.mat: the file of {length:,} bytes is dam"):
            Nyu(folder)
    write_mat5(path, images=PICTURES)
    with pytest.raises(UserError, match=r"labeled\.mat: this is no MATLAB file of version 7\.3"):
        Nyu(folder)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"labeled\.mat: this is no MATLAB file of version 7\.3"):
        Nyu(folder)


def test_a_class_that_the_file_does_not_name_is_refused(tmp_path: Path) -> None:
    folder = write_nyu(tmp_path / "nyu", PICTURES, NUMBERS, METRES, NAMES[:5])
    write_mappings(folder, TO_40[:5], TO_13, TO_4)
    message = r"labeled\.mat: a pixel is of class 6, but the file names the classes 1 to 5\.$"
    with pytest.raises(UserError, match=message):
        Nyu(folder).frame(0)
    with pytest.raises(UserError, match=message):
        Nyu(folder, classes="top2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, r"there is no array 'labels' in it"),
        ({"images": PICTURES}, r"its images have the shape \[5, 4, 7, 3\] .* not \[N, 3, W, H\]"),
        ({"labels": NUMBERS.astype(np.uint16)}, r"labels have .* \[5, 4, 7\] .* for \[5, 7, 4\] i"),
        ({"rawDepths": METRES.astype(int)}, r"its rawDepths have the shape \[5, 4, 7\] and .* fl"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    folder: Path, change: dict[str, Any], message: str
) -> None:
    arrays: dict[str, Any] = {
        "images": PICTURES.transpose(0, 3, 2, 1),
        "labels": NUMBERS.transpose(0, 2, 1).astype(np.uint16),
        "rawDepths": METRES.transpose(0, 2, 1),
        **change,
    }
    kept = {name: array for name, array in arrays.items() if array is not None}
    write_mat73(folder / "nyu_depth_v2_labeled.mat", NAMES, **kept)
    with pytest.raises(UserError, match=rf"nyu_depth_v2_labeled\.mat: .*{message}"):
        Nyu(folder)


def test_names_that_are_no_texts_are_refused(folder: Path) -> None:
    import h5py

    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "r+") as file:
        del file["names"]
        file["names"] = np.zeros((1, 6))
    with pytest.raises(UserError, match=r"its names are float64 and not references to texts"):
        Nyu(folder)


def test_a_package_that_is_missing_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match=r"needs the package h5py.* install 'sightline\[scene\]'"):
        Nyu(folder)
