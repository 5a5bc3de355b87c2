"""Files on the command line to input arrays: pictures, `.npy`, `.npz`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sightline.arrays import read_npy, read_npz
from sightline.frontend.model import Model
from sightline.ir.errors import UserError
from sightline.ir.evaluate import check_inputs
from sightline.ir.types import FLOAT32, Array, TensorType
from sightline.picture import SUFFIXES, read_picture

SPELLING = (
    "Give a picture or a .npy for each input, as NAME=FILE if there are several, or one .npz "
    "with an array for each."
)


def read_inputs(model: Model, words: Sequence[str], *, resize: bool = False) -> dict[str, Array]:
    """The arrays that `FILE`, `NAME=FILE` or, with depth, `FILE FILE` stand for, by input name."""
    wanted = {node.name: node.type for node in model.graph.inputs}
    if len(words) == 1 and _is_npz(words[0]) and not _name_of(words[0], wanted):
        arrays = read_npz(_existing(words[0]))
    else:
        arrays = {
            name: read_file(model, wanted[name], files, resize)
            for name, files in _assign(words, wanted).items()
        }
    given = {
        name: as_declared(array, wanted[name]) if name in wanted else array
        for name, array in arrays.items()
    }
    check_inputs(model.graph, given)
    return given


def _assign(words: Sequence[str], wanted: Mapping[str, TensorType]) -> dict[str, list[Path]]:
    """The files of each input: one, or a picture and its depth."""
    files: dict[str, list[Path]] = {}
    for word in words:
        name = _name_of(word, wanted)
        file = word.removeprefix(f"{name}=") if name else word
        if not name:
            if len(wanted) != 1:
                raise UserError(
                    f"the network takes {', '.join(wanted) or 'no input'}, but '{word}' does not "
                    "say which it is",
                    fix=SPELLING,
                )
            (name,) = wanted
            _require_a_name(file, name)
        files.setdefault(name, []).append(_existing(file))
    missing = [name for name in wanted if name not in files]
    if missing:
        raise UserError(f"no file is given for the input '{missing[0]}'", fix=SPELLING)
    return files


def _require_a_name(word: str, wanted: str) -> None:
    """Refuse what looks like `NAME=FILE` and names no input."""
    name, equals, _ = word.partition("=")
    if equals and "/" not in name and not Path(word).exists():
        raise UserError(
            f"the network has no input '{name}'",
            fix=f"Its input is {wanted}; or give the file alone.",
        )


def _name_of(word: str, wanted: Mapping[str, TensorType]) -> str:
    """The input that `NAME=FILE` names, or nothing."""
    name, equals, _ = word.partition("=")
    return name if equals and name in wanted else ""


def read_file(model: Model, type_: TensorType, files: Sequence[Path], resize: bool) -> Array:
    first, *others = files
    suffix = first.suffix.lower()
    depth = model.picture is not None and model.picture.colors == "yuvd" and suffix in SUFFIXES
    if len(files) > (2 if depth else 1):
        raise UserError(
            f"{len(files)} files are given for one input: {', '.join(map(str, files))}",
            fix=f"{SPELLING} A second picture, of depths, belongs to --colors yuvd alone.",
        )
    if _is_npz(first):
        raise UserError(
            f"'{first}' is given for one input, but a .npz file is for all of them",
            fix="Give it alone and without a name, or a .npy file for each input.",
        )
    if suffix == ".npy":
        return read_npy(first)
    if suffix not in SUFFIXES:
        raise UserError(
            f"the input '{first}' is no picture and no .npy file",
            fix=f"Its suffix must be .npy, {', '.join(SUFFIXES)}.",
        )
    if model.picture is None:
        raise UserError(
            f"the model does not say how a picture such as '{first}' becomes its input",
            fix="Say it with --colors, --range, --mean and --deviation, or give a .npy file.",
        )
    return read_picture(
        first, model.picture, type_, depth=others[0] if others else None, resize=resize
    )


def as_declared(array: Array, type_: TensorType) -> Array:
    """Floats of any width as the input's floats; integers are not taken for floats."""
    wanted = type_.element.dtype
    floats = type_.element == FLOAT32 and array.dtype.kind == "f"
    if floats or array.dtype.newbyteorder("=") == wanted:
        with np.errstate(over="ignore"):
            return array.astype(wanted)
    return array


def _is_npz(file: str | Path) -> bool:
    return Path(file).suffix.lower() == ".npz"


def _existing(file: str) -> Path:
    path = Path(file)
    if not path.is_file():
        raise UserError(f"there is no file '{file}'")
    return path
