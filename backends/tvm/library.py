"""The shared library of a graph's kernels: TVM's code and the runtime that runs it.

kernels ─ TVM, LLVM ───────────→ *.o ─┐
runtime/*.cpp ─ the C++ compiler ─→ ──┴─ linked ─→ kernels-….so
"""

from __future__ import annotations

import ctypes
import functools
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm
from tvm.target import Target

from sightline.backends.tvm.compiled import digest
from sightline.backends.tvm.lowering import Kernel
from sightline.ir.errors import UserError
from sightline.ir.host_tools import host_tool
from sightline.ir.progress import Report

RUNTIME = Path(__file__).parent / "runtime" / "frame.cpp"
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-pthread")

Run = Callable[[Any, int, int], int]
"""Runs calls, so many, on so many threads; the number of the one that failed, or -1."""


@dataclass(frozen=True)
class Library:
    """The addresses of the kernels by name, and what runs them."""

    kernels: Mapping[str, int]
    run: Run


MASKED_STORE = "call void @llvm.masked.store"

NO_MASKS = ("-enable-if-conversion:bool=false", "-vectorizer-min-trip-count:uint=0")
"""Of LLVM's options: no loop with a condition becomes vectors, nor the rest of a short one."""

EMPTY = Library({}, lambda calls, count, threads: -1)
"""Of a graph that computes nothing."""


def build(kernels: Sequence[Kernel], target: Target, folder: Path, report: Report) -> Path:
    """Compile kernel by kernel, and link a library into the folder.

    Its name tells its contents: a process that has loaded a library takes any other of the same
    path for the same.
    """
    compiler = linker()
    steps = len(kernels) + 1
    runtime = compiled_runtime(compiler)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        objects = [Path(work) / "runtime.o"]
        objects[0].write_bytes(runtime)
        for number, kernel in enumerate(kernels):
            report(f"cpu: {kernel.name}", number, steps)
            built = compiled(kernel, target)
            objects.append(Path(work) / f"{kernel.name}.o")
            built.write_to_file(str(objects[-1]))
        report("cpu: link", steps - 1, steps)
        linked = Path(work) / "kernels.so"
        link(compiler, objects, linked)
        path = linked.rename(folder / f"kernels-{digest(linked.read_bytes())[:16]}.so")
    report("cpu", steps, steps)
    return path


def compiled(kernel: Kernel, target: Target) -> Any:
    """TVM's module of a kernel, with no store under a mask: LLVM 22 gets some of those wrong.

    For AVX-512, it stores an integer that it narrows, alone under a mask, in its full width, over
    its neighbours (its issue 179489), and may load behind a store what it should before (215453).
    """
    module = kernel.module()
    options = [*target.attrs.get("cl-opt", ()), *NO_MASKS]
    for changes in ({}, {"cl-opt": options}, {"opt-level": 1}):
        built = tvm.tirx.build(module, target=Target({**target.export(), **changes}))
        if MASKED_STORE not in built.inspect_source("ll"):
            return built
    raise RuntimeError(f"LLVM stores under a mask in the kernel {kernel.name}")


def linker() -> tuple[str, ...]:
    """The host's C++ compiler: what CXX names, or the first that is found."""
    if found := host_tool("CXX", "c++", "g++", "clang++"):
        return found
    raise UserError(
        "the target 'cpu' needs a C++ compiler to link its library, and found none",
        fix="Install g++ or clang++, or name one in the variable CXX.",
    )


@functools.cache
def compiled_runtime(compiler: tuple[str, ...]) -> bytes:
    """The object file of the runtime, compiled once a process."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "runtime.o"
        done = _run(*compiler, *FLAGS, "-c", RUNTIME, "-o", path)
        if done.returncode:
            raise _unable(compiler, f"compile the runtime {RUNTIME.name}", done)
        return path.read_bytes()


def link(compiler: tuple[str, ...], objects: Sequence[Path], path: Path) -> None:
    done = _run(*compiler, "-shared", "-pthread", "-o", path, *objects)
    if done.returncode:
        raise _unable(compiler, f"link the library {path.name}", done)


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def _unable(
    compiler: tuple[str, ...], what: str, done: subprocess.CompletedProcess[str]
) -> UserError:
    return UserError(
        f"{shlex.join(compiler)} could not {what}: {done.stderr.strip()[-500:]}",
        fix="Check that it is a C++ compiler of this machine; CXX may name another one.",
    )


_first: ctypes.CDLL | None = None
_opening = threading.Lock()


def open_library(path: Path, names: Iterable[str]) -> Library:
    """The kernels of a library by name. It stays in memory until the process ends, as TVM's do.

    All libraries run on the threads of the first one, so that none spin for nothing.
    """
    global _first
    # TVM hands the library what its kernels call: memory for a while, and how to tell errors.
    tvm.runtime.load_module(str(path))
    library = ctypes.CDLL(str(path))
    with _opening:
        _first = _first or library
        runtime = _first
    library.sightline_share(runtime.sightline_launch)
    run = runtime.sightline_run
    run.argtypes = (ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32)
    run.restype = ctypes.c_int32
    return Library({name: _address(library[f"__tvm_ffi_{name}"]) for name in names}, run)


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None, "a function that was found has an address"
    return address
