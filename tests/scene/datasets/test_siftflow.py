"""SIFT Flow as its authors lay it out, and all that can be wrong with a copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.ir.errors import UserError
from sightline.scene.datasets.siftflow import SiftFlow
from tests.support.scene_sets import (
    COLLECTION,
    SIFT_FLOW,
    cells,
    random_frame,
    write_mat5,
    write_mat73,
    write_sift_flow,
)

NAMES = ["coast_arnat59", "coast_natu975", "highway_urb713", "street_par17"]
FRAMES = {name: random_frame(index, 5, 7, 33) for index, name in enumerate(NAMES)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_sift_flow(tmp_path / "SiftFlowDataset", FRAMES, ["street_par17", "coast_natu975"])


def labels_of(folder: Path, name: str) -> Path:
    return folder / "SemanticLabels" / COLLECTION / f"{name}.mat"


def names_of(found: SiftFlow) -> list[str]:
    return [found.name(index) for index in range(len(found))]


def test_frames_come_as_they_lie_in_the_folder(folder: Path) -> None:
    found = SiftFlow(folder)
    assert tuple(found.classes) == tuple(SIFT_FLOW.split())
    assert not found.synthetic
    assert names_of(found) == NAMES
    for index, name in enumerate(NAMES):
        frame = found.frame(index)
        with Image.open(folder / "Images" / COLLECTION / f"{name}.jpg") as image:
            np.testing.assert_array_equal(frame.picture, np.asarray(image))
        np.testing.assert_array_equal(frame.labels, FRAMES[name].labels)
        assert frame.depth is None


def test_labels_stored_as_floats_are_read_as_well(folder: Path) -> None:
    numbers = np.where(FRAMES[NAMES[0]].labels == 255, 0.0, FRAMES[NAMES[0]].labels + 1.0)
    write_mat5(labels_of(folder, NAMES[0]), S=numbers, names=cells(SIFT_FLOW.split()))
    np.testing.assert_array_equal(SiftFlow(folder).frame(0).labels, FRAMES[NAMES[0]].labels)


@pytest.mark.parametrize(
    "listed",
    [
        "street_par17\ncoast_natu975\n\n",
        "street_par17.jpg\r\ncoast_natu975.jpg",
        f"{COLLECTION}/street_par17.jpg\n{COLLECTION}/coast_natu975.jpg\n",
        f"{COLLECTION}\\street_par17.jpg\r\n{COLLECTION}\\coast_natu975.jpg\r\n",
    ],
)
def test_the_list_splits_the_set_however_it_is_written(folder: Path, listed: str) -> None:
    (folder / "TestSet1.txt").write_bytes(listed.encode())
    assert names_of(SiftFlow(folder, "test")) == ["coast_natu975", "street_par17"]
    assert names_of(SiftFlow(folder, "train")) == ["coast_arnat59", "highway_urb713"]


def test_a_list_that_does_not_fit_the_set_is_refused(folder: Path) -> None:
    (folder / "TestSet1.txt").write_text("coast_natu975.jpg\nforest_1.jpg\n")
    message = r"TestSet1\.txt: it lists 2 pictures, of which 1 are not in .* 'forest_1'\."
    with pytest.raises(UserError, match=message):
        SiftFlow(folder, "test")
    (folder / "TestSet1.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"TestSet1\.txt: this is no list of pictures"):
        SiftFlow(folder, "train")
    (folder / "TestSet1.txt").unlink()
    with pytest.raises(UserError, match=r"^there is no file '.*TestSet1\.txt'\. Unpacked, SIFT "):
        SiftFlow(folder, "train")
    assert len(SiftFlow(folder)) == 4


def test_wrong_folders_and_missing_counterparts_are_told(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^there is no folder '.*Images.*'\. Unpacked, SIFT Flow"):
        SiftFlow(folder / "Images")
    labels_of(folder, "street_par17").unlink()
    with pytest.raises(UserError, match=r"street_par17\.jpg' has no counterpart '.*par17\.mat'\."):
        SiftFlow(folder)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"names": cells(["sky"])}, r"names 1 classes, but SIFT Flow has 33"),
        ({"S": np.full((5, 7), 34, np.uint8)}, r"class 34, but .* numbered from 1 to 33\.$"),
        ({"S": np.full((5, 7), 1.5)}, r"a pixel is of class 1\.5, but"),
        ({"S": np.full((5, 7), np.nan)}, r"a pixel is of class nan, but"),
        ({"S": np.ones((6, 7), np.uint8)}, r"has 7x6 pixels, but its picture '.*59\.jpg' 7x5\.$"),
        ({"S": np.ones((5, 7, 2))}, r"shape \[5, 7, 2\] and the type float64, and not one"),
        ({"S": "text"}, r"the labels have the shape \[1\] and the type <U4"),
        ({"S": np.zeros((0, 0))}, r"the labels have the shape \[0, 0\]"),
    ],
)
def test_labels_of_another_kind_are_refused(
    folder: Path, variables: dict[str, Any], message: str
) -> None:
    path = labels_of(folder, NAMES[0])
    usual = {"S": np.ones((5, 7), np.uint8), "names": cells(SIFT_FLOW.split())}
    write_mat5(path, **(usual | variables))
    with pytest.raises(UserError, match=rf"^.*coast_arnat59\.mat: .*{message}"):
        SiftFlow(folder).frame(0)


@pytest.mark.parametrize("missing", ["S", "names"])
def test_a_variable_that_is_missing_is_named(folder: Path, missing: str) -> None:
    usual = {"S": np.ones((5, 7), np.uint8), "names": cells(SIFT_FLOW.split())}
    del usual[missing]
    write_mat5(labels_of(folder, NAMES[0]), **usual)
    with pytest.raises(UserError, match=rf"arnat59\.mat: there is no variable '{missing}' in it"):
        SiftFlow(folder).frame(0)


def test_a_file_of_version_7_3_is_told_as_such(folder: Path) -> None:
    write_mat73(labels_of(folder, NAMES[0]), [], S=np.ones((1, 7, 5)))
    message = r"^.*arnat59\.mat: this MATLAB file is of version 7\.3, but version 5 is expected"
    with pytest.raises(UserError, match=message):
        SiftFlow(folder).frame(0)


def test_a_file_that_is_cut_off_anywhere_is_refused(folder: Path) -> None:
    path = labels_of(folder, NAMES[0])
    whole = path.read_bytes()
    found = SiftFlow(folder)
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"^.*coast_arnat59\.mat: "):
            found.frame(0)
