"""The shared library of a target's kernels: TVM's code, linked by the C++ compiler of the host."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import tvm
from tvm.target import Target

from sightline.backends.tvm.compiled import digest
from sightline.backends.tvm.lowering import Kernel
from sightline.ir.errors import UserError
from sightline.ir.progress import Report


def build(kernels: Sequence[Kernel], target: Target, folder: Path, report: Report) -> Path:
    """Compile kernel by kernel, and link a library into the folder.

    Its name tells its contents: a process that has loaded a library takes any other of the same
    path for the same.
    """
    compiler = linker()
    steps = len(kernels) + 1
    with tempfile.TemporaryDirectory(dir=folder) as work:
        objects = []
        for number, kernel in enumerate(kernels):
            report(f"cpu: {kernel.name}", number, steps)
            built = tvm.tirx.build(kernel.module(), target=target)
            objects.append(Path(work) / f"{kernel.name}.o")
            built.write_to_file(str(objects[-1]))
        report("cpu: link", steps - 1, steps)
        linked = Path(work) / "kernels.so"
        link(compiler, objects, linked)
        path = linked.rename(folder / f"kernels-{digest(linked.read_bytes())[:16]}.so")
    report("cpu", steps, steps)
    return path


def linker() -> str:
    """The host's C++ compiler: what CXX names, or the first that is found."""
    for name in filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++")):
        found = shutil.which(name)
        if found:
            return found
    raise UserError(
        "the target 'cpu' needs a C++ compiler to link its library, and found none",
        fix="Install g++ or clang++, or name one in the variable CXX.",
    )


def link(compiler: str, objects: Sequence[Path], path: Path) -> None:
    command = [compiler, "-shared", "-o", str(path), *map(str, objects)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"{compiler} could not link the library {path.name}: {done.stderr.strip()[-500:]}",
            fix="Check that it is a C++ compiler of this machine; CXX may name another one.",
        )


def open_library(path: Path, names: Iterable[str]) -> dict[str, Callable[..., Any]]:
    """The kernels of a library by name."""
    module = tvm.runtime.load_module(str(path))
    return {name: module[name] for name in names}
