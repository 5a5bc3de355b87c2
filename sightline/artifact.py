"""A compiled network: what `compile` gives, what lies in a folder, and what runs.

DIR/manifest.json    what it is and how a picture becomes its input (see manifest.py)
DIR/graph.txt        the graph after all passes, in text form
DIR/constants.npz    the arrays that the text names by hash
DIR/cpu/ …           one folder for each target, with what its compiler wrote
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import sightline.ir.ops  # noqa: F401  (declares the ops that a graph's text names)
from sightline import __version__
from sightline.arrays import read_npz
from sightline.backends import registry
from sightline.backends.target import Executable, StageTime, check_inputs
from sightline.files import new_folder
from sightline.frontend.model import Model, Picture
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Array
from sightline.ir.verify import InvalidGraph, verify
from sightline.manifest import Manifest, TargetEntry

MANIFEST, GRAPH, CONSTANTS = "manifest.json", "graph.txt", "constants.npz"
MAX_TEXT_BYTES = 1 << 28


class Artifact:
    """A network with what its targets were compiled to. Made by `compile` and by `load`."""

    def __init__(
        self, model: Model, targets: Mapping[str, TargetEntry], folder: Path, source: str
    ) -> None:
        self.model = model
        self.source = source
        self._entries = dict(targets)
        self._folder = folder
        self._loaded: dict[str, Executable] = {}

    @property
    def graph(self) -> Graph:
        """The graph after all passes, which every target runs."""
        return self.model.graph

    @property
    def picture(self) -> Picture | None:
        return self.model.picture

    @property
    def classes(self) -> tuple[str, ...]:
        return self.model.classes

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def run(
        self,
        x: Any = None,
        /,
        *,
        target: str | None = None,
        **inputs: Any,
    ) -> Array | dict[str, Array]:
        """One output as an array, several as a dict by name.

        `x` is the array of the one input, or a mapping from names to arrays; inputs may also be
        given by keyword. `target` is the first one compiled, unless another is named.
        """
        outputs = self.run_all(self._by_name(x, inputs), target)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def run_all(self, inputs: Mapping[str, Array], target: str | None = None) -> dict[str, Array]:
        """Outputs by name, however many there are."""
        check_inputs(self.graph, inputs)
        return self.executable(target).run(inputs)

    def profile(
        self, x: Any = None, /, *, target: str | None = None, **inputs: Any
    ) -> list[StageTime]:
        """The time of each stage in one run; arguments as for `run`."""
        arrays = self._by_name(x, inputs)
        check_inputs(self.graph, arrays)
        return self.executable(target).profile(arrays)

    def executable(self, target: str | None = None) -> Executable:
        """What a target was compiled to, loaded once; `run` gives it checked inputs."""
        name = target or next(iter(self._entries))
        if name not in self._loaded:
            self._require_target(name)
            self._require_whole(name)
            compiled = registry.target(name)
            self._loaded[name] = compiled.load(self.graph, self._folder / name)
        return self._loaded[name]

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the artifact as a folder, whole or not at all.

        An existing folder is refused; `force` replaces one that is an artifact, or empty.
        """
        with new_folder(Path(folder), lambda place: force and is_replaceable(place)) as part:
            text = to_text(self.graph)
            (part / GRAPH).write_text(text, encoding="utf-8")
            np.savez(
                part / CONSTANTS,
                allow_pickle=False,
                **{key: value.array for key, value in constants_of(self.graph).items()},
            )
            for name in self._entries:
                self._require_whole(name)
                shutil.copytree(self._folder / name, part / name)
            (part / MANIFEST).write_text(self._manifest(text).to_json(), encoding="utf-8")

    def _manifest(self, text: str) -> Manifest:
        return Manifest(
            source=self.source,
            sightline=__version__,
            graph_sha256=_sha256(text.encode()),
            inputs={node.name: str(node.type) for node in self.graph.inputs},
            outputs={out.label: str(self.graph[out.node].type) for out in self.graph.outputs},
            targets=self._entries,
            picture=self.picture,
            classes=self.classes,
        )

    def _by_name(self, x: Any, inputs: Mapping[str, Any]) -> dict[str, Array]:
        given = dict(inputs)
        if isinstance(x, Mapping):
            given |= x
        elif x is not None:
            names = [node.name for node in self.graph.inputs]
            if len(names) != 1:
                raise UserError(
                    f"the network takes {', '.join(names)}, but was given one array",
                    fix="Give a dict from names to arrays.",
                )
            given[names[0]] = x
        return {name: np.asarray(array) for name, array in given.items()}

    def _require_target(self, name: str) -> None:
        if name not in self._entries:
            raise UserError(
                f"the artifact of '{self.source}' has no target '{name}'; it has "
                f"{', '.join(self._entries)}",
                fix=f"Use one of those, or compile it with -t {name}.",
            )
        entry = self._entries[name]
        if entry.files and entry.made_by != registry.maker(name):
            raise UserError(
                f"the target '{name}' was compiled by {entry.made_by}, but "
                f"{registry.maker(name)} is installed",
                fix="Compile the artifact again.",
            )

    def _require_whole(self, name: str) -> None:
        """Refuse compiled files that are not those that the compiler wrote."""
        recorded, present = self._entries[name].files, file_hashes(self._folder / name)
        for file in sorted({*recorded, *present}):
            if recorded.get(file) != present.get(file):
                state = "missing" if file not in present else "not what the compiler wrote"
                raise UserError(
                    f"the file '{name}/{file}' of the artifact is {state}",
                    where=str(self._folder),
                    fix="Compile the artifact again.",
                )


def load(folder: str | Path) -> Artifact:
    """The artifact in a folder. Whatever is broken or missing is told as a UserError."""
    place = Path(folder)
    if not place.is_dir():
        raise UserError(f"there is no artifact folder '{place}'")
    manifest = _read_manifest(place)
    graph = _read_graph(place, manifest)
    model = Model(graph, manifest.picture, manifest.classes)
    return Artifact(model, manifest.targets, place, manifest.source)


def is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty or an artifact, so that nothing else is lost with it."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or {MANIFEST, GRAPH, CONSTANTS} <= names


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): _sha256(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_manifest(folder: Path) -> Manifest:
    text = _read_text(folder / MANIFEST)
    try:
        return Manifest.from_json(text)
    except UserError as error:
        raise error.at(where=str(folder / MANIFEST)) from None


def _read_graph(folder: Path, manifest: Manifest) -> Graph:
    text = _read_text(folder / GRAPH)
    if _sha256(text.encode()) != manifest.graph_sha256:
        raise _broken(folder / GRAPH, "it is not the graph that the manifest tells of")
    constants: dict[str, Constant] = {}
    for key, array in read_npz(folder / CONSTANTS).items():
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


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise _broken(path, f"it holds more than {MAX_TEXT_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"'{path.parent}' is no artifact: it has no {path.name}",
            fix="Name a folder that 'sightline compile -o' wrote.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, str(error)) from error


def _broken(path: Path, reason: str) -> UserError:
    return UserError(f"the artifact's '{path}' is broken: {reason}", fix="Compile it again.")
