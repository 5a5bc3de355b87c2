"""The library of a compiled folder, through its C functions: results, refusals, faults."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.tvm.gpu.folder.model import Model, ModelError
from sightline.frontend.model import Model as Read
from sightline.ir.graph import Graph
from sightline.passes import pipeline
from sightline.sim.cuda import emulator
from sightline.source import read
from tests.support.cuda_models import compiled, emulated
from tests.support.quantized import prepared, quantized
from tests.support.random_graphs import inputs_for
from tests.support.small_networks import two_ends

LENET = "models:lenet5,seed=3"


def optimized(model: Read) -> Graph:
    return pipeline.run(model.graph, passes=pipeline.passes_for(model.graph))


def integers() -> Graph:
    graph = quantized(prepared(read(LENET).graph))
    return pipeline.run(graph, passes=pipeline.passes_for(graph))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two inputs and three outputs."""
    return compiled(optimized(two_ends()), tmp_path_factory.mktemp("api") / "net")


@pytest.fixture(scope="module")
def library(folder: Path) -> Path:
    return emulator.build(folder / "model.cu", folder / "emulated", checked=True)


@pytest.fixture
def model(folder: Path, library: Path) -> Iterator[Model]:
    loaded = Model(folder, library=library)
    emulator.forget(loaded.library)
    yield loaded
    emulator.forget(loaded.library)
    loaded.close()
    assert emulator.left(loaded.library) == []


def ones() -> dict[str, np.ndarray]:
    return {name: np.full((1, 2, 3, 4), value, np.float32) for name, value in (("a", 1), ("b", 2))}


def test_many_libraries_fit_into_one_process(folder: Path, library: Path, tmp_path: Path) -> None:
    """Linux gives a process 65530 mappings; stacks and their guards took 2048 for each library."""
    copy = shutil.copy(library, tmp_path)
    before = len(Path("/proc/self/maps").read_text().splitlines())
    with Model(folder, library=copy) as model:
        model.run(**ones())
    assert len(Path("/proc/self/maps").read_text().splitlines()) - before < 50


def test_lenet5_in_float() -> None:
    graph = optimized(read(LENET))
    inputs = inputs_for(graph, 1)
    with emulated(graph) as model:
        found = model.run(**inputs)
    for name, wanted in reference.run(graph, **inputs).items():
        np.testing.assert_allclose(found[name], wanted, atol=1e-6)


def test_lenet5_in_integers_through_python_and_the_example_in_c(tmp_path: Path) -> None:
    graph = integers()
    inputs = inputs_for(graph, 1)
    wanted = reference.run(graph, **inputs)
    place = compiled(graph, tmp_path / "lenet")
    library = emulator.build(place / "model.cu", place / "emulated", checked=False)
    with Model(place, library=library) as model:
        for name, array in model.run(**inputs).items():
            np.testing.assert_array_equal(array, wanted[name])
    program = place / "example"
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", str(place / "example.c")]
    subprocess.run([*command, str(library), "-o", str(program)], check=True)
    [array], [result] = inputs.values(), wanted.values()
    array.tofile(place / "input.bin")
    files = ["weights.bin", "input.bin", "-o", "output.bin"]
    done = subprocess.run([program, *files], cwd=place, capture_output=True, text=True, check=True)
    assert f"{result.nbytes} bytes" in done.stdout
    np.testing.assert_array_equal(
        np.fromfile(place / "output.bin", result.dtype).reshape(result.shape), result
    )
    done = subprocess.run([program, "none.bin"], cwd=place, capture_output=True, text=True)
    assert done.returncode == 1
    assert "'none.bin' cannot be read" in done.stderr


def test_several_inputs_and_outputs_and_runs(model: Model) -> None:
    for _ in range(2):
        found = model.run(**ones())
        assert list(found) == ["sum", "labels", "mean"]
        np.testing.assert_array_equal(found["sum"], np.full((1, 2, 3, 4), 3, np.float32))
        np.testing.assert_array_equal(found["mean"], np.full((1, 2, 1, 1), 3, np.float32))


def test_every_launch_is_timed_and_named(model: Model) -> None:
    times = model.profile(**ones())
    assert all(milliseconds >= 0 for _, milliseconds in times)
    assert times[0][0].startswith("add")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"a": np.zeros((1, 2, 3, 4), np.float32)}, "takes a, b"),
        (ones() | {"a": np.zeros((1, 2, 3, 4))}, "the input 'a' is float32 .* float64"),
        (ones() | {"b": np.zeros((1, 2, 4, 3), np.float32)}, r"'b' is .* \[1, 2, 4, 3\]"),
    ],
)
def test_wrong_arrays_are_refused_in_python(
    model: Model, given: dict[str, np.ndarray], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        model.run(**given)


class Described(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


def described(listed: list[tuple[int, int]]) -> ctypes.Array[Described]:
    return (Described * len(listed))(*(Described(*each) for each in listed))


def test_wrong_arguments_are_refused_in_c(model: Model) -> None:
    memory = np.zeros(96, np.uint8).ctypes.data
    good = [(memory, 96)] * 2
    out = [(memory, model.library.model_output_bytes(number)) for number in range(3)]

    def told(inputs: list[tuple[int, int]] | None, outputs: list[tuple[int, int]] | None) -> str:
        arrays = [each and described(each) for each in (inputs, outputs)]
        counts = [2 if inputs is None else len(inputs), 3 if outputs is None else len(outputs)]
        arguments = (arrays[0], counts[0], arrays[1], counts[1], None)
        assert model.library.model_run(model.handle, *arguments) == 1
        return str(model.library.model_error().decode())

    assert told(good[:1], out) == "the model takes 2 inputs, and was given 1"
    assert told(good, out[:1]) == "the model has 3 outputs, and was given room for 1"
    assert told(None, out) == "the inputs or the outputs are NULL"
    assert told([(memory, 96), (0, 96)], out) == "the input 'b' is NULL"
    assert told([(memory, 95), good[0]], out) == "the input 'a' has 96 bytes, and was given 95"
    short = [*out[:2], (memory, 7)]
    assert told(good, short) == "the output 'mean' has 8 bytes, and was given room for 7"
    assert model.library.model_run(None, None, 0, None, 0, None) == 1
    assert model.library.model_error() == b"the model is NULL"
    assert model.library.model_create(0, None, ctypes.byref(ctypes.c_void_p())) == 1
    assert model.library.model_create(0, b"weights.bin", None) == 1
    assert model.library.model_profile(model.handle, None, 0, None, 0, None, 0) == 1
    assert model.library.model_launch_name(-1) is None
    assert model.library.model_destroy(None) == 0


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-1], "has not as many bytes"),
        (lambda data: data + b"0", "has not as many bytes"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "its checksum is wrong"),
        (lambda data: data[:8] + bytes(8) + data[16:], "weights of another model"),
        (lambda data: b"PK" + data[2:], "holds no weights"),
        (lambda data: data[:5], "holds no weights"),
    ],
)
def test_damaged_weights_are_refused(
    folder: Path, library: Path, damage: object, told: str, tmp_path: Path
) -> None:
    place = tmp_path / "net"
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("emulated"))
    file = place / "weights.bin"
    assert callable(damage)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelError, match=told):
        Model(place, library=library)


def test_what_is_not_there_is_told(
    folder: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="there is no CUDA device 7, and 1 in all, numbered"):
        Model(folder, device=7, library=library)
    with pytest.raises(ModelError, match=r"the library .* cannot be loaded"):
        Model(folder, library=tmp_path / "none.so")
    monkeypatch.setenv("SIGHTLINE_CUDA_NO_CODE", "1")
    older = "no code for the device 0, which is sm_90: build it with 90 among MODEL_ARCHITECTURES"
    with pytest.raises(ModelError, match=older):
        Model(folder, library=library)
    loaded = ctypes.CDLL(str(library))
    monkeypatch.setenv("SIGHTLINE_CUDA_FAIL_CALL", f"{emulator.calls(loaded) + 1}:35")
    with pytest.raises(ModelError, match="its driver is older than the CUDA runtime"):
        Model(folder, library=library)
    monkeypatch.setenv("SIGHTLINE_CUDA_NO_DEVICE", "1")
    with pytest.raises(ModelError, match="there is no CUDA device"):
        Model(folder, library=library)


class Device:
    """Arrays in memory of the device, and a stream of the caller's, by the library's own calls."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.stream = ctypes.c_void_p()
        self.check(library.cudaStreamCreate(ctypes.byref(self.stream)))
        self.held: list[ctypes.c_void_p] = []

    def check(self, status: int) -> None:
        assert status == 0

    def room(self, size: int) -> ctypes.c_void_p:
        place = ctypes.c_void_p()
        self.check(self.library.cudaMalloc(ctypes.byref(place), ctypes.c_size_t(size)))
        self.held.append(place)
        return place

    def holding(self, array: np.ndarray) -> ctypes.c_void_p:
        place = self.room(array.nbytes)
        self.copy(place, ctypes.c_void_p(array.ctypes.data), array.nbytes)
        return place

    def copy(self, to: ctypes.c_void_p, source: ctypes.c_void_p, size: int) -> None:
        self.check(self.library.cudaMemcpy(to, source, ctypes.c_size_t(size), 4))

    def array(self, place: ctypes.c_void_p, like: np.ndarray) -> np.ndarray:
        found = np.empty_like(like)
        self.copy(ctypes.c_void_p(found.ctypes.data), place, found.nbytes)
        return found

    def close(self) -> None:
        for place in self.held:
            self.check(self.library.cudaFree(place))
        self.check(self.library.cudaStreamDestroy(self.stream))


def at(places: list[ctypes.c_void_p], sizes: list[int]) -> ctypes.Array[Described]:
    return described([(place.value or 0, size) for place, size in zip(places, sizes, strict=True)])


def test_arrays_of_the_device_and_a_stream_of_the_callers(model: Model) -> None:
    device, wanted = Device(model.library), model.run(**ones())
    sizes = [array.nbytes for array in wanted.values()]
    given = [device.holding(array) for array in ones().values()]
    room = [device.room(size) for size in sizes]
    arguments = (at(given, [96, 96]), 2, at(room, sizes), 3)
    for _ in range(2):
        assert model.library.model_run(model.handle, *arguments, device.stream) == 0
    assert model.library.cudaStreamSynchronize(device.stream) == 0
    for place, array in zip(room, wanted.values(), strict=True):
        np.testing.assert_array_equal(device.array(place, array), array)
    device.close()


def test_threads_with_models_of_their_own_and_with_one(
    folder: Path, library: Path, model: Model
) -> None:
    inputs = [{name: array + k for name, array in ones().items()} for k in range(4)]
    with Model(folder, library=library) as other:
        wanted = [model.run(**each) for each in inputs]

        def many(number: int) -> bool:
            runner = (model, other)[number % 2]
            found = [runner.run(**inputs[number % 4]) for _ in range(5)]
            return all(
                (each[name] == array).all()
                for each in found
                for name, array in wanted[number % 4].items()
            )

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(many, range(12)))


def test_a_model_that_is_gone_is_told(folder: Path, library: Path) -> None:
    model = Model(folder, library=library)
    handle = ctypes.c_void_p(model.handle.value)
    model.close()
    assert model.library.model_run(handle, None, 0, None, 0, None) == 1
    assert b"there is no such model: it was destroyed" in model.library.model_error()
    assert model.library.model_destroy(handle) == 1
    assert model.library.model_profile(handle, None, 0, None, 0, None, 0) == 1


def test_a_model_that_is_destroyed_while_others_run_it(folder: Path, library: Path) -> None:
    """A run ends rightly, or tells that the model is gone: none meets memory given back."""
    with Model(folder, library=library) as first:
        loaded, wanted = first.library, first.run(**ones())
    for _ in range(20):
        model = Model(folder, library=library)
        given = [model._arguments(ones()) for _ in range(3)]
        handle, model.handle = model.handle, ctypes.c_void_p()

        def run(number: int, handle: ctypes.c_void_p = handle, given: list[Any] = given) -> bytes:
            _, found, arguments = given[number]
            while not loaded.model_run(handle, *arguments, None):
                assert all((found[name] == array).all() for name, array in wanted.items())
            return bytes(loaded.model_error())

        with ThreadPoolExecutor(3) as pool:
            ends = [pool.submit(run, number) for number in range(3)]
            assert loaded.model_destroy(handle) == 0
            assert all(b"there is no such model" in end.result() for end in ends)


def test_a_stream_that_captures_is_refused(model: Model) -> None:
    device = Device(model.library)
    wanted = model.run(**ones())
    _given, _, arguments = model._arguments(ones())
    for _ in range(2):
        assert model.library.cudaStreamBeginCapture(device.stream, 1) == 0
        assert model.library.model_run(model.handle, *arguments, device.stream) == 1
        assert b"the stream captures a graph" in model.library.model_error()
        graph = ctypes.c_void_p()
        assert model.library.cudaStreamEndCapture(device.stream, ctypes.byref(graph)) == 0
        assert model.library.cudaGraphDestroy(graph) == 0
    for name, array in model.run(**ones()).items():
        np.testing.assert_array_equal(array, wanted[name])
    device.close()


def test_an_array_that_is_not_there_is_told_by_name(model: Model) -> None:
    device = Device(model.library)
    given = [device.holding(array) for array in ones().values()]
    sizes = [model.library.model_output_bytes(number) for number in range(3)]
    room = [*(device.room(size) for size in sizes[:2]), device.room(sizes[2])]
    assert model.library.cudaFree(device.held.pop()) == 0
    arguments = (at(given, [96, 96]), 2, at(room, sizes), 3)
    assert model.library.model_run(model.handle, *arguments, device.stream) == 1
    assert b"the copy of the output 'mean': " in model.library.model_error()
    emulator.forget(model.library)
    assert model.run(**ones())["sum"][0, 0, 0, 0] == 3
    device.close()


# The last test: what a device does not take back stays.
def test_the_failure_of_every_call_is_told_and_nothing_is_left(
    folder: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = ctypes.CDLL(str(library))

    def once() -> None:
        with Model(folder, library=library) as model:
            model.run(**ones())
            model.profile(**ones())

    emulator.forget(loaded)
    once()
    calls = emulator.calls(loaded)
    assert calls > 40
    for number in range(1, calls + 1):
        emulator.forget(loaded)
        before = things_left(loaded)
        monkeypatch.setenv("SIGHTLINE_CUDA_FAIL_CALL", str(number))
        with pytest.raises(ModelError, match="cudaErrorUnknown") as caught:
            once()
        monkeypatch.delenv("SIGHTLINE_CUDA_FAIL_CALL")
        # The one thing that the device would not take back is left; all else is given back.
        is_returning = "giving back" in str(caught.value)
        assert things_left(loaded) - before <= is_returning


def things_left(loaded: ctypes.CDLL) -> int:
    return sum(int(line.split()[0].replace(",", "")) for line in emulator.left(loaded))
