"""The target `cpu`: TVM generates code for this processor, and a C++ compiler links the library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tvm

from sightline.backends.target import Support, check_support
from sightline.backends.tvm import library
from sightline.backends.tvm.compiled import (
    TABLES,
    Compiled,
    digest,
    read_tables,
    write_tables,
)
from sightline.backends.tvm.cpu_options import DEFAULT, CpuOptions
from sightline.backends.tvm.executable import CpuExecutable
from sightline.backends.tvm.expressions import support
from sightline.backends.tvm.host import host
from sightline.backends.tvm.lowering import lower
from sightline.backends.tvm.tuning import tune
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.progress import Report
from sightline.ir.text import to_text
from sightline.passes.inline_stages import inline_stages


@dataclass(frozen=True)
class Cpu:
    """The target `cpu`; `compiled.py` says what its folder holds."""

    options: CpuOptions = DEFAULT
    name: str = "cpu"

    def support(self, op: type[Op]) -> Support:
        return support(op)

    def check(self, graph: Graph) -> None:
        check_support(self, graph)

    def compile(self, graph: Graph, folder: Path, report: Report) -> None:
        self.check(graph)
        processor, withheld = host()
        plain = inline_stages(graph)
        count = self.options.tune
        choices = tune(plain, processor, withheld, count, report) if count else {}
        lowered = lower(plain, processor.machine, choices)
        name = ""
        if lowered.kernels:
            name = library.build(lowered.kernels, processor.target(withheld), folder, report).name
        write_tables(folder, lowered.tables)
        Compiled(
            tvm.__version__,
            processor,
            digest(to_text(graph).encode()),
            name,
            {file: digest((folder / file).read_bytes()) for file in (name, TABLES) if file},
            lowered.plan,
        ).write(folder)

    def load(self, graph: Graph, folder: Path) -> CpuExecutable:
        compiled = Compiled.read(folder)
        compiled.check(folder, graph, here=host()[0])
        names = {call.kernel for call in compiled.plan.calls}
        path = folder / compiled.library
        opened = library.open_library(path, names) if names else library.EMPTY
        return CpuExecutable(inline_stages(graph), compiled.plan, opened, read_tables(folder))


TARGET = Cpu()
