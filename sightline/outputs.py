"""What to do with results: write them by suffix, and say in short what they hold."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sightline.draw import Montage, draw_labels, draw_map, draw_montage
from sightline.files import new_file, require_writable
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Shape
from sightline.jsontext import to_json

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".npy", ".npz", ".png", ".json")
TOP = 5
MAX_JSON_ELEMENTS = 100_000


class Look(Enum):
    """What a result shows as a picture: classes, scores of the classes, one map or several."""

    LABELS = "labels"
    SCORES = "scores"
    MAP = "map"
    MAPS = "maps"


def look_of(shape: Shape, dtype: np.dtype[Any], classes: Sequence[str]) -> Look | None:
    """How a result of that shape is drawn, if it is a picture at all."""
    if len(shape) == 3 and shape[0] == 1 and dtype.kind in "iu":
        return Look.LABELS
    if len(shape) != 4 or shape[0] != 1 or shape[2] * shape[3] == 1:
        return None
    if shape[1] == 1:
        return Look.MAP
    return Look.SCORES if shape[1] == len(classes) else Look.MAPS


def require_holds(
    path: Path, results: Mapping[str, tuple[Shape, np.dtype[Any]]], classes: Sequence[str]
) -> None:
    """Refuse a file that could not hold these results, before any work is done for it."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"the suffix of '{path}' names no format for results",
            fix=f"Use one of {', '.join(SUFFIXES)}.",
        )
    require_writable(path)
    if suffix in (".npy", ".png") and len(results) > 1:
        raise UserError(
            f"'{path}' holds one result, but the network gives {', '.join(results)}",
            fix=f"Write NAME={path} for one of them, or a .npz file.",
        )
    for name, (shape, dtype) in results.items():
        if suffix == ".json" and math.prod(shape) > MAX_JSON_ELEMENTS:
            raise UserError(
                f"the result '{name}' has {math.prod(shape):,} numbers, too many for JSON",
                fix="Write .npy or .npz instead.",
            )
        if suffix == ".png":
            look = look_of(shape, dtype, classes)
            if look is None:
                raise _no_picture(shape)
            if look is Look.MAPS:
                Montage(*shape[1:])  # which refuses a sheet that is too large


def save(files: Sequence[tuple[Path, Mapping[str, Array]]], classes: Sequence[str] = ()) -> None:
    """Write results into files, all whole or none: several into `.npz` or `.json`, else one."""
    for path, outputs in files:
        forms = {name: (array.shape, array.dtype) for name, array in outputs.items()}
        require_holds(path, forms, classes)
    with contextlib.ExitStack() as unfinished:
        for path, outputs in files:
            _write(unfinished.enter_context(new_file(path)), outputs, classes)


def _write(path: Path, outputs: Mapping[str, Array], classes: Sequence[str]) -> None:
    match path.suffix.lower():
        case ".npz":
            np.savez(path, allow_pickle=False, **outputs)
        case ".json":
            values = {
                name: summarize(array, classes) | {"values": array.tolist()}
                for name, array in outputs.items()
            }
            path.write_text(to_json(values) + "\n")
        case ".npy":
            np.save(path, next(iter(outputs.values())), allow_pickle=False)
        case _:
            draw(next(iter(outputs.values())), classes).save(path)


def draw(array: Array, classes: Sequence[str] = ()) -> Image.Image:
    """A result as a picture: labels, or scores of the model's classes, in colour; maps in gray."""
    labels = labels_of(array, classes)
    if labels is not None:
        return draw_labels(labels)
    match look_of(array.shape, array.dtype, classes):
        case Look.MAP:
            return draw_map(array[0, 0])
        case Look.MAPS:
            return draw_montage(array[0])
    raise _no_picture(array.shape)


def labels_of(array: Array, classes: Sequence[str]) -> Array | None:
    """The label map `[H, W]` that an output is, or that its scores of the classes give."""
    match look_of(array.shape, array.dtype, classes):
        case Look.LABELS:
            return np.asarray(array[0])
        case Look.SCORES:
            return np.asarray(array[0].argmax(0))
    return None


def summarize(array: Array, classes: Sequence[str] = ()) -> dict[str, Any]:
    """A result in short: the best classes of a vector, the classes of a map, or its range."""
    short: dict[str, Any] = {"shape": list(array.shape), "type": str(array.dtype)}
    labels = labels_of(array, classes)
    if labels is not None:
        return short | {"labels": _histogram(labels, classes)}
    if array.ndim >= 2 and array.shape[0] == 1 and array.size == array.shape[1] > 1:
        return short | {"top": _top(array.ravel(), classes)}
    with np.errstate(invalid="ignore"):  # infinities of both signs have no mean
        mean = float(array.mean(dtype=np.float64))
    low, high = float(array.min()), float(array.max())
    return short | {"min": low, "max": high, "mean": mean}


def _histogram(labels: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    numbers, counts = np.unique(labels, return_counts=True)
    found = [
        {"class": _class_name(number, classes), "pixels": count, "share": count / labels.size}
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    ]
    return sorted(found, key=lambda row: -row["pixels"])


def _top(scores: Array, classes: Sequence[str]) -> list[dict[str, Any]]:
    names = classes if len(classes) == len(scores) else ()
    best = np.argsort(-scores, kind="stable")[:TOP].tolist()
    return [{"class": _class_name(i, names), "score": float(scores[i])} for i in best]


def _class_name(number: int, classes: Sequence[str]) -> str:
    return classes[number] if 0 <= number < len(classes) else str(number)


def _no_picture(shape: Shape) -> UserError:
    return UserError(
        f"a result of shape {list(shape)} is no picture",
        fix="A .png takes labels [1, H, W] or maps [1, C, H, W]; write .npy or .json instead.",
    )
