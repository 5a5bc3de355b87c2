"""The runtime's calls in the emulator: limits, errors, memory, captures and graphs, faults."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from ctypes import byref, c_float, c_int, c_size_t, c_void_p
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.sim.cuda import emulator
from tests.support.emulated import SOURCES, address, folder, fresh

INVALID_VALUE, NO_MEMORY, INVALID_CONFIGURATION, NO_DEVICE, UNKNOWN = 1, 2, 9, 100, 999
BAD_HANDLE, CAPTURE_UNSUPPORTED, CAPTURE_INVALIDATED, CAPTURE_IMPLICIT = 400, 900, 901, 906
TO_DEVICE, FROM_DEVICE = 1, 2
OPTED_IN = 227 * 1024


@pytest.fixture(params=[False, True], ids=["fast", "checked"])
def library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    return fresh("features", request.param)


def allocated(library: ctypes.CDLL, array: NDArray[np.generic]) -> c_void_p:
    """Memory of the device that holds a copy of an array."""
    pointer = c_void_p()
    assert library.cudaMalloc(byref(pointer), c_size_t(array.nbytes)) == 0
    assert library.cudaMemcpy(pointer, address(array), c_size_t(array.nbytes), TO_DEVICE) == 0
    return pointer


def launched(
    library: ctypes.CDLL,
    given: c_void_p,
    out: c_void_p,
    grid: tuple[int, int, int] = (1, 1, 1),
    block: tuple[int, int, int] = (32, 1, 1),
    shared: int = 0,
    stream: c_void_p | None = None,
) -> int:
    sizes = [(ctypes.c_uint * 3)(*each) for each in (grid, block)]
    return int(library.launch_scaled(given, out, 3, *sizes, shared, stream))


@pytest.mark.parametrize(
    ("grid", "block", "error"),
    [
        ((1, 1, 1), (32, 1, 1), 0),
        ((1, 1, 1), (1025, 1, 1), INVALID_CONFIGURATION),
        ((1, 1, 1), (32, 33, 1), INVALID_CONFIGURATION),
        ((1, 1, 1), (1, 1, 65), INVALID_CONFIGURATION),
        ((1, 1, 1), (0, 1, 1), INVALID_CONFIGURATION),
        ((1, 65536, 1), (1, 1, 1), INVALID_CONFIGURATION),
        ((1, 1, 65536), (1, 1, 1), INVALID_CONFIGURATION),
        ((0, 1, 1), (32, 1, 1), INVALID_CONFIGURATION),
    ],
)
def test_a_launch_keeps_to_the_limits_of_a_device(
    library: ctypes.CDLL, grid: tuple[int, int, int], block: tuple[int, int, int], error: int
) -> None:
    pointer = allocated(library, np.ones(64, np.float32))
    assert launched(library, pointer, pointer, grid, block) == error
    assert library.last_error() == error
    assert library.last_error() == 0
    assert library.cudaFree(pointer) == 0


def test_shared_memory_beyond_48_kilobytes_is_asked_for(library: ctypes.CDLL) -> None:
    pointer = allocated(library, np.ones(64, np.float32))

    def with_shared(count: int) -> int:
        return launched(library, pointer, pointer, shared=count)

    assert library.allow_shared(0) == 0
    assert library.allow_shared(48 * 1024) == 0
    assert with_shared(48 * 1024) == 0
    assert with_shared(48 * 1024 + 1) == INVALID_VALUE
    assert library.allow_shared(OPTED_IN) == 0
    assert with_shared(OPTED_IN) == 0
    assert library.allow_shared(OPTED_IN + 1) == INVALID_VALUE
    assert with_shared(OPTED_IN + 1) == INVALID_VALUE
    assert library.cudaFree(pointer) == 0


def test_memory_is_poisoned_and_its_pointers_are_known(library: ctypes.CDLL) -> None:
    pointer, out = c_void_p(), np.zeros(5, np.float32)
    assert library.cudaMalloc(byref(pointer), c_size_t(20)) == 0
    assert library.cudaMemcpy(address(out), pointer, c_size_t(20), FROM_DEVICE) == 0
    assert np.isnan(out).all()
    assert np.isnan(out.view(np.float16)).all()
    assert library.cudaMemset(pointer, 1, c_size_t(20)) == 0
    assert library.cudaMemcpy(address(out), pointer, c_size_t(20), FROM_DEVICE) == 0
    assert (out.view(np.uint8) == 1).all()
    kind = (c_int * 6)()
    assert library.cudaPointerGetAttributes(byref(kind), pointer) == 0
    assert kind[0] == 2
    assert library.cudaPointerGetAttributes(byref(kind), address(out)) == 0
    assert kind[0] == 0
    beyond = c_size_t(21)
    assert library.cudaMemcpy(address(np.zeros(6)), pointer, beyond, FROM_DEVICE) == INVALID_VALUE
    assert library.cudaMemcpy(address(out), pointer, c_size_t(20), TO_DEVICE) == INVALID_VALUE
    assert library.cudaFree(pointer) == 0
    assert library.cudaFree(pointer) == INVALID_VALUE
    assert library.cudaMalloc(byref(pointer), c_size_t(1 << 40)) == NO_MEMORY
    assert not pointer


def test_a_graph_does_its_frames_when_it_is_launched(library: ctypes.CDLL) -> None:
    frames = np.random.default_rng(2).normal(0, 1, (4, 32)).astype(np.float32)
    results, milliseconds = np.zeros_like(frames), c_float(-1)
    before = emulator.left(library)
    assert library.run_graph(address(frames), address(results), 4, byref(milliseconds)) == 0
    np.testing.assert_array_equal(results, 3 * frames)
    assert milliseconds.value >= 0
    assert emulator.left(library) == before


def test_a_capture_refuses_what_would_happen_at_once(library: ctypes.CDLL) -> None:
    stream, pointer, graph = c_void_p(), c_void_p(), c_void_p()
    assert library.cudaStreamCreate(byref(stream)) == 0
    assert library.cudaStreamBeginCapture(None, 0) == CAPTURE_UNSUPPORTED
    assert library.cudaStreamBeginCapture(stream, 0) == 0
    assert library.cudaMalloc(byref(pointer), c_size_t(4)) == CAPTURE_UNSUPPORTED
    assert library.cudaStreamEndCapture(stream, byref(graph)) == CAPTURE_INVALIDATED
    assert library.cudaStreamBeginCapture(stream, 0) == 0
    assert library.cudaStreamSynchronize(stream) == CAPTURE_UNSUPPORTED
    assert library.cudaStreamEndCapture(stream, byref(graph)) == CAPTURE_INVALIDATED
    held = allocated(library, np.ones(32, np.float32))
    assert library.cudaStreamBeginCapture(stream, 0) == 0
    assert launched(library, held, held) == CAPTURE_IMPLICIT
    assert library.cudaStreamEndCapture(stream, byref(graph)) == CAPTURE_INVALIDATED
    assert library.cudaStreamEndCapture(stream, byref(graph)) == INVALID_VALUE
    assert library.cudaFree(held) == 0
    assert library.cudaStreamDestroy(stream) == 0
    assert library.cudaStreamDestroy(stream) == BAD_HANDLE
    assert library.cudaStreamSynchronize(stream) == BAD_HANDLE


def test_what_is_not_given_back_is_told(library: ctypes.CDLL) -> None:
    assert emulator.left(library) == []
    stream, event, pointer = c_void_p(), c_void_p(), c_void_p()
    assert library.cudaStreamCreate(byref(stream)) == 0
    assert library.cudaEventCreateWithFlags(byref(event), 0) == 0
    assert library.cudaMalloc(byref(pointer), c_size_t(12)) == 0
    memory, streams, events = emulator.left(library)
    assert memory.startswith("1 allocations not given back: allocation ")
    assert memory.endswith(" of 12 bytes")
    assert (streams, events) == ("1 streams not given back", "1 events not given back")
    assert library.cudaStreamDestroy(stream) == 0
    assert library.cudaEventDestroy(event) == 0
    assert library.cudaFree(pointer) == 0
    assert emulator.left(library) == []


def test_errors_have_cudas_names(library: ctypes.CDLL) -> None:
    library.cudaGetErrorName.restype = ctypes.c_char_p
    library.cudaGetErrorString.restype = ctypes.c_char_p
    assert library.cudaGetErrorName(719) == b"cudaErrorLaunchFailure"
    assert library.cudaGetErrorString(2) == b"out of memory"
    assert library.cudaGetErrorName(12345) == b"cudaErrorUnrecognized"


def graph_error(library: ctypes.CDLL) -> int:
    frames, milliseconds = np.ones((1, 32), np.float32), c_float()
    return int(library.run_graph(address(frames), address(frames.copy()), 1, byref(milliseconds)))


def test_any_call_can_be_made_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A library of its own, for every failure leaves something behind.
    source = tmp_path / "features.cu"
    source.write_text((SOURCES / "features.cu").read_text())
    library = ctypes.CDLL(str(emulator.build(source, tmp_path, checked=False)))
    assert graph_error(library) == 0
    calls = emulator.calls(library)
    assert calls == 26
    for number in range(1, calls + 2):
        emulator.forget(library)
        monkeypatch.setenv("SIGHTLINE_CUDA_FAIL_CALL", f"{number}:2")
        assert graph_error(library) == (0 if number > calls else NO_MEMORY), number
    emulator.forget(library)
    monkeypatch.setenv("SIGHTLINE_CUDA_FAIL_CALL", "1")
    assert graph_error(library) == UNKNOWN


def test_a_device_can_be_missing() -> None:
    library = emulator.build(SOURCES / "features.cu", folder(), checked=False)
    text = f"""
import ctypes
library = ctypes.CDLL({str(library)!r})
count, pointer = ctypes.c_int(7), ctypes.c_void_p()
print(library.cudaGetDeviceCount(ctypes.byref(count)), count.value)
print(library.cudaMalloc(ctypes.byref(pointer), ctypes.c_size_t(4)))
"""
    for variables, told in (({}, "0 1\n0\n"), ({"SIGHTLINE_CUDA_NO_DEVICE": "1"}, "100 0\n100\n")):
        done = subprocess.run(
            [sys.executable, "-c", text], env=variables, capture_output=True, text=True, check=True
        )
        assert done.stdout == told
