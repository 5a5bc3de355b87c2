"""The files of an artifact's folder: read with care, for nobody vouches for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import sightline.ir.ops  # noqa: F401  (declares the ops that a graph's text names)
from sightline.arrays import read_npz
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.parse import parse
from sightline.ir.types import Array
from sightline.ir.verify import InvalidGraph, verify
from sightline.manifest import Manifest

MANIFEST, GRAPH, CONSTANTS = "manifest.json", "graph.txt", "constants.npz"
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


def read_graph(folder: Path, manifest: Manifest) -> Graph:
    """The graph that the manifest tells of, whole and valid."""
    text = _read_text(folder / GRAPH)
    if sha256(text.encode()) != manifest.graph_sha256:
        raise _broken(folder / GRAPH, "it is not the graph that the manifest tells of")
    constants: dict[str, Constant] = {}
    for key, array in _read_constants(folder / CONSTANTS).items():
        try:
            constants[key] = Constant(array)
        except TypeError as error:
            raise _broken(folder / CONSTANTS, str(error)) from error
        if constants[key].key != key:
            raise _broken(folder / CONSTANTS, f"the constant '{key}' does not match its hash")
    try:
        graph = parse(text, constants)
        verify(graph)
    except (UserError, InvalidGraph, RecursionError) as error:
        raise _broken(folder / GRAPH, str(error)) from error
    return graph


def _read_constants(path: Path) -> dict[str, Array]:
    if not path.exists():
        raise _no_artifact(path)
    try:
        return read_npz(path)
    except UserError as error:
        raise UserError(error.problem, fix=COMPILE_AGAIN) from error


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
