"""The processor that this process runs on: what TVM compiles for, and the threads of a frame."""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvm.target import Target, codegen

from sightline.backends.tvm.build import Machine
from sightline.backends.tvm.dot_products import instructions
from sightline.ir.errors import UserError

THREADS = "SIGHTLINE_THREADS"
"""The variable that says how many threads a frame has."""

X86 = "x86_64"
"""The architecture of Intel's and AMD's processors, as the operating system calls it."""

NO_REGROUPING = "-x86-machine-combiner:bool=false"
"""Of LLVM's options: leave sums in the order in which a schedule adds them up.

It would add up products first to wait less, and a tile's integers then no longer fit the registers.
"""

VECTOR_FEATURES = ("avx", "fma", "f16c")
"""How the names of the features begin that a machine may withhold."""


@dataclass(frozen=True)
class Processor:
    """An architecture, LLVM's name for a processor of it, and the instructions that it has."""

    architecture: str
    name: str
    features: tuple[str, ...]

    @property
    def machine(self) -> Machine:
        is_intel = self.architecture == X86
        if "avx512f" in self.features:
            lanes, registers = 16, 32
        elif "avx" in self.features:
            lanes, registers = 8, 16
        else:
            lanes, registers = 4, 16 if is_intel else 32
        return Machine(lanes, registers, instructions(self.features, lanes) if is_intel else ())

    def target(self, withheld: Iterable[str] = ()) -> Target:
        """TVM's target; `withheld` are features of processors of this name that this one lacks."""
        kind: dict[str, Any] = {"kind": "llvm", "mcpu": self.name}
        if self.architecture == X86:
            kind["cl-opt"] = [NO_REGROUPING]
        without = [f"-{feature}" for feature in withheld]
        return Target(kind | {"mattr": without} if without else kind)

    def lacking(self, other: Processor) -> list[str]:
        """What another processor lacks of what code for this one may use."""
        if self.architecture != other.architecture:
            return [f"the architecture {self.architecture}"]
        return sorted(set(self.features) - set(other.features))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Processor:
        features = tuple(map(str, fields["features"]))
        return cls(str(fields["architecture"]), str(fields["name"]), features)

    def __str__(self) -> str:
        return f"{self.name} ({self.architecture})"


def host() -> tuple[Processor, tuple[str, ...]]:
    """This processor, and the vector features that it should have by its name but withholds.

    A virtual machine may hide some from the programs in it.
    """
    name = codegen.llvm_get_system_cpu()
    expected = set(codegen.llvm_get_cpu_features(Target({"kind": "llvm", "mcpu": name})))
    listed = _flags() or expected
    missing = {f for f in expected - listed if f.startswith(VECTOR_FEATURES)}
    features = tuple(sorted(expected & listed))
    return Processor(platform.machine().lower(), name, features), tuple(sorted(missing))


def _flags() -> set[str]:
    """The features that the operating system lists, by LLVM's names; empty where it does not."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return {flag.replace("_", "") for flag in flags.split()}


def use_threads(count: int | None) -> None:
    """Give frames so many threads from now on, if a number is told."""
    if count is not None:
        os.environ[THREADS] = str(count)


def threads() -> int:
    """How many threads a frame is given: what the variable says, or one for each physical core."""
    told = os.environ.get(THREADS)
    return _number(told) if told else physical_cores()


@functools.cache
def _number(told: str) -> int:
    if not told.isdecimal() or int(told) < 1:
        raise UserError(f"the variable {THREADS} is '{told}', not a number of at least 1")
    return int(told)


@functools.cache
def physical_cores() -> int:
    """Cores that this process may use, each counted once however many threads it runs."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    cores = set()
    for cpu in os.sched_getaffinity(0):
        path = Path(siblings.format(cpu))
        cores.add(path.read_text().strip() if path.exists() else str(cpu))
    return len(cores)
