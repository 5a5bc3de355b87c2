"""Tiles that were measured: what `compile --tune N` does for the target `cpu`.

signatures ─→ candidates by the static model ─→ one library ─→ frames in turn ─→ the fastest
                                                                     └─→ the cache, for next time

Each kernel is measured alone, on random numbers, with the threads that frames have. A candidate
must be faster than the static model's choice by more than chance, else that stays.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sightline.backends.tvm import library
from sightline.backends.tvm.build import MODEL, Choice
from sightline.backends.tvm.executable import aligned, seen_as
from sightline.backends.tvm.frame import Frame
from sightline.backends.tvm.host import Processor, threads
from sightline.backends.tvm.lowering import Kernel, Signature, define, stage
from sightline.backends.tvm.winners import Winner, fastest, keep, key_of, known
from sightline.ir.graph import Graph
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array

ROUNDS = 9
"""How often each candidate is measured, in turn with the others."""

SECONDS = 0.005
"""The least that a measurement takes."""


def tune(
    graph: Graph,
    processor: Processor,
    withheld: Sequence[str],
    count: int,
    report: Report,
) -> dict[Signature, Choice]:
    """The fastest of the first candidates, so many, of each kernel; known ones from the cache."""
    about = ("cpu", processor, processor.features, threads())
    signatures = list(dict.fromkeys(stage(graph, processor.machine).signatures.values()))
    choices = {}
    for number, signature in enumerate(signatures):
        report(f"tune: {number + 1} of {len(signatures)} kernels", number, len(signatures))
        key = key_of(signature, *about)
        winner = known(key)
        if winner is None or winner.candidates < count:
            kernels = candidates(signature, processor, count)
            choice = _fastest(kernels, processor, withheld) if len(kernels) > 1 else MODEL
            winner = Winner(choice, count)
            keep(key, winner)
        choices[signature] = winner.choice
    report("tune", len(signatures), len(signatures))
    return choices


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
    return fastest(list(kernels), times.tolist())


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
    for operand in kernel.operands:
        if operand.sums is not None:
            yield _random(rng, operand.sums[1])
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
