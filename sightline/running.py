"""One run from files to files: what `sightline run` does, as data."""

from __future__ import annotations

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
from sightline.outputs import require_place, save, summarize


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
) -> RunResult:
    """Run on input files; `files` are results to write, as `FILE` (all) or `NAME=FILE` (one)."""
    labels = [output.label for output in artifact.graph.outputs]
    wanted = [_result_file(word, labels) for word in files]
    arrays = read_inputs(artifact.model, inputs, resize=resize)
    executable = artifact.executable(target)
    start = time.perf_counter()
    outputs = executable.run(arrays)
    seconds = time.perf_counter() - start
    stages = executable.profile(arrays) if profile else []
    for names, path in wanted:
        save({name: outputs[name] for name in names}, path, artifact.classes)
    return RunResult(
        target or artifact.targets[0],
        seconds,
        outputs,
        artifact.classes,
        stages,
        [path for _, path in wanted],
    )


def _result_file(word: str, labels: Sequence[str]) -> tuple[Sequence[str], Path]:
    """The results that a file is to hold, and the file."""
    name, equals, file = word.partition("=")
    if equals and "/" not in name:
        if name not in labels:
            raise UserError(
                f"the network has no result '{name}'", fix=f"Its results are {', '.join(labels)}."
            )
        require_place(Path(file))
        return [name], Path(file)
    require_place(Path(word))
    return labels, Path(word)
