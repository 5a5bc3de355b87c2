"""The files of an artifact's folder: read with care, for nobody vouches for them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import sightline.ir.ops  # noqa: F401  (declares the ops that a graph's text names)
from sightline.arrays import read_npz
from sightline.frontend.model import Model
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.tokens import parse_element
from sightline.ir.types import Array, element_of
from sightline.ir.verify import InvalidGraph, verify
from sightline.manifest import Manifest

MANIFEST, GRAPH, ORIGINAL = "manifest.json", "graph.txt", "original.txt"
CONSTANTS = "constants.npz"
MAX_TEXT_BYTES = 1 << 28
COMPILE_AGAIN = "Compile the artifact again."


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its path in it."""
    return {file: file_hash(folder / file) for file in files_in(folder)}


def files_in(folder: Path) -> list[str]:
    """The path of every file under a folder, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in paths]


def file_hash(path: Path) -> str:
    return sha256(path.read_bytes())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """The manifest, or an error that names its place."""
    text = _read_text(folder / MANIFEST)
    try:
        return Manifest.from_json(text)
    except UserError as error:
        raise error.at(where=str(folder / MANIFEST)) from None


def write_graphs(folder: Path, model: Model) -> dict[str, str]:
    """Write the graphs of a model, and their constants. Returns the SHA-256 of each text."""
    graphs = {GRAPH: model.graph}
    if model.original is not None:
        graphs[ORIGINAL] = model.original
    constants: dict[str, Constant] = {}
    hashes: dict[str, str] = {}
    for file, graph in graphs.items():
        text = to_text(graph)
        (folder / file).write_text(text, encoding="utf-8")
        hashes[file] = sha256(text.encode())
        constants |= constants_of(graph)
    np.savez(folder / CONSTANTS, allow_pickle=False, **arrays_of(constants))
    return hashes


def read_model(folder: Path, manifest: Manifest) -> Model:
    """The model that the manifest tells of, its graphs whole and valid."""
    texts = {GRAPH: _hashed_text(folder / GRAPH, manifest.graph_sha256)}
    if manifest.original_sha256 is not None:
        texts[ORIGINAL] = _hashed_text(folder / ORIGINAL, manifest.original_sha256)
    constants = _read_constants(folder / CONSTANTS)
    graphs = {file: _parsed(folder / file, text, constants) for file, text in texts.items()}
    return Model(graphs[GRAPH], manifest.picture, manifest.classes, graphs.get(ORIGINAL))


def _hashed_text(path: Path, wanted: str) -> str:
    text = _read_text(path)
    if sha256(text.encode()) != wanted:
        raise _broken(path, "it is not the graph that the manifest tells of")
    return text


def _parsed(path: Path, text: str, constants: Mapping[str, Constant]) -> Graph:
    try:
        graph = parse(text, constants)
        verify(graph)
    except (UserError, InvalidGraph, RecursionError) as error:
        raise _broken(path, str(error)) from error
    return graph


def arrays_of(constants: Mapping[str, Constant]) -> dict[str, Array]:
    """What constants.npz holds, by the name it bears there.

    That is the constant's key, and the element where NumPy has no type for it: `3fa9… i9`.
    """
    return {
        key if constant.element == element_of(constant.array) else f"{key} {constant.element}": (
            constant.array
        )
        for key, constant in constants.items()
    }


def _read_constants(path: Path) -> dict[str, Constant]:
    """The inverse of `arrays_of`, by key."""
    if not path.exists():
        raise _no_artifact(path)
    try:
        arrays = read_npz(path)
    except UserError as error:
        raise UserError(error.problem, fix=COMPILE_AGAIN) from error
    constants: dict[str, Constant] = {}
    for name, array in arrays.items():
        key, _, element = name.partition(" ")
        try:
            constants[key] = constant = Constant(array, parse_element(element) if element else None)
        except (UserError, TypeError) as error:
            raise _broken(path, str(error)) from error
        if constant.key != key:
            raise _broken(path, f"the constant '{key}' does not match its hash")
        if element and not all(map(constant.element.holds, (array.min(), array.max()))):
            raise _broken(path, f"the constant '{key}' is beyond {constant.element}")
    return constants


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise _broken(path, f"it holds more than {MAX_TEXT_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _no_artifact(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from error


def _no_artifact(missing: Path) -> UserError:
    return UserError(
        f"'{missing.parent}' is no artifact: it has no {missing.name}",
        fix="Name a folder that 'sightline compile -o' wrote.",
    )


def _broken(path: Path, reason: str) -> UserError:
    return UserError(f"the artifact's '{path}' is broken: {reason}", fix=COMPILE_AGAIN)
