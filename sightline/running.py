"""One run from files to files: what `sightline run` does, as data."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.artifact import Artifact
from sightline.backends.target import StageTime
from sightline.inputs import read_inputs
from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.machine import threads_for
from sightline.outputs import require_holds, save, summarize


@dataclass(frozen=True)
class RunResult:
    """What a run gave, how long it took, and which files hold it."""

    target: str
    seconds: float
    outputs: Mapping[str, Array]
    classes: tuple[str, ...]
    stages: Sequence[StageTime]
    files: Sequence[Path]

    def summaries(self) -> dict[str, dict[str, Any]]:
        return {name: summarize(array, self.classes) for name, array in self.outputs.items()}

    def to_dict(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "seconds": self.seconds,
            "outputs": self.summaries(),
            "stages": [{"stage": time.stage, "seconds": time.seconds} for time in self.stages],
            "files": [str(path) for path in self.files],
        }


def run_files(
    artifact: Artifact,
    inputs: Sequence[str],
    target: str | None,
    files: Sequence[str],
    *,
    resize: bool = False,
    profile: bool = False,
    threads: int | None = None,
) -> RunResult:
    """Run on input files; `files` are results to write, as `FILE` (all) or `NAME=FILE` (one)."""
    wanted = _result_files(artifact, files)
    if threads is not None:
        _use_threads(target or artifact.targets[0], threads)
    arrays = read_inputs(artifact.model, inputs, resize=resize)
    executable = artifact.executable(target)
    start = time.perf_counter()
    outputs = executable.run(arrays)
    seconds = time.perf_counter() - start
    stages = executable.profile(arrays) if profile else []
    save(
        [(path, {name: outputs[name] for name in names}) for path, names in wanted],
        artifact.classes,
    )
    return RunResult(
        target or artifact.targets[0],
        seconds,
        outputs,
        artifact.classes,
        stages,
        [path for path, _ in wanted],
    )


def _use_threads(target: str, threads: int) -> None:
    if target != "cpu":
        raise UserError(
            f"the target '{target}' cannot be told how many threads it has",
            fix="Leave --threads out, or run the target cpu.",
        )
    threads_for(threads)


def _result_files(artifact: Artifact, words: Sequence[str]) -> list[tuple[Path, Sequence[str]]]:
    """Each file and the results that it is to hold; what cannot be written is refused now."""
    graph = artifact.graph
    types = {output.label: graph[output.node].type for output in graph.outputs}
    forms = {label: (type_.shape, type_.element.dtype) for label, type_ in types.items()}
    wanted: dict[str, tuple[Path, Sequence[str]]] = {}
    for word in words:
        path, names = _result_file(word, list(types))
        require_holds(path, {name: forms[name] for name in names}, artifact.classes)
        place = os.path.realpath(path)
        if place in wanted:
            raise UserError(
                f"two results are to be written to '{path}'",
                fix="Name a file for each, or a .npz file for all.",
            )
        wanted[place] = path, names
    return list(wanted.values())


def _result_file(word: str, labels: Sequence[str]) -> tuple[Path, Sequence[str]]:
    """The file, and the results that it is to hold."""
    name, equals, file = word.partition("=")
    if not equals or "/" in name:
        return Path(word), labels
    if name not in labels:
        raise UserError(
            f"the network has no result '{name}'", fix=f"Its results are {', '.join(labels)}."
        )
    return Path(file), [name]
