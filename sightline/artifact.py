"""A compiled network: what `compile` gives, what lies in a folder, and what runs.

DIR/manifest.json    what it is and how a picture becomes its input (see manifest.py)
DIR/graph.txt        the graph after all passes, in text form
DIR/original.txt     the float graph that it was made of, if it was quantized here
DIR/constants.npz    the arrays that the texts name by hash, with elements that NumPy has not
DIR/cpu/ …           one folder for each target, with what its compiler wrote
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sightline import __version__
from sightline.artifact_files import (
    COMPILE_AGAIN,
    CONSTANTS,
    GRAPH,
    MANIFEST,
    ORIGINAL,
    file_hash,
    files_in,
    read_manifest,
    read_model,
    write_graphs,
)
from sightline.backends import registry
from sightline.backends.target import Executable, StageTime
from sightline.files import TemporaryFolder, failures_named, new_folder
from sightline.frontend.model import Model, Picture
from sightline.ir.errors import UserError
from sightline.ir.evaluate import check_inputs
from sightline.ir.graph import Graph
from sightline.ir.types import Array
from sightline.manifest import Manifest, TargetEntry


class Artifact:
    """A network with what its targets were compiled to. Made by `compile` and by `load`."""

    def __init__(
        self,
        model: Model,
        targets: Mapping[str, TargetEntry],
        folder: Path | TemporaryFolder,
        source: str,
    ) -> None:
        self.model = model
        self.source = source
        self._entries = dict(targets)
        self._home = folder
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
        outputs = self.run_all(self._named(x, inputs), target)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def run_all(self, inputs: Mapping[str, Any], target: str | None = None) -> dict[str, Array]:
        """Outputs by name, however many there are."""
        return self.executable(target).run(self._checked(inputs))

    def profile(
        self, x: Any = None, /, *, target: str | None = None, **inputs: Any
    ) -> list[StageTime]:
        """The time of each stage in one run; arguments as for `run`."""
        return self.executable(target).profile(self._checked(self._named(x, inputs)))

    def executable(self, target: str | None = None) -> Executable:
        """What a target was compiled to, loaded once; `run` gives it checked inputs."""
        name = target or next(iter(self._entries))
        if name not in self._loaded:
            self._require_target(name)
            compiled = registry.target(name)
            self._require_maker(name)
            self._require_whole(name)
            self._loaded[name] = compiled.load(self.graph, self._folder / name)
        return self._loaded[name]

    def save(self, folder: str | Path, *, force: bool = False) -> None:
        """Write the artifact as a folder, whole or not at all.

        An existing folder is refused; `force` replaces one that is an artifact, or empty.
        """
        with new_folder(Path(folder), why_kept, force=force) as part:
            hashes = write_graphs(part, self.model)
            for name, entry in self._entries.items():
                self._require_whole(name)
                (part / name).mkdir()
                for file in entry.files:
                    (part / name / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(self._folder / name / file, part / name / file)
            (part / MANIFEST).write_text(self._manifest(hashes).to_json(), encoding="utf-8")

    @property
    def _folder(self) -> Path:
        return self._home.path if isinstance(self._home, TemporaryFolder) else self._home

    def _manifest(self, hashes: Mapping[str, str]) -> Manifest:
        return Manifest(
            source=self.source,
            sightline=__version__,
            graph_sha256=hashes[GRAPH],
            original_sha256=hashes.get(ORIGINAL),
            inputs={node.name: str(node.type) for node in self.graph.inputs},
            outputs={out.label: str(self.graph[out.node].type) for out in self.graph.outputs},
            targets=self._entries,
            picture=self.picture,
            classes=self.classes,
        )

    def _named(self, x: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of `run` as one dict by name."""
        if x is None:
            return dict(inputs)
        names = [node.name for node in self.graph.inputs]
        if not isinstance(x, Mapping) and len(names) != 1:
            raise UserError(
                f"the network takes {', '.join(names)}, but was given one array",
                fix="Give a dict from names to arrays.",
            )
        given = dict(x) if isinstance(x, Mapping) else {names[0]: x}
        twice = [name for name in inputs if name in given]
        if twice:
            raise UserError(
                f"the input '{twice[0]}' is given twice", fix="Give it alone, or by its name."
            )
        return given | dict(inputs)

    def _checked(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """Inputs as the arrays that the graph takes."""
        arrays: dict[str, Array] = {}
        for name, value in inputs.items():
            try:
                arrays[name] = np.asarray(value)
            except (TypeError, ValueError, RuntimeError) as error:
                raise UserError(f"the input '{name}' is no array: {error}") from error
        check_inputs(self.graph, arrays)
        return arrays

    def _require_target(self, name: str) -> None:
        if name not in self._entries:
            raise UserError(
                f"the artifact of '{self.source}' has no target '{name}'; it has "
                f"{', '.join(self._entries)}",
                fix=f"Use one of those, or compile it with -t {name}.",
            )

    def _require_maker(self, name: str) -> None:
        entry = self._entries[name]
        if entry.files and entry.made_by != registry.maker(name):
            raise UserError(
                f"the target '{name}' was compiled by {entry.made_by}, but "
                f"{registry.maker(name)} is installed",
                fix=COMPILE_AGAIN,
            )

    def _require_whole(self, name: str) -> None:
        """Refuse files of the compiler that are not as it wrote them.

        Others may lie beside them: a folder that stands alone is one to build in.
        """
        folder = self._folder / name
        with failures_named(f"cannot read the artifact's '{folder}'", fix=COMPILE_AGAIN):
            present = set(files_in(folder))
            for file, recorded in sorted(self._entries[name].files.items()):
                state = ""
                if file not in present:
                    state = "missing"
                elif recorded != file_hash(folder / file):
                    state = "not what the compiler wrote"
                if state:
                    raise UserError(
                        f"the file '{name}/{file}' of the artifact is {state}",
                        where=str(self._folder),
                        fix=COMPILE_AGAIN,
                    )


def load(folder: str | Path) -> Artifact:
    """The artifact in a folder. Whatever is broken or missing is told as a UserError."""
    place = Path(folder)
    if not folder or not place.is_dir():
        raise UserError(
            f"there is no artifact folder '{folder}'",
            fix="Compile a model into one first: sightline compile MODEL -o DIR.",
        )
    manifest = read_manifest(place)
    model = read_model(place, manifest)
    return Artifact(model, manifest.targets, place.absolute(), manifest.source)


def why_kept(folder: Path) -> str:
    """Why no artifact may take a folder's place, or nothing where nothing but one is lost."""
    names = {path.name for path in folder.iterdir()}
    return "" if {MANIFEST, GRAPH, CONSTANTS} <= names else "it is no artifact"
