"""CUDA programs built for the host's processor, and what the checks found while they ran.

    source model.cu ─ g++ with our headers ─→ assembly ─ shared_arrays.py ─→ ─┐
    runtime/*.cpp ─ g++, once ────────────────────────────────────────────────┴→ model.so

The library has the functions that the source has, with the same C interface. docs/EMULATOR.md says
what the checks find.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import platform
import re
import shutil
import subprocess
from pathlib import Path

from sightline.ir.cache import cache_folder, half_made
from sightline.ir.errors import UserError
from sightline.ir.host_tools import named_tool
from sightline.sim.cuda.shared_arrays import with_gaps

HERE = Path(__file__).parent
INCLUDE = HERE / "include"
RUNTIME = HERE / "runtime"

LANGUAGE = (
    *("-x", "c++", "-std=c++17", "-include", "cuda_runtime.h", f"-I{INCLUDE}"),
    *(
        "-fPIC",
        "-march=native",
        "-fno-strict-aliasing",
        "-fno-extern-tls-init",
        "-fno-math-errno",
        # Or two libraries in one process share the arrays of templates.
        "-fno-gnu-unique",
    ),
)
FAST = ("-O3",)
CHECKED = (
    *("-O1", "-g1", "-fsanitize=thread,alignment,bounds"),
    *("--param", "tsan-instrument-func-entry-exit=0"),
    # Loops that became memcpy would not be seen.
    "-fno-tree-loop-distribute-patterns",
)
RUNTIME_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-Wall", "-Wextra", f"-I{INCLUDE}", f"-I{RUNTIME}")


def build(source: Path, folder: Path, *, checked: bool) -> Path:
    """The library of a CUDA source file, in `folder`, or the one that is there already.

    `checked` builds tell what a kernel does wrong, see `findings`, and are much slower.
    """
    compiler = _compiler()
    everything = [*_sources(), *sorted(HERE.glob("*.py"))]
    digest = _digest(everything, source.read_text(), str(source), checked, LANGUAGE, FAST, CHECKED)
    library = folder / f"{source.stem}-{'checked' if checked else 'fast'}-{digest}.so"
    if library.exists():
        return library
    runtime = _runtime(compiler)
    with half_made(folder) as work:
        assembly, half = work / "model.s", work / library.name
        mode = CHECKED if checked else FAST
        _run(compiler, *LANGUAGE, *mode, "-S", source, "-o", assembly, source=source)
        assembly.write_text(with_gaps(assembly.read_text(), checked))
        flags = ("-shared", "-Wl,-Bsymbolic", "-Wl,--no-undefined")
        # The runtime comes first: of templates that both have, its own are not checked.
        _run(compiler, *flags, runtime, assembly, "-o", half, source=source)
        half.replace(library)
    return library


def findings(library: ctypes.CDLL) -> list[str]:
    """What the checks of a library found until now: each a sentence or two."""
    return _text(library, "sightline_findings")


def left(library: ctypes.CDLL) -> list[str]:
    """What its programs have not given back: memory, streams, events, graphs."""
    return _text(library, "sightline_left")


def calls(library: ctypes.CDLL) -> int:
    """How many calls of the CUDA runtime that can fail its programs have made."""
    function = library.sightline_calls
    function.restype = ctypes.c_long
    return int(function())


def forget(library: ctypes.CDLL) -> None:
    """Forget findings, errors, calls and open captures: the next run begins anew. Memory stays."""
    library.sightline_forget_findings()
    library.sightline_forget_errors()


def _text(library: ctypes.CDLL, name: str) -> list[str]:
    function = getattr(library, name)
    function.restype = ctypes.c_char_p
    return bytes(function()).decode().splitlines()


def _compiler() -> tuple[str, ...]:
    """The host's g++, on a processor that the runtime knows how to switch threads on."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise UserError(
            f"the emulator of CUDA runs on x86-64, and this machine is {platform.machine()}",
            fix="Run it on an x86-64 machine, or the artifact itself on a GPU.",
        )
    found = shutil.which("g++")
    for command in filter(None, (named_tool("CXX"), (found,) if found else ())):
        if "Free Software Foundation" in _version(command):
            return command
    raise UserError(
        "the emulator of CUDA needs g++, and found none",
        fix="Install g++ 12 or later, or name it in the variable CXX.",
    )


@functools.cache
def _version(compiler: tuple[str, ...]) -> str:
    """The compiler's version, and what -march=native means on this machine."""
    commands = [[*compiler, "--version"], [*compiler, "-march=native", "-Q", "--help=target"]]
    done = [subprocess.run(each, capture_output=True, text=True, check=False) for each in commands]
    return "".join(each.stdout for each in done)


def _sources() -> list[Path]:
    """The files that the runtime is made of."""
    return [*sorted(INCLUDE.rglob("*.h")), *sorted(RUNTIME.glob("*.h")), *_parts()]


def _parts() -> list[Path]:
    return sorted(RUNTIME.glob("*.cpp"))


def _digest(files: list[Path], *parts: object) -> str:
    """Names what a build is made of: these files and parts, and the compiler."""
    texts = [*(path.read_text() for path in files), repr(parts), _version(_compiler())]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _runtime(compiler: tuple[str, ...]) -> Path:
    """The runtime that every library is linked with, compiled once and kept in the cache."""
    folder = cache_folder("emulators")
    kept = folder / f"runtime-{_digest(_sources(), RUNTIME_FLAGS)}.o"
    if kept.exists():
        return kept
    with half_made(folder) as work:
        whole, half = work / "runtime.cpp", work / kept.name
        # All in one: reading the library's headers for each part takes half of the time.
        whole.write_text("".join(f'#include "{path.name}"\n' for path in _parts()))
        _run(compiler, *RUNTIME_FLAGS, "-c", whole, "-o", half, source=None)
        half.replace(kept)
    return kept


def _run(compiler: tuple[str, ...], *arguments: str | Path, source: Path | None) -> None:
    command = [*compiler, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if source is None:
        raise RuntimeError(f"the runtime of the emulator does not compile:\n{done.stderr}")
    lines = done.stderr.splitlines()
    told = [line for line in lines if re.search(r"error|undefined reference", line)] or lines
    raise UserError(
        f"g++ does not take {source.name} as CUDA: {told[0] if told else 'it told no reason'}",
        fix="The emulator knows the part of CUDA that docs/EMULATOR.md lists.",
        where=str(source),
    )
