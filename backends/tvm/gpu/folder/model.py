"""Runs the model of this folder from Python; it needs NumPy alone.

    from model import Model

    scores = Model(".").run(image=array)["scores"]

The library is build/libmodel.so, as CMakeLists.txt builds it, unless another is named.
"""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np

FUNCTIONS = ("create", "destroy", "run", "profile", "launches", "launch_name", "error")
"""Those of model.h that are called here, without their prefix."""


class ModelError(Exception):
    """What the library, or a check before it, tells."""


class _Array(ctypes.Structure):
    """model_input and model_output of model.h."""

    _fields_ = (("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


class Model:
    """A network on a device, until `close` or the end of a `with` block."""

    def __init__(
        self, folder: str | Path = ".", device: int = 0, library: str | Path | None = None
    ) -> None:
        self.handle = ctypes.c_void_p()
        place = Path(folder)
        if not isinstance(device, int) or not 0 <= device < 1 << 31:
            raise ModelError(f"the device is a number from 0 on, and not {device!r}")
        self.inputs, self.outputs = _ports(place / "plan.json")
        self.library = _library(Path(library) if library else place / "build" / "libmodel.so")
        self.library.model_error.restype = ctypes.c_char_p
        self.library.model_launch_name.restype = ctypes.c_char_p
        self.library.model_destroy.argtypes = [ctypes.c_void_p]
        weights = str(place / "weights.bin").encode()
        self._check(self.library.model_create(device, weights, ctypes.byref(self.handle)))

    def run(self, /, **inputs: Any) -> dict[str, Any]:
        """Outputs by name, of inputs by name."""
        # The arrays must live until C has read them.
        _given, results, arguments = self._arguments(inputs)
        self._check(self.library.model_run(self.handle, *arguments, None))
        return results

    def profile(self, /, **inputs: Any) -> list[tuple[str, float]]:
        """What each launch of one frame does, and how many milliseconds it took."""
        _given, _, arguments = self._arguments(inputs)
        count = self.library.model_launches()
        times = (ctypes.c_float * count)()
        self._check(self.library.model_profile(self.handle, *arguments, times, count))
        names = [self.library.model_launch_name(number).decode() for number in range(count)]
        return list(zip(names, times, strict=True))

    def close(self) -> None:
        """Give back all memory of the device."""
        handle, self.handle = self.handle, ctypes.c_void_p()
        if handle:
            self._check(self.library.model_destroy(handle))

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.library.model_destroy(self.handle)

    def _arguments(self, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any], tuple[Any, ...]]:
        """The inputs' arrays, the outputs' arrays, and both as C takes them."""
        if not self.handle:
            raise ModelError("the model is closed")
        names = [each["name"] for each in self.inputs]
        if set(inputs) != set(names):
            raise ModelError(f"the model takes {', '.join(names)}, but was given {list(inputs)}")
        given = [_checked(each, inputs[each["name"]]) for each in self.inputs]
        results = {each["name"]: np.empty(each["shape"], each["dtype"]) for each in self.outputs}
        into, out = _described(given), _described(list(results.values()))
        return given, results, (into, len(into), out, len(out))

    def _check(self, status: int) -> None:
        if status:
            raise ModelError(self.library.model_error().decode(errors="replace"))


def _ports(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What plan.json says of the inputs and of the outputs."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        return plan["inputs"], plan["outputs"]
    except OSError as error:
        raise ModelError(f"there is no model in the folder {path.parent}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is broken: {error!r}") from error


def _library(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path.resolve()))
    except OSError as error:
        raise ModelError(
            f"the library {path} cannot be loaded: {error}; README.md says how it is built"
        ) from error
    if not all(hasattr(library, f"model_{name}") for name in FUNCTIONS):
        raise ModelError(f"the library {path} is not that of a model: it lacks what model.h lists")
    return library


def _checked(wanted: dict[str, Any], given: Any) -> Any:
    array = np.asarray(given)
    if list(array.shape) != wanted["shape"] or array.dtype != np.dtype(wanted["dtype"]):
        raise ModelError(
            f"the input '{wanted['name']}' is {wanted['dtype']} {wanted['shape']}, but was given "
            f"{array.dtype} {list(array.shape)}"
        )
    return np.ascontiguousarray(array)


def _described(arrays: list[Any]) -> Any:
    return (_Array * len(arrays))(*(_Array(each.ctypes.data, each.nbytes) for each in arrays))
