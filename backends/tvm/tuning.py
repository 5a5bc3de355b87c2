"""Tiles that were measured: what `compile --tune N` does for the target `cpu`.

signatures ─→ candidates by the static model ─→ one library ─→ frames in turn ─→ the fastest
                                                                     └─→ the cache, for next time

Each kernel is measured alone, on random numbers, with the threads that frames have. A candidate
must be faster than the static model's choice by more than chance, else that stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tvm

from sightline.backends.tvm import library
from sightline.backends.tvm.build import MODEL, Choice
from sightline.backends.tvm.executable import aligned, seen_as
from sightline.backends.tvm.frame import Frame
from sightline.backends.tvm.host import Processor, threads
from sightline.backends.tvm.lowering import Kernel, Signature, define, stage
from sightline.ir.cache import cache_folder
from sightline.ir.graph import Graph
from sightline.ir.ops.stage import Stage
from sightline.ir.progress import Report, silent
from sightline.ir.text import to_text
from sightline.ir.types import Array

ROUNDS = 9
"""How often each candidate is measured, in turn with the others."""

SECONDS = 0.005
"""The least that a measurement takes."""

GAIN = 0.97
"""What the fastest may take, of the time of the static model's choice, to be chosen over it."""


@dataclass(frozen=True)
class Winner:
    """What was found for a kernel, among how many candidates."""

    choice: Choice
    candidates: int


def tune(
    graph: Graph,
    processor: Processor,
    withheld: Sequence[str],
    count: int,
    report: Report,
) -> dict[Signature, Choice]:
    """The fastest of the first candidates, so many, of each kernel; known ones from the cache."""
    signatures = list(dict.fromkeys(stage(graph, processor.machine).signatures.values()))
    choices = {}
    for number, signature in enumerate(signatures):
        report(f"tune: {number + 1} of {len(signatures)} kernels", number, len(signatures))
        key = key_of(signature, processor)
        winner = known(key)
        if winner is None or winner.candidates < count:
            kernels = candidates(signature, processor, count)
            choice = _fastest(kernels, processor, withheld) if len(kernels) > 1 else MODEL
            winner = Winner(choice, count)
            keep(key, winner)
        choices[signature] = winner.choice
    report("tune", len(signatures), len(signatures))
    return choices


def key_of(signature: Signature, processor: Processor) -> str:
    """Stage, target, threads and versions: what a measurement holds for."""
    op = signature.op
    text = to_text(op.body) if isinstance(op, Stage) else repr(op)
    lies = (signature.types, signature.layouts, signature.constant, signature.result)
    versions = (tvm.__version__, version("sightline"))
    about = map(str, (text, lies, processor, processor.features, threads(), versions))
    return hashlib.sha256("\n".join(about).encode()).hexdigest()


def candidates(signature: Signature, processor: Processor, count: int) -> dict[Choice, Kernel]:
    """The first kernels that differ, the static model's before all others."""
    found: dict[str, tuple[Choice, Kernel]] = {}
    for rank in range(count):
        for is_direct in (False, True):
            choice = Choice(rank, is_direct)
            kernel = define("candidate", signature, processor.machine, choice)
            packings = [operand.packing for operand in kernel.operands]
            found.setdefault(f"{kernel.function.script()} {packings}", (choice, kernel))
    return dict(list(found.values())[:count])


def _fastest(
    kernels: dict[Choice, Kernel], processor: Processor, withheld: Sequence[str]
) -> Choice:
    named = [_renamed(kernel, f"candidate_{at}") for at, kernel in enumerate(kernels.values())]
    with tempfile.TemporaryDirectory(prefix="sightline-tune-") as work:
        built = library.build(named, processor.target(withheld), Path(work), silent)
        opened = library.open_library(built, [kernel.name for kernel in named])
    frames = [Frame(opened, [(kernel.name, list(_arrays(kernel)))]) for kernel in named]
    times = np.array([_measured(frames) for _ in range(ROUNDS)]).min(axis=0)
    best = int(times.argmin())
    return list(kernels)[best] if times[best] < GAIN * times[0] else MODEL


def _renamed(kernel: Kernel, name: str) -> Kernel:
    function = kernel.function.with_attr("global_symbol", name)
    return replace(kernel, name=name, function=function)


def _measured(frames: Sequence[Frame]) -> list[float]:
    """Seconds of each for one run, each run so often that the clock can tell."""
    times = []
    for frame in frames:
        runs, passed = 0, 0.0
        start = time.perf_counter()
        while passed < SECONDS:
            frame.run(threads())
            runs, passed = runs + 1, time.perf_counter() - start
        times.append(passed / runs)
    return times


def _arrays(kernel: Kernel) -> Iterator[Array]:
    """What a kernel is given: operands and a result of its own, and its tables as they are."""
    rng = np.random.default_rng(0)
    for operand in kernel.operands:
        yield _random(rng, operand.argument)
    for table in kernel.tables:
        yield _placed(table.array)
    yield _random(rng, kernel.result)


def _random(rng: np.random.Generator, tensor: object) -> Array:
    shape, dtype = (getattr(tensor, name) for name in ("shape", "dtype"))
    sizes, kind = tuple(map(int, shape)), np.dtype(str(dtype))
    if kind.kind == "f":
        return _placed(rng.standard_normal(sizes).astype(kind))
    # Small enough for shifts, and for places in a table.
    return _placed(rng.integers(1, 8, sizes).astype(kind))


def _placed(array: Array) -> Array:
    place = seen_as(aligned(array.nbytes), array.shape, array.dtype)
    place[...] = array
    return place


def known(key: str) -> Winner | None:
    """What was found before; what cannot be read counts as not measured."""
    try:
        fields = json.loads(_path(key).read_text(encoding="utf-8"))
        choice = fields["choice"]
        return Winner(
            Choice(int(choice["rank"]), bool(choice["is_direct"])), int(fields["candidates"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(key: str, winner: Winner) -> None:
    """Kept at once, so that an interrupted run loses only what it was at."""
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(asdict(winner)), encoding="utf-8")
    half.replace(path)


def _path(key: str) -> Path:
    return cache_folder("tuning") / f"{key}.json"
