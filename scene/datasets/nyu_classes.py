"""From the 894 classes of NYU Depth v2, named as people wrote them, to few enough to learn.

The published choices come in two small files that others made and users lay beside the set:

    classMapping40.mat   mapClass [1, 894] to 40 classes, className their names,
                         mapToNYUSuperClass [1, 40] to 4: floor, structure, furniture, props
    class13Mapping.mat   classMapping13, with labels13 [1, 40] from those 40 to 13, and classNames

Without them a set has its N most frequent classes (`top20`), and all else is unlabeled: figures on
these are honest, yet not to be held against published ones, so they are never taken unasked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.scene.datasets.matlab import read_mat5, texts
from sightline.scene.frame import UNLABELED

MAPPING_40 = "classMapping40.mat"
MAPPING_13 = "class13Mapping.mat"
SUPER_CLASSES = ("floor", "structure", "furniture", "props")
LAYOUT = (
    f"Beside the set, classes=4 and classes=40 need {MAPPING_40} (mapClass, className, "
    f"mapToNYUSuperClass) and classes=13 also {MAPPING_13} (classMapping13); classes=top20, the 20 "
    "most frequent, needs neither."
)
_TOP = re.compile(r"top([1-9]\d{0,2})")


@dataclass(frozen=True)
class Mapping:
    """Names of classes, and the label of each class number of the set, 0 (nobody said) first."""

    classes: tuple[str, ...]
    labels: Array


def top_of(choice: str) -> int | None:
    """N of `topN`; None for a published choice. Others are refused."""
    match = _TOP.fullmatch(choice)
    if match and int(match[1]) <= UNLABELED:
        return int(match[1])
    if choice not in ("4", "13", "40"):
        raise UserError(
            f"nyu has no classes={choice}",
            fix=f"Choose 4, 13, 40 or the N most frequent as topN, up to top{UNLABELED}.",
        )
    return None


def published_mapping(folder: Path, choice: str, classes: int) -> Mapping:
    """The mapping to 4, 13 or 40 classes, for a set of as many classes as it maps."""
    path = folder / MAPPING_40
    names = ("mapClass", "className", *(("mapToNYUSuperClass",) if choice == "4" else ()))
    variables = read_mat5(path, names, LAYOUT)
    fine = texts(variables["className"])
    to_fine = _numbers(variables["mapClass"], classes, len(fine), "mapClass", path)
    if choice == "40":
        return Mapping(fine, _labels(to_fine))
    if choice == "13":
        coarse, to_coarse = _read_13(folder / MAPPING_13, len(fine))
        return Mapping(coarse, _labels(to_coarse[to_fine]))
    steps = variables["mapToNYUSuperClass"]
    to_coarse = _numbers(steps, len(fine), len(SUPER_CLASSES), "mapToNYUSuperClass", path)
    return Mapping(SUPER_CLASSES, _labels(to_coarse[to_fine]))


def frequent_mapping(names: tuple[str, ...], counts: Array, top: int) -> Mapping:
    """The `top` classes with most pixels, the most frequent first; `counts[0]` is nobody's."""
    occurring = int(np.count_nonzero(counts[1:]))
    if top > occurring:
        raise UserError(f"classes=top{top} asks for more than the {occurring} classes that occur")
    chosen = np.argsort(-counts[1:], kind="stable")[:top]
    labels = np.full(len(names) + 1, UNLABELED, np.uint8)
    labels[chosen + 1] = np.arange(top)
    return Mapping(tuple(names[index] for index in chosen), labels)


def _read_13(path: Path, fine: int) -> tuple[tuple[str, ...], Array]:
    mapping = read_mat5(path, ("classMapping13",), LAYOUT)["classMapping13"]
    if mapping.size != 1 or not {"labels13", "classNames"} <= set(mapping.dtype.names or ()):
        raise UserError(
            "its classMapping13 is no structure of labels13 and classNames",
            where=str(path),
            fix=LAYOUT,
        )
    names = texts(mapping["classNames"].item())
    return names, _numbers(mapping["labels13"].item(), fine, len(names), "labels13", path)


def _numbers(values: Array, length: int, last: int, name: str, path: Path) -> Array:
    """Class numbers 0 to `last`, one for each class before; the 0 before them is for no class."""
    if values.size != length or values.dtype.kind not in "iu":
        raise UserError(
            f"'{name}' maps {values.size} classes ({values.dtype}), but there are {length} to map",
            where=str(path),
            fix=LAYOUT,
        )
    if values.min() < 0 or values.max() > last:
        raise UserError(
            f"'{name}' maps to classes {values.min()} to {values.max()}, but {last} are named",
            where=str(path),
            fix=LAYOUT,
        )
    return np.concatenate([[0], values.ravel()])


def _labels(numbers: Array) -> Array:
    return np.where(numbers == 0, UNLABELED, numbers - 1).astype(np.uint8)
