"""A CUDA device from Python, by the functions of its runtime library: memory, streams, events."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sightline.backends.tvm.gpu.folder.model import Model, ModelError
from sightline.ir.errors import UserError
from sightline.ir.types import Array

RUNTIMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12")
FOLDERS = ("lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib")
"""Where a toolkit has them."""

COPY_WHEREVER = 4
"""cudaMemcpyDefault: the pointers say what they are of."""


def find_runtime(nvcc: str) -> ctypes.CDLL:
    """The toolkit's library: where the loader finds it, beside nvcc, or where CUDA_HOME says."""
    toolkits = [Path(nvcc).resolve().parent.parent, Path(nvcc).parent.parent]
    if home := os.environ.get("CUDA_HOME"):
        toolkits.append(Path(home))
    places = [toolkit / folder for toolkit in toolkits for folder in FOLDERS]
    for name in (*RUNTIMES, *(str(place / each) for place in places for each in RUNTIMES)):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise UserError(
        "the runtime library of CUDA, libcudart.so, is not found",
        fix=f"Add its folder, as {places[0]}, to LD_LIBRARY_PATH.",
    )


class Device:
    """The first device, with a stream of its own. `library` has the functions of the runtime."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.cudaGetErrorString.restype = ctypes.c_char_p
        library.cudaFree.argtypes = [ctypes.c_void_p]
        self.stream = self._made("cudaStreamCreate")
        self._events = [
            self._made("cudaEventCreateWithFlags", ctypes.c_size_t(0)) for _ in range(2)
        ]
        self._memory: list[ctypes.c_void_p] = []

    def holding(self, array: Array) -> ctypes.c_void_p:
        """A copy of an array in the device's memory."""
        place = self._made("cudaMalloc", ctypes.c_size_t(array.nbytes))
        self._memory.append(place)
        self._copy(place, ctypes.c_void_p(array.ctypes.data), array.nbytes)
        return place

    def array(self, place: ctypes.c_void_p, like: Array) -> Array:
        """What lies at a place, as an array of this shape and type."""
        found = np.empty_like(like)
        self._copy(ctypes.c_void_p(found.ctypes.data), place, found.nbytes)
        return found

    def wait(self) -> None:
        self._call("cudaStreamSynchronize", self.stream)

    def milliseconds(self, enqueue: Callable[[], None]) -> float:
        """How long the device takes for what is enqueued on the stream."""
        before, after = self._events
        self._call("cudaEventRecord", before, self.stream)
        enqueue()
        self._call("cudaEventRecord", after, self.stream)
        self._call("cudaEventSynchronize", after)
        taken = ctypes.c_float()
        self._call("cudaEventElapsedTime", ctypes.byref(taken), before, after)
        return taken.value

    def close(self) -> None:
        for place in self._memory:
            self._call("cudaFree", place)
        for event in self._events:
            self._call("cudaEventDestroy", event)
        self._call("cudaStreamDestroy", self.stream)

    def _copy(self, to: ctypes.c_void_p, source: ctypes.c_void_p, size: int) -> None:
        self._call("cudaMemcpy", to, source, ctypes.c_size_t(size), COPY_WHEREVER)

    def _made(self, function: str, *how: ctypes.c_size_t) -> ctypes.c_void_p:
        made = ctypes.c_void_p()
        self._call(function, ctypes.byref(made), *how)
        return made

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            told = self._library.cudaGetErrorString(status).decode()
            raise UserError(f"the CUDA device failed: {function}: {told}")


class Resident:
    """A model whose frames take their inputs from the device's memory, and leave outputs there."""

    def __init__(self, device: Device, model: Model, inputs: Sequence[Array]) -> None:
        self._device, self._model = device, model
        self._outputs = [np.zeros(each["shape"], each["dtype"]) for each in model.outputs]
        self._given = [device.holding(array) for array in inputs]
        # What is no number shows what was not written.
        self._room = [device.holding(_poisoned(array)) for array in self._outputs]
        self._arguments = (
            *_described(self._given, inputs),
            *_described(self._room, self._outputs),
        )

    def enqueue(self) -> None:
        library, handle = self._model.library, self._model.handle
        if library.model_run(handle, *self._arguments, self._device.stream):
            raise ModelError(library.model_error().decode(errors="replace"))

    def outputs(self) -> list[Array]:
        """Of the last frame."""
        self._device.wait()
        pairs = zip(self._room, self._outputs, strict=True)
        return [self._device.array(place, like) for place, like in pairs]


class _Described(ctypes.Structure):
    """model_input and model_output of model.h."""

    _fields_ = (("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


def _described(places: Sequence[ctypes.c_void_p], arrays: Sequence[Array]) -> tuple[object, int]:
    pairs = zip(places, arrays, strict=True)
    listed = [_Described(place, array.nbytes) for place, array in pairs]
    return (_Described * len(listed))(*listed), len(listed)


def _poisoned(array: Array) -> Array:
    """The same, with every byte set: NaN in floats, -1 in integers."""
    return np.full(array.nbytes, 0xFF, np.uint8).view(array.dtype).reshape(array.shape)


def told_by_the_driver() -> dict[str, str]:
    """The first device's name, driver, clocks and so on, as nvidia-smi tells them."""
    clocks = ("clocks.max.sm", "clocks.sm", "clocks.mem")
    fields = ("name", "driver_version", "compute_cap", *clocks, "power.limit")
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader", "-i", "0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return {}
    told = done.stdout.strip().split(", ")
    return dict(zip(fields, told, strict=True)) if len(told) == len(fields) else {}
