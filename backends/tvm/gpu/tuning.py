"""Tiles that were measured: what `compile --tune N` does for the target `cuda`.

for candidate:                          by the static model, its own first
    network with all kernels so ─→ nvcc ─→ frames, launch by launch
for kernel:
    the fastest candidate ─→ the cache, for next time

A kernel of a tile on which TVM loses its way is left as the model has it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sightline.backends.tvm.build import MODEL, Choice
from sightline.backends.tvm.cuda_options import CudaOptions
from sightline.backends.tvm.gpu import nvcc
from sightline.backends.tvm.gpu.device import told_by_the_driver
from sightline.backends.tvm.gpu.folder.model import Model
from sightline.backends.tvm.gpu.folder_files import folder_files
from sightline.backends.tvm.gpu.kernels import define, generate
from sightline.backends.tvm.gpu.machine import gpu
from sightline.backends.tvm.gpu.network import Network, lower
from sightline.backends.tvm.lowering import Signature
from sightline.backends.tvm.winners import Winner, fastest, keep, key_of, known
from sightline.ir.graph import Graph
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array

ROUNDS = 9
"""Frames of which each launch's shortest time counts."""


def tune(graph: Graph, options: CudaOptions, count: int, report: Report) -> dict[Signature, Choice]:
    """The fastest of the first candidates, so many, of each kernel; known ones from the cache."""
    device = told_by_the_driver()
    about = ("cuda", options.arch, options.half, device.get("name"), device.get("driver_version"))
    first = lower(graph, options, silent)
    keys = {step.signature: key_of(step.signature, *about) for step in first.steps}
    winners = {signature: known(key) for signature, key in keys.items()}
    new = [each for each, winner in winners.items() if not winner or winner.candidates < count]
    if new:
        choices = candidates(count)
        times = []
        for number, choice in enumerate(choices):
            report(f"tune: candidate {number + 1} of {count}", number, count)
            usable = {each: choice for each in new if is_built(each, choice, options)}
            times.append(_measured(lower(graph, options, silent, usable), options))
        for signature in new:
            choice = fastest(choices, [each[signature] for each in times])
            winners[signature] = Winner(choice, count)
            keep(keys[signature], Winner(choice, count))
    report("tune", count, count)
    return {signature: winner.choice for signature, winner in winners.items() if winner}


def candidates(count: int) -> list[Choice]:
    """In the order of the model's cost, with and without tensor cores."""
    return [Choice(rank, is_direct) for rank in range(count) for is_direct in (False, True)][:count]


def is_built(signature: Signature, choice: Choice, options: CudaOptions) -> bool:
    """Whether TVM makes a kernel of a candidate; it says in many ways that it does not."""
    if choice == MODEL:
        return True
    try:
        generate([define("candidate", signature, gpu(options), choice)], options.arch)
    except Exception:
        return False
    return True


def _measured(network: Network, options: CudaOptions) -> dict[Signature, float]:
    """The time of all launches of each kernel in a frame."""
    with tempfile.TemporaryDirectory(prefix="sightline-tune-") as work:
        folder = Path(work)
        for name, contents in folder_files(network, options, "").items():
            (folder / name).write_bytes(contents)
        with Model(folder, library=nvcc.build(folder, options.arch)) as model:
            inputs = _random(model.inputs)
            rounds = [[time for _, time in model.profile(**inputs)] for _ in range(ROUNDS)]
    times: dict[Signature, float] = {}
    for step, time in zip(network.steps, np.min(rounds, axis=0), strict=True):
        times[step.signature] = times.get(step.signature, 0.0) + float(time)
    return times


def _random(inputs: Sequence[Mapping[str, object]]) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    found = {}
    for each in inputs:
        numbers = rng.integers(0, 8, each["shape"])  # type: ignore[call-overload]
        found[str(each["name"])] = numbers.astype(str(each["dtype"]))
    return found
