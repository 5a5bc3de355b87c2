"""SIFT Flow, also LMO (Liu, Yuen, Torralba; CVPR 2009): 2688 outdoor pictures, 33 classes.

    Images/spatial_envelope_256x256_static_8outdoorcategories/NAME.jpg
    SemanticLabels/spatial_envelope_256x256_static_8outdoorcategories/NAME.mat
    TestSet1.txt    the 200 pictures for testing, one a line

A label file is of MATLAB's version 5: `S` [H, W] has a class number from 1 for each pixel, 0 where
nobody labeled it, and `names` the classes. Geometric labels (GeoLabels) are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from sightline.ir.errors import UserError
from sightline.scene.datasets.layout import (
    Files,
    Split,
    paired_names,
    require_file,
    require_folder,
    split_names,
)
from sightline.scene.datasets.matlab import read_mat5, texts
from sightline.scene.datasets.reading import read_rgb, require_same_size, to_labels
from sightline.scene.frame import Frame

COLLECTION = "spatial_envelope_256x256_static_8outdoorcategories"
TEST_SET = "TestSet1.txt"
LAYOUT = (
    f"Unpacked, SIFT Flow is a folder with Images/{COLLECTION}/NAME.jpg, "
    f"SemanticLabels/{COLLECTION}/NAME.mat, each with S and names, and {TEST_SET}."
)
CLASSES = (
    *("awning", "balcony", "bird", "boat", "bridge", "building", "bus", "car", "cow"),
    *("crosswalk", "desert", "door", "fence", "field", "grass", "moon", "mountain", "person"),
    *("plant", "pole", "river", "road", "rock", "sand", "sea", "sidewalk", "sign", "sky"),
    *("staircase", "streetlight", "sun", "tree", "window"),
)


class SiftFlow:
    """The set in a folder: all of it, or the authors' part for training or for testing."""

    classes: Sequence[str] = CLASSES
    synthetic = False

    def __init__(self, folder: Path, split: Split = "all") -> None:
        require_folder(folder, LAYOUT)
        self._pictures = Files(folder / "Images" / COLLECTION, ".jpg")
        self._labels = Files(folder / "SemanticLabels" / COLLECTION, ".mat")
        names = paired_names(self._pictures, self._labels, LAYOUT)
        test = () if split == "all" else read_list(folder / TEST_SET, names)
        self._names = split_names(names, test, split)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def frame(self, index: int) -> Frame:
        picture_path = self._pictures.of(self._names[index])
        labels_path = self._labels.of(self._names[index])
        picture = read_rgb(picture_path)
        variables = read_mat5(labels_path, ("S", "names"), LAYOUT)
        named = texts(variables["names"])
        if len(named) != len(CLASSES):
            raise UserError(
                f"it names {len(named)} classes, but SIFT Flow has {len(CLASSES)}",
                where=str(labels_path),
                fix=LAYOUT,
            )
        labels = to_labels(variables["S"], 1, len(CLASSES), labels_path)
        require_same_size("map of labels", labels, labels_path, picture, picture_path)
        return Frame(picture, labels)


def read_list(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The pictures that a list names, with folders and suffix or without, as Windows or others do.

    All must be in the set: testing on a part of the list would not be testing as others did.
    """
    require_file(path, LAYOUT)
    try:
        lines = path.read_text(encoding="ascii").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"this is no list of pictures: {error}", where=str(path)) from error
    listed = tuple(PureWindowsPath(line.strip()).stem for line in lines if line.strip())
    missing = sorted(set(listed) - set(names))
    if missing:
        raise UserError(
            f"it lists {len(listed)} pictures, of which {len(missing)} are not in the set; the "
            f"first is '{missing[0]}'",
            where=str(path),
            fix=LAYOUT,
        )
    return listed
