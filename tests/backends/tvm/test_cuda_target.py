"""The target `cuda` as a user meets it: its folder, its errors, what nvcc makes of its source."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sightline
from sightline.backends.tvm.cuda import TARGET, Cuda
from sightline.backends.tvm.cuda_options import CudaOptions
from sightline.backends.tvm.gpu import nvcc
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.types import TensorType
from sightline.passes import pipeline
from sightline.source import read
from tests.conftest import Golden
from tests.support.command_line import succeeds
from tests.support.cuda_models import compiled
from tests.support.examples import TIMES
from tests.support.quantized import prepared, quantized
from tests.support.small_networks import labeler

FILES = {
    *("model.cu", "model.h", "weights.bin", "plan.json"),
    *("CMakeLists.txt", "example.c", "model.py", "README.md"),
}
NETWORKS = {
    "lenet5": ("models:lenet5,seed=3", ""),
    "scene": ("models:scene,seed=3", ""),
    "scene_half": ("models:scene,seed=3", "half"),
    "scene_int8": ("models:scene,seed=3", "int8"),
}
BY_NIGHT = ("scene", "scene_int8")
"""Those that nvcc takes long for; the others have kernels of each kind."""

TARGET_THAT_MEASURES = Cuda(CudaOptions(tune=2))

needs_nvcc = pytest.mark.skipif(
    shutil.which("nvcc") is None, reason="there is no nvcc: what it makes of the source is unknown"
)


def test_the_folder_stands_alone(tmp_path: Path) -> None:
    artifact = sightline.compile(labeler(), ["cuda"], arch="sm_80")
    artifact.save(tmp_path / "net")
    folder = tmp_path / "net" / "cuda"
    assert {path.name for path in folder.iterdir()} == FILES
    plan = json.loads((folder / "plan.json").read_text())
    assert plan["arch"] == "sm_80"
    assert plan["inputs"] == [{"name": "image", "shape": [1, 3, 4, 6], "dtype": "float32"}]
    assert "set(CMAKE_CUDA_ARCHITECTURES 80)" in (folder / "CMakeLists.txt").read_text()
    assert "- `image`: float32 [1, 3, 4, 6]" in (folder / "README.md").read_text()
    for name in FILES - {"weights.bin"}:
        assert "@" not in (folder / name).read_text() or name == "model.cu"
        assert "tvm" not in (folder / name).read_text().lower() or name == "model.cu"


def test_the_same_model_gives_the_same_files(tmp_path: Path) -> None:
    first, second = (compiled(labeler().graph, tmp_path / name) for name in "ab")
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_an_nvcc_that_is_named_and_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVCC", "/no/nvcc")
    with pytest.raises(UserError, match="found none: NVCC is '/no/nvcc', which is no program"):
        nvcc.find_nvcc()


def test_more_numbers_than_addresses_are_refused(tmp_path: Path) -> None:
    net = GraphBuilder("net")
    net.output(net.add(LocalNorm(), net.input("x", TensorType((1, 1, 40000, 40000)))))
    with pytest.raises(UserError, match="between its kernels lie 3201120000 numbers"):
        compiled(net.finish(), tmp_path)


def test_unknown_architectures_are_refused_before_any_work() -> None:
    with pytest.raises(UserError, match=r"no architecture 'sm_1'.*Choose from sm_75"):
        sightline.compile(labeler(), ["cuda"], arch="sm_1")
    with pytest.raises(UserError, match="options of the target cuda are given"):
        sightline.compile(labeler(), ["reference"], arch="sm_90")
    with pytest.raises(UserError, match="options of the target cuda are given"):
        sightline.compile(labeler(), ["reference"], half=True)
    with pytest.raises(UserError, match="need tensor cores that sm_75 does not have"):
        sightline.compile(labeler(), ["cuda"], arch="sm_75", half=True)


def test_half_that_changes_nothing_is_told(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).random((2, 3, 4, 6), np.float32)
    sightline.compile(labeler(), "reference").save(tmp_path / "float")
    sightline.compile(sightline.quantize(labeler(), frames), "reference").save(tmp_path / "bytes")
    for name, told in (("float", False), ("bytes", True)):
        options = ("-t", "cuda", "--half", "-o", tmp_path / f"{name}-half")
        printed = succeeds("compile", tmp_path / name, *options)
        assert ("--half changes nothing: no filter bank multiplies floats\n" in printed) == told


def test_measuring_without_a_device_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", none)
    with pytest.raises(
        UserError, match=r"not installed\. Leave --tune out, or compile where the d"
    ):
        TARGET_THAT_MEASURES.check(labeler().graph)


def test_a_machine_without_a_device_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = labeler().graph
    folder = compiled(graph, tmp_path / "net")

    def none(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", none)
    with pytest.raises(UserError, match="there is no CUDA device on this machine: its driver"):
        TARGET.load(graph, folder)
    monkeypatch.setattr(nvcc, "check_device", lambda: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="needs nvcc to build its library, and found none"):
        TARGET.load(graph, folder)


def test_a_folder_of_another_graph_or_broken_is_refused(tmp_path: Path) -> None:
    folder = compiled(labeler().graph, tmp_path / "net")
    with pytest.raises(UserError, match="compiled from another graph"):
        TARGET.load(labeler(seed=1).graph, folder)
    plan = folder / "plan.json"
    plan.write_text(plan.read_text().replace('"schema": 1', '"schema": 9'))
    with pytest.raises(UserError, match="has form 9"):
        TARGET.load(labeler().graph, folder)
    plan.write_text("{")
    with pytest.raises(UserError, match=r"plan\.json is broken"):
        TARGET.load(labeler().graph, folder)
    plan.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        TARGET.load(labeler().graph, folder)


def resources(source: Path) -> str:
    """A line for each kernel: what ptxas says that it takes of a multiprocessor."""
    return "".join(
        f"{name:<28} registers {each.registers:>3}  shared {each.shared:>5}  "
        f"spilled {each.spilled}\n"
        for name, each in sorted(nvcc.resources(source, "sm_90").items())
    )


@needs_nvcc
@pytest.mark.parametrize("name", [each for each in NETWORKS if TIMES > 1 or each not in BY_NIGHT])
def test_what_kernels_take_of_a_device(name: str, golden: Golden, tmp_path: Path) -> None:
    source, precision = NETWORKS[name]
    graph = read(source).graph
    if precision == "int8":
        graph = quantized(prepared(graph))
    graph = pipeline.run(graph, passes=pipeline.passes_for(graph))
    folder = compiled(graph, tmp_path, half=precision == "half")
    launches = json.loads((folder / "plan.json").read_text())["launches"]
    table = f"{len(launches)} launches\n" + resources(folder / "model.cu")
    assert not re.search(r"spilled [1-9]", table)
    version = subprocess.run([nvcc.find_nvcc(), "--version"], capture_output=True, text=True)
    if "release 13.0" not in version.stdout:
        pytest.skip("the golden is of nvcc 13.0; no kernel spills with this one either")
    golden(table)


@needs_nvcc
@pytest.mark.skipif(shutil.which("cmake") is None, reason="there is no cmake")
def test_cmake_builds_the_library_and_the_example(tmp_path: Path) -> None:
    folder = compiled(labeler().graph, tmp_path / "net")
    for command in (["cmake", "-B", "build"], ["cmake", "--build", "build"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["build/example", "none.bin"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(("there is no CUDA device", "the file 'none.bin'"))


def test_the_target_takes_an_architecture() -> None:
    assert Cuda(CudaOptions("sm_120")).options.number == 120
    assert Cuda().options == CudaOptions("sm_90", half=False)
