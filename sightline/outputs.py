"""What to do with results: write them by suffix, and say in short what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sightline.draw import draw_labels, draw_map, draw_montage
from sightline.files import new_file, require_writable
from sightline.ir.errors import UserError
from sightline.ir.types import Array

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".npy", ".npz", ".png", ".json")
TOP = 5
MAX_JSON_ELEMENTS = 100_000


def require_place(path: Path) -> None:
    """Refuse a file of no known format, or in no folder, before any work is done."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"the suffix of '{path}' names no format for results",
            fix=f"Use one of {', '.join(SUFFIXES)}.",
        )
    require_writable(path)


def save(outputs: Mapping[str, Array], path: Path, classes: Sequence[str] = ()) -> None:
    """Write results, whole or not at all: `.npz` and `.json` all of them, others a single one."""
    require_place(path)
    suffix = path.suffix.lower()
    if suffix in (".npy", ".png") and len(outputs) > 1:
        raise UserError(
            f"'{path}' holds one result, but the network gives {', '.join(outputs)}",
            fix=f"Write NAME={path} for one of them, or a .npz file.",
        )
    with new_file(path) as part:
        if suffix == ".npz":
            np.savez(part, allow_pickle=False, **outputs)
        elif suffix == ".json":
            part.write_text(json.dumps(_values(outputs, classes), indent=2) + "\n")
        else:
            array = next(iter(outputs.values()))
            if suffix == ".npy":
                np.save(part, array, allow_pickle=False)
            else:
                draw(array, classes).save(part)


def draw(array: Array, classes: Sequence[str] = ()) -> Image.Image:
    """A result as a picture: labels, or scores of the model's classes, in colour; maps in gray."""
    labels = labels_of(array, classes)
    if labels is not None:
        return draw_labels(labels)
    if array.ndim == 4 and array.shape[0] == 1 and array.shape[2] * array.shape[3] > 1:
        return draw_map(array[0, 0]) if array.shape[1] == 1 else draw_montage(array[0])
    raise UserError(
        f"a result of shape {list(array.shape)} is no picture",
        fix="A .png takes labels [1, H, W] or maps [1, C, H, W]; write .npy or .json instead.",
    )


def labels_of(array: Array, classes: Sequence[str]) -> Array | None:
    """The label map `[H, W]` that an output is, or that its scores of the classes give."""
    if array.ndim == 3 and array.shape[0] == 1 and array.dtype.kind in "iu":
        return np.asarray(array[0])
    scores = array.ndim == 4 and array.shape[0] == 1 and array.shape[1] == len(classes) > 1
    if scores and array.shape[2] * array.shape[3] > 1:
        labels: Array = array[0].argmax(0)
        return labels
    return None


def summarize(array: Array, classes: Sequence[str] = ()) -> dict[str, Any]:
    """A result in short: the best classes of a vector, the classes of a map, or its range."""
    short: dict[str, Any] = {"shape": list(array.shape), "type": str(array.dtype)}
    labels = labels_of(array, classes)
    if labels is not None:
        return short | {"labels": _histogram(labels, classes)}
    if array.ndim >= 2 and array.shape[0] == 1 and array.size == array.shape[1] > 1:
        return short | {"top": _top(array.ravel(), classes)}
    low, high, mean = (float(f(array)) for f in (np.min, np.max, np.mean))
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


def _values(outputs: Mapping[str, Array], classes: Sequence[str]) -> dict[str, Any]:
    for name, array in outputs.items():
        if array.size > MAX_JSON_ELEMENTS:
            raise UserError(
                f"the result '{name}' has {array.size:,} numbers, too many for JSON",
                fix="Write .npy or .npz instead.",
            )
    return {
        name: summarize(array, classes) | {"values": array.tolist()}
        for name, array in outputs.items()
    }
