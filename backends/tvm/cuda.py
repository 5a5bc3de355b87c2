"""The target `cuda`: TVM generates kernels, and the folder that they lie in stands alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sightline.backends.target import NO_MEANING, Meaning, StageTime, Support, check_support
from sightline.backends.tvm.compiled import digest
from sightline.backends.tvm.cuda_options import DEFAULT, CudaOptions
from sightline.backends.tvm.expressions import support
from sightline.backends.tvm.gpu import nvcc
from sightline.backends.tvm.gpu.folder import PLAN
from sightline.backends.tvm.gpu.folder.model import Model, ModelError
from sightline.backends.tvm.gpu.folder_files import SCHEMA, folder_files
from sightline.backends.tvm.gpu.network import lower
from sightline.backends.tvm.gpu.tuning import tune
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.progress import Report
from sightline.ir.text import to_text
from sightline.ir.types import Array
from sightline.passes.inline_stages import inline_stages

COMPILE_AGAIN = "Compile the model again for the target 'cuda'."


@dataclass(frozen=True)
class Cuda:
    """The target `cuda`; `gpu.folder_files` lists what it writes."""

    options: CudaOptions = DEFAULT
    name: str = "cuda"
    meaning: Meaning = NO_MEANING

    def with_meaning(self, meaning: Meaning) -> Cuda:
        return replace(self, meaning=meaning)

    def support(self, op: type[Op]) -> Support:
        return support(op)

    def check(self, graph: Graph) -> None:
        check_support(self, graph)
        if self.options.tune:
            nvcc.check_device("Leave --tune out, or compile where the device is.")

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        self.check(graph)
        plain, count = inline_stages(graph), self.options.tune
        choices = tune(plain, self.options, count, report) if count else {}
        network = lower(plain, self.options, report, choices)
        made_of = digest(to_text(graph).encode())
        files = folder_files(network, self.options, made_of, self.meaning)
        for name, contents in files.items():
            (folder / name).write_bytes(contents)
        report("cuda", 1, 1)

    def load(self, graph: Graph, folder: Path) -> CudaExecutable:
        arch = _checked_arch(graph, folder / PLAN)
        nvcc.check_device()
        return CudaExecutable(folder, nvcc.build(folder, arch))


class CudaExecutable:
    """A compiled graph on the first device."""

    def __init__(self, folder: Path, library: Path) -> None:
        with _errors_of_the_model():
            self._model = Model(folder, library=library)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with _errors_of_the_model():
            return self._model.run(**inputs)

    def profile(self, inputs: Mapping[str, Array]) -> list[StageTime]:
        with _errors_of_the_model():
            times = self._model.profile(**inputs)
        return [StageTime(does, milliseconds / 1000) for does, milliseconds in times]


@contextmanager
def _errors_of_the_model() -> Iterator[None]:
    """Errors that the library tells are told as ours."""
    try:
        yield
    except ModelError as error:
        raise UserError(f"the model on the CUDA device failed: {error}") from error


def _checked_arch(graph: Graph, path: Path) -> str:
    """The architecture that a folder was compiled for, if it is of this graph."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        schema, arch, made_of = fields["schema"], str(fields["arch"]), fields["graph"]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})", fix=COMPILE_AGAIN) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is broken", fix=COMPILE_AGAIN) from error
    if schema != SCHEMA:
        raise UserError(
            f"{path} has form {schema!r}, but this version of Sightline reads form {SCHEMA}",
            fix=COMPILE_AGAIN,
        )
    if made_of != digest(to_text(graph).encode()):
        raise UserError(f"{path.parent} was compiled from another graph", fix=COMPILE_AGAIN)
    return arch


TARGET = Cuda()
