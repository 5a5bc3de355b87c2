"""The folder of the target `cuda`, used without Sightline: example, Python, CMake, words."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sightline
from sightline.backends.tvm.gpu.folder.model import Model, ModelError
from sightline.backends.tvm.gpu.readme import PLANES
from sightline.frontend.model import Model as Read
from sightline.frontend.model import Picture
from sightline.ir.build import GraphBuilder
from sightline.ir.ops.pointwise import Relu
from sightline.ir.types import TensorType
from sightline.picture import to_array
from sightline.sim.cuda import emulator
from tests.support.cuda_models import compiled
from tests.support.small_networks import labeler, two_ends

needs_nvcc_and_cmake = pytest.mark.skipif(
    shutil.which("nvcc") is None or shutil.which("cmake") is None,
    reason="there is no nvcc or no cmake: what they make of CMakeLists.txt is unknown",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of one input and one output, with its library and its example."""
    place = compiled(labeler().graph, tmp_path_factory.mktemp("folder") / "net")
    library = emulator.build(place / "model.cu", place / "emulated", checked=False)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", str(place / "example.c")]
    subprocess.run([*command, str(library), "-o", str(place / "example")], check=True)
    return place


def library(folder: Path) -> Path:
    return next((folder / "emulated").glob("*.so"))


def words(model: Read, folder: Path, half: bool = False) -> tuple[str, dict[str, object]]:
    """The README and the plan."""
    sightline.compile(model, "cuda", half=half).save(folder)
    return (folder / "cuda/README.md").read_text(), json.loads(
        (folder / "cuda/plan.json").read_text()
    )


def test_the_folder_says_what_its_numbers_are(tmp_path: Path) -> None:
    picture = Picture("yuv", 255.0, (127.5, 0.0, 0.25), (64.0,))
    readme, plan = words(Read(labeler().graph, picture, ("sky", "tree")), tmp_path / "net")
    assert (
        "Of a picture, an input is the planes Y = 0.299 R + 0.587 G + 0.114 B, "
        "U = 0.436 / 0.886 (B - Y), V = 0.615 / 0.701 (R - Y), where black is 0 and white is 255; "
        "of each plane, (plane - [127.5, 0, 0.25]) / 64." in readme
    )
    assert "The classes by their number: 0 sky, 1 tree." in readme
    assert "run(image=array)" in readme
    assert "Floats have 32 bits throughout." in readme
    told = {"colors": "yuv", "range": 255.0, "mean": [127.5, 0.0, 0.25], "deviation": [64.0]}
    assert plan["picture"] == told
    assert plan["classes"] == ["sky", "tree"]


def test_the_planes_are_those_that_pictures_become() -> None:
    """What the README tells in words is what sightline computes."""
    words = re.sub(r"([0-9)]) ([RGB(])", r"\1 * \2", PLANES["yuv"].removeprefix("the planes "))
    names: dict[str, float] = {"R": 0.7, "G": 0.2, "B": 0.4}
    for plane in words.split(", "):
        name, formula = plane.split(" = ")
        names[name] = eval(formula, names)
    found = to_array(np.array([0.7, 0.2, 0.4]).reshape(3, 1, 1), Picture("yuv"))
    np.testing.assert_allclose(found.ravel(), [names[name] for name in "YUV"], atol=1e-6)


def test_planes_that_stay_as_they_are(tmp_path: Path) -> None:
    readme, _ = words(labeler(), tmp_path / "net")
    told = "Of a picture, an input is the planes R, G, B, where black is 0 and white is 1.\n"
    assert told in readme


def test_the_folder_says_no_more_than_is_known(tmp_path: Path) -> None:
    readme, plan = words(two_ends(), tmp_path / "net", half=True)
    assert "picture" not in readme
    assert "classes" not in readme
    assert "run(a=array, b=array)" in readme
    assert "to 16 bits" in readme
    assert (plan["picture"], plan["classes"]) == (None, [])


def test_the_readme_spells_names_that_python_does_not_take(tmp_path: Path) -> None:
    builder = GraphBuilder("dots")
    builder.output(builder.add(Relu(), builder.input("in.0", TensorType((1, 2, 3, 4)))), "out")
    readme, _ = words(Read(builder.finish()), tmp_path / "net")
    assert "run(**{'in.0': array})" in readme


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["in.bin", "in2.bin"], "the model takes 1 input, and was given 2; outputs are named behi"),
        (["in.bin", "-o", "a.bin", "b.bin"], "the model has 1 output, and 2 are named"),
    ],
)
def test_the_example_writes_over_no_input(
    folder: Path, arguments: list[str], told: str, tmp_path: Path
) -> None:
    for name in ("in.bin", "in2.bin"):
        np.ones((1, 3, 4, 6), np.float32).tofile(tmp_path / name)
    command = [str(folder / "example"), str(folder / "weights.bin"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(told)
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bin", "in2.bin"]
    assert (np.fromfile(tmp_path / "in2.bin", np.float32) == 1).all()


@pytest.mark.parametrize("device", ["cuda:0", 0.0, None, -1, 1 << 32])
def test_what_is_no_number_of_a_device(folder: Path, device: object) -> None:
    with pytest.raises(ModelError, match=r"^the device is a number from 0 on, and not "):
        Model(folder, device, library(folder))  # type: ignore[arg-type]


def test_what_is_no_model_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^there is no model in the folder .*: .*No such file"):
        Model(tmp_path, library=library(folder))
    for text in ("{", "[]", "{}"):
        (tmp_path / "plan.json").write_text(text)
        with pytest.raises(ModelError, match=r"plan\.json is broken"):
            Model(tmp_path, library=library(folder))
    shutil.copy(folder / "plan.json", tmp_path)
    with pytest.raises(ModelError, match=r"cannot be loaded: .*; README\.md says how it is built$"):
        Model(tmp_path)
    (tmp_path / "other.c").write_text("int other(void) { return 0; }")
    command = ["gcc", "-shared", "-fPIC", "other.c", "-o", "libother.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with pytest.raises(ModelError, match=r"libother\.so is not that of a model"):
        Model(tmp_path, library=tmp_path / "libother.so")


def configured(folder: Path, *options: str) -> str:
    """What CMake tells when it prepares a build, which it must be able to."""
    command = ["cmake", "-B", "build", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_nvcc_and_cmake
def test_the_usual_variables_of_cmake_are_minded(folder: Path, tmp_path: Path) -> None:
    place = shutil.copytree(folder, tmp_path / "net")
    assert "model: for the architectures 90\n" in configured(place)
    flags = (place / "build/CMakeFiles/model.dir/flags.make").read_text()
    assert "-O3" in flags
    assert "arch=compute_90" in flags
    told = configured(place, "-DCMAKE_CUDA_ARCHITECTURES=80", "-DCMAKE_BUILD_TYPE=Debug")
    assert "model: for the architectures 80\n" in told
    flags = (place / "build/CMakeFiles/model.dir/flags.make").read_text()
    assert "-O3" not in flags
    assert "arch=compute_80" in flags
    assert "for the architectures 80;90\n" in configured(place, "-DMODEL_ARCHITECTURES=80;90")


@needs_nvcc_and_cmake
@pytest.mark.parametrize("languages", ["CXX", "CXX CUDA"])
def test_two_networks_in_one_project(languages: str, folder: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        shutil.copytree(folder, tmp_path / name)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\n"
        f"project(ours LANGUAGES {languages})\n"
        "foreach(MODEL_NAME first second)\n"
        "  add_subdirectory(${MODEL_NAME})\n"
        "endforeach()\n"
    )
    told = configured(tmp_path)
    assert "first: for the architectures 90\n" in told
    assert "second: for the architectures 90\n" in told
    told = configured(tmp_path, "-DCMAKE_CUDA_ARCHITECTURES=80")
    assert "second: for the architectures 80\n" in told
    command = ["cmake", "--build", "build", "--target", "help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {"... first", "... second"} <= set(done.stdout.splitlines())
    assert "example" not in done.stdout
