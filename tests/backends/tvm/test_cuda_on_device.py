"""The target `cuda` on a device, where there is one: fresh inputs, poisoned outputs, sanitizers."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.tvm.cuda_options import ARCHITECTURES, OLDEST
from sightline.backends.tvm.gpu import device as devices
from sightline.backends.tvm.gpu import nvcc
from sightline.backends.tvm.gpu.folder.model import Model
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.ir.op import OPS
from sightline.ir.types import Array
from sightline.passes import pipeline
from sightline.source import read
from tests.backends.tvm.test_expressions import EXACT
from tests.backends.tvm.test_tensor_cores import floats, integers
from tests.support.cpu import assert_is_reference, side_by_side
from tests.support.cuda_models import compiled, integer_network, merged
from tests.support.examples import TIMES
from tests.support.quantized import prepared, quantized
from tests.support.random_graphs import inputs_for

FIRST = random.SystemRandom().randrange(1 << 30)
"""Other inputs in every run; a failure tells it."""

TOOLS = {
    "memcheck": ("--leak-check", "full"),
    "racecheck": (),
    "synccheck": (),
    "initcheck": (),
}
"""Of compute-sanitizer, and what else they are told."""


def why_not() -> str:
    try:
        nvcc.check_device()
        nvcc.find_nvcc()
    except UserError as error:
        return error.problem
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"runs on a CUDA device, and {why_not()}")


def architecture() -> str:
    """The device's own, or an older one that it runs the code of."""
    told = devices.told_by_the_driver().get("compute_cap", "")
    own = int(told.replace(".", "") or 0)
    numbers = [int(name.removeprefix("sm_")) for name in ARCHITECTURES]
    same = [number for number in numbers if number // 10 == own // 10 and number <= own]
    return f"sm_{max(same, default=OLDEST)}"


def beside_nvcc(tool: str) -> str | None:
    """A tool on the path, or where nvcc is."""
    return shutil.which(tool) or shutil.which(tool, path=str(Path(nvcc.find_nvcc()).parent))


def run_on_device(
    graph: Graph, inputs: Mapping[str, Array], folder: Path, half: bool = False
) -> dict[str, Array]:
    """Two frames, of arrays that stay on the device; what is not written is not a number."""
    compiled(graph, folder, half, architecture())
    device = devices.Device(devices.find_runtime(nvcc.find_nvcc()))
    with Model(folder, library=nvcc.build(folder, architecture())) as model:
        given = [inputs[each["name"]] for each in model.inputs]
        frame = devices.Resident(device, model, given)
        frame.enqueue()
        first = frame.outputs()
        frame.enqueue()
        for once, again in zip(first, frame.outputs(), strict=True):
            np.testing.assert_array_equal(once, again)
        device.close()
        return dict(zip((each["name"] for each in model.outputs), first, strict=True))


@pytest.mark.parametrize("kinds", ["exact", "float"])
def test_samples_of_every_op(kinds: str, tmp_path: Path) -> None:
    chosen = sorted(EXACT) if kinds == "exact" else sorted(set(OPS) - EXACT)
    seeds = range(FIRST, FIRST + 3)
    samples = [OPS[kind].sample(np.random.default_rng(seed)) for kind in chosen for seed in seeds]
    graph, inputs = side_by_side(samples)

    def run(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return run_on_device(graph, inputs, tmp_path)

    tolerance = {"tolerance": 0.0} if kinds == "exact" else {}
    assert_is_reference(graph, inputs, run=run, **tolerance)


def test_random_networks_of_integers(tmp_path: Path) -> None:
    count = 20 * min(TIMES, 5)
    graph, inputs = merged(integer_network(seed) for seed in range(FIRST, FIRST + count))
    assert_same(graph, inputs, tmp_path)


def test_banks_of_bytes(tmp_path: Path) -> None:
    graph, inputs = merged(integers(seed, 90) for seed in range(FIRST, FIRST + 10))
    assert_same(graph, inputs, tmp_path)


def test_banks_of_halves(tmp_path: Path) -> None:
    made = [floats(seed, 90) for seed in range(FIRST, FIRST + 10)]
    graph, inputs = merged((graph, x) for graph, x, *_ in made)
    wanted = reference.run(graph, **inputs)
    for name, found in run_on_device(graph, inputs, tmp_path, half=True).items():
        assert np.abs(found - wanted[name]).max() < 2e-2, f"seeds from {FIRST}"


def test_the_scene_network_in_integers(tmp_path: Path) -> None:
    graph = quantized(prepared(read("models:scene,trained=true").graph))
    graph = pipeline.run(graph, passes=pipeline.passes_for(graph))
    assert_same(graph, inputs_for(graph, FIRST), tmp_path)


def assert_same(graph: Graph, inputs: Mapping[str, Array], folder: Path) -> None:
    wanted = reference.run(graph, **inputs)
    for name, found in run_on_device(graph, inputs, folder).items():
        np.testing.assert_array_equal(found, wanted[name], f"seeds from {FIRST}")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("precision", ["float", "half", "int8"])
def test_a_sanitizer_finds_nothing(tool: str, precision: str, tmp_path: Path) -> None:
    """In the example of a small scene network, as CMake builds it for a user."""
    sanitizer = beside_nvcc("compute-sanitizer")
    if sanitizer is None:
        pytest.skip("there is no compute-sanitizer")
    graph = read("models:scene,seed=3,scales=2,height=64,width=96").graph
    graph = quantized(prepared(graph)) if precision == "int8" else graph
    graph = pipeline.run(graph, passes=pipeline.passes_for(graph))
    folder = compiled(graph, tmp_path / "net", precision == "half", architecture())
    [array] = inputs_for(graph, FIRST).values()
    array.tofile(folder / "input.bin")
    commands = [
        ["cmake", "-B", "build", f"-DCMAKE_CUDA_COMPILER={nvcc.find_nvcc()}"],
        ["cmake", "--build", "build"],
        [
            *(sanitizer, "--tool", tool, *TOOLS[tool], "--error-exitcode", "9"),
            *("build/example", "weights.bin", "input.bin", "-o", "output.bin"),
        ],
    ]
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
