"""NYU Depth v2 (Silberman, Hoiem, Kohli, Fergus; ECCV 2012): 1449 rooms with depth.

    nyu_depth_v2_labeled.mat   version 7.3, so that h5py sees MATLAB's axes reversed:
        images [N, 3, W, H] uint8, labels [N, W, H] (0: nobody said), names of the classes,
        rawDepths [N, W, H] in metres as measured, 0 in the holes (`depths`, filled, is not read)
    splits.mat                 version 5: trainNdxs and testNdxs, counted from 1

Labels are mapped to a few classes, as `nyu_classes` says. Frames are named by their number in the
file, from 0001. The file is opened for each frame, so that processes may share a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array
from sightline.scene.datasets.layout import Split, require_folder, split_names
from sightline.scene.datasets.matlab import open_mat73, read_mat5
from sightline.scene.datasets.nyu_classes import (
    MAPPING_13,
    MAPPING_40,
    frequent_mapping,
    published_mapping,
    top_of,
)
from sightline.scene.frame import Frame

SET = "nyu_depth_v2_labeled.mat"
SPLITS = "splits.mat"
LAYOUT = (
    f"NYU Depth v2 is a folder with {SET}, with {SPLITS} for split=train and split=test, and with "
    f"{MAPPING_40} and {MAPPING_13} for published classes."
)


class Nyu:
    """The labeled set in a folder: all of it, or the authors' part for training or for testing."""

    synthetic = False
    classes: Sequence[str]

    def __init__(
        self, folder: Path, split: Split = "all", classes: str = "13", report: Report = silent
    ) -> None:
        require_folder(folder, LAYOUT)
        self._path = folder / SET
        top = top_of(classes)
        with open_mat73(self._path, LAYOUT) as file:
            _require_arrays(file, self._path)
            names = _class_names(file)
            numbers = [f"{index + 1:04d}" for index in range(len(file["images"]))]
            if top is not None:
                counts = _count(file["labels"], len(names), self._path, report)
        if top is None:
            mapping = published_mapping(folder, classes, len(names))
        else:
            mapping = frequent_mapping(names, counts, top)
        self.classes, self._table = mapping.classes, mapping.labels
        test = () if split == "all" else _read_test(folder / SPLITS, len(numbers))
        self._names = split_names(numbers, test, split)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def frame(self, index: int) -> Frame:
        place = int(self._names[index]) - 1
        with open_mat73(self._path, LAYOUT) as file:
            picture = np.ascontiguousarray(file["images"][place].transpose(2, 1, 0))
            numbers = file["labels"][place].T
            metres = file["rawDepths"][place].T
        _require_known(numbers, len(self._table) - 1, self._path)
        depth = np.where(np.isfinite(metres) & (metres > 0), metres, 0).astype(np.float32)
        return Frame(picture, self._table[numbers], depth)


def _require_arrays(file: Any, path: Path) -> None:
    """Refuse a file whose arrays are not there, or do not fit each other."""
    for name in ("images", "labels", "rawDepths", "names"):
        if not hasattr(file.get(name), "shape"):
            raise UserError(f"there is no array '{name}' in it", where=str(path), fix=LAYOUT)
    if file["names"].dtype.kind != "O":
        raise UserError(
            f"its names are {file['names'].dtype} and not references to texts",
            where=str(path),
            fix=LAYOUT,
        )
    images, labels, depths = (file[name] for name in ("images", "labels", "rawDepths"))
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape or images.dtype != np.uint8:
        raise UserError(
            f"its images have the shape {list(images.shape)} and the type {images.dtype}, not "
            "[N, 3, W, H] and uint8",
            where=str(path),
            fix=LAYOUT,
        )
    for name, array, kinds in (("labels", labels, "iu"), ("rawDepths", depths, "f")):
        shape = (images.shape[0], *images.shape[2:])
        if array.shape != shape or array.dtype.kind not in kinds:
            raise UserError(
                f"its {name} have the shape {list(array.shape)} and the type {array.dtype}, but "
                f"its images ask for {list(shape)} {'integers' if kinds == 'iu' else 'floats'}",
                where=str(path),
                fix=LAYOUT,
            )


def _class_names(file: Any) -> tuple[str, ...]:
    """The texts that `names` refers to, each an array of character codes."""
    return tuple(
        "".join(map(chr, np.ravel(file[reference]))) for reference in np.ravel(file["names"])
    )


def _count(labels: Any, classes: int, path: Path, report: Report) -> Array:
    """How many pixels of the whole set, whatever the split, each class number has."""
    counts = np.zeros(classes + 1, np.int64)
    for index in range(len(labels)):
        report("counting classes", index, len(labels))
        numbers = labels[index]
        _require_known(numbers, classes, path)
        counts += np.bincount(numbers.ravel(), minlength=classes + 1)
    report("counting classes", len(labels), len(labels))
    return counts


def _require_known(numbers: Array, classes: int, path: Path) -> None:
    if numbers.min() < 0 or numbers.max() > classes:
        wrong = numbers.max() if numbers.max() > classes else numbers.min()
        raise UserError(
            f"a pixel is of class {wrong}, but the file names the classes 1 to {classes}",
            where=str(path),
        )


def _read_test(path: Path, frames: int) -> list[str]:
    """The frames for testing; that those for training are the others is checked."""
    variables = read_mat5(path, ("trainNdxs", "testNdxs"), LAYOUT)
    train, test = (set(np.ravel(variables[name]).tolist()) for name in ("trainNdxs", "testNdxs"))
    if train & test or train | test != set(range(1, frames + 1)):
        raise UserError(
            f"its {len(train)} frames for training and {len(test)} for testing are not the "
            f"{frames} frames of '{SET}', each once",
            where=str(path),
            fix="Take the files that were published together.",
        )
    return [f"{number:04d}" for number in test]
