"""Streams of frames, one in memory at a time: to calibrate with, and to measure accuracy on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.arrays import Stack, open_npy, open_npz, stack_of
from sightline.frame_checks import Frame, checked, count_of, only_input
from sightline.frontend.model import Model
from sightline.inputs import read_file
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.picture import SUFFIXES

BESIDE = (".depth.png", ".labels.png", ".overlay.png")
"""Pictures that lie beside NAME.png and say more of it: no frames themselves."""

SOURCES = "Give a folder of pictures or of .npy files, a .npy or .npz file, or arrays."


@dataclass(frozen=True)
class Part:
    """Some frames: how many, if that is known, and each with what a mistake calls it."""

    count: int | None
    read: Callable[[], Iterator[tuple[str, Any]]]


class Frames:
    """Frames as arrays by input name, checked as they come. Each walk begins at the first again."""

    def __init__(self, model: Model, parts: Sequence[Part], limit: int | None) -> None:
        self._model = model
        self._parts = parts
        self._limit = limit

    def __iter__(self) -> Iterator[Frame]:
        return itertools.islice(self._all(), self._limit)

    def _all(self) -> Iterator[Frame]:
        for part in self._parts:
            for called, given in part.read():
                yield checked(self._model, given, called)


class CountedFrames(Frames):
    """Frames of which it is known how many there are."""

    def __len__(self) -> int:
        total = sum(part.count or 0 for part in self._parts)
        return total if self._limit is None else min(total, self._limit)


def frames_of(
    model: Model, source: Any, *, limit: int | None = None, resize: bool = False
) -> Frames:
    """The frames of a source, the first `limit` of them.

    A source is a folder of pictures or of `.npy` files, sorted by name; a picture; a `.npy` file of
    one frame or of several along its first axis; a `.npz` file of such arrays by input name; an
    array or arrays like those of these files; or anything that gives files, arrays, or arrays by
    input name, a frame each. NAME.depth.png is the depth of NAME.png, where the network takes it.
    """
    if limit is not None and limit < 1:
        raise UserError(f"{limit} frames are asked for, and 1 is the least")
    parts = _parts(model, source, resize)
    counted = all(part.count is not None for part in parts)
    return (CountedFrames if counted else Frames)(model, parts, limit)


def _parts(model: Model, source: Any, resize: bool) -> list[Part]:
    if isinstance(source, str | Path):
        path = Path(source)
        files = _files(path) if path.is_dir() else [path]
        return [_of_file(model, file, resize) for file in files]
    if isinstance(source, np.ndarray):
        return [_of_stacks(model, {"": stack_of(source)}, "")]
    if isinstance(source, Mapping):
        return [_of_stacks(model, {k: stack_of(np.asarray(v)) for k, v in source.items()}, "")]
    if isinstance(source, list | tuple):
        if not source:
            raise UserError("the list of frames is empty", fix=SOURCES)
        return [_of_one(model, each, f"frame {n}", resize) for n, each in enumerate(source, 1)]
    if isinstance(source, Iterable):
        return [_of_iterable(model, source, resize)]
    raise UserError(
        f"frames do not come from an object of type '{type(source).__name__}'", fix=SOURCES
    )


def _files(folder: Path) -> list[Path]:
    """The pictures of a folder, or its .npy files."""
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"cannot read the folder '{folder}': {error.strerror}") from error
    pictures = [path for path in names if path.suffix.lower() in SUFFIXES]
    pictures = [path for path in pictures if not path.name.lower().endswith(BESIDE)]
    arrays = [path for path in names if path.suffix.lower() == ".npy"]
    if pictures and arrays:
        raise UserError(
            f"the folder '{folder}' holds pictures such as '{pictures[0].name}' and arrays such as "
            f"'{arrays[0].name}'",
            fix="Give a folder of one kind, or a list of files.",
        )
    if not pictures and not arrays:
        what = "neither a picture nor a .npy file" if names else "nothing"
        raise UserError(f"the folder '{folder}' holds {what}", fix=SOURCES)
    return pictures or arrays


def _of_one(model: Model, given: Any, called: str, resize: bool) -> Part:
    """What an element of a list is: a file, or a frame."""
    if isinstance(given, str | Path):
        return _of_file(model, Path(given), resize)
    return Part(1, lambda: iter([(called, given)]))


def _of_file(model: Model, path: Path, resize: bool) -> Part:
    if not path.is_file():
        raise UserError(f"there is no file or folder '{path}'", fix=SOURCES)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _of_stacks(model, {"": open_npy(path)}, f"'{path}'")
    if suffix == ".npz":
        return _of_stacks(model, open_npz(path), f"'{path}'")
    only_input(model, f"'{path}'")
    return Part(1, lambda: iter([(f"'{path}'", _read_picture(model, path, resize))]))


def _read_picture(model: Model, path: Path, resize: bool) -> Array:
    files = [path]
    if model.picture is not None and model.picture.colors == "yuvd":
        depth = path.with_suffix(".depth.png")
        if not depth.is_file():
            raise UserError(
                f"there is no depth '{depth}' for '{path}'",
                fix="Depth lies beside NAME.png as NAME.depth.png, a gray picture.",
            )
        files.append(depth)
    return read_file(model, model.graph.inputs[0].type, files, resize)


def _of_stacks(model: Model, stacks: Mapping[str, Stack], name: str) -> Part:
    """Frames that lie along the first axis of arrays by input name, or of the array of no name."""
    called = name or "the source"
    if len(stacks) == 1 and ("" in stacks or len(model.graph.inputs) == 1):
        stacks = dict(zip([only_input(model, called)], stacks.values(), strict=True))
    wanted = {node.name: node.type for node in model.graph.inputs}
    if set(stacks) != set(wanted):
        raise UserError(
            f"the network takes {', '.join(wanted) or 'nothing'}, but {called} holds "
            f"{', '.join(stacks) or 'nothing'}",
            fix="Give one array for each input, by its name.",
        )
    counts = {key: count_of(key, stacks[key].shape, type_, called) for key, type_ in wanted.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{count} for '{key}'" for key, count in counts.items())
        raise UserError(f"{called} holds another number of frames for each input: {listed}")
    total = next(iter(counts.values()), 0)

    def read() -> Iterator[tuple[str, Frame]]:
        parts = [stacks[key].parts(type_.shape[0]) for key, type_ in wanted.items()]
        for number, arrays in enumerate(zip(*parts, strict=True), 1):
            place = f"frame {number} of {name}" if total > 1 else name
            yield place if name else f"frame {number}", dict(zip(wanted, arrays, strict=True))

    return Part(total, read)


def _of_iterable(model: Model, source: Iterable[Any], resize: bool) -> Part:
    """A frame for each thing that the source gives; an iterator gives them once."""
    walks = iter([source])

    def read() -> Iterator[tuple[str, Any]]:
        if isinstance(source, Iterator) and next(walks, None) is None:
            raise UserError(
                "the frames come from an iterator, and were read already",
                fix="Give a list, a file, or an object that can be walked more than once.",
            )
        for number, each in enumerate(source, 1):
            yield from _of_one(model, each, f"frame {number}", resize).read()

    return Part(None, read)
