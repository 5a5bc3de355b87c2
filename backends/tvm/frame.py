"""A frame as the library runs it: calls of kernels on arrays, laid out as in C, all at once.

frame ─→ Call ─→ arguments ─→ Tensor ─→ the array's memory
         Call …               shape, strides
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

from sightline.backends.tvm.library import Library
from sightline.ir.types import Array

CPU = 1
"""DLPack's number of the device."""

CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
"""DLPack's numbers of kinds of elements, by NumPy's letters."""

TENSOR_POINTER = 7
"""TVM's number of arguments that point to a tensor."""


class Tensor(ctypes.Structure):
    """An array, as DLPack describes it (DLTensor)."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class Argument(ctypes.Structure):
    """What a kernel is given (TVMFFIAny)."""

    _fields_ = (
        ("type", ctypes.c_int32),
        ("padding", ctypes.c_uint32),
        ("tensor", ctypes.POINTER(Tensor)),
    )


class Call(ctypes.Structure):
    """As in runtime/frame.cpp."""

    _fields_ = (
        ("kernel", ctypes.c_void_p),
        ("arguments", ctypes.POINTER(Argument)),
        ("count", ctypes.c_int32),
    )


class Frame:
    """Calls that run in order; each is a kernel's name and arrays, which the frame keeps."""

    def __init__(self, library: Library, calls: Sequence[tuple[str, Sequence[Array]]]) -> None:
        self._library = library
        self._arrays = [list(arrays) for _, arrays in calls]
        self._calls = (Call * len(calls))(
            *(
                Call(library.kernels[kernel], _arguments(arrays), len(arrays))
                for kernel, arrays in calls
            )
        )

    def __len__(self) -> int:
        return len(self._calls)

    def run(self, threads: int, first: int = 0, count: int | None = None) -> int:
        """Run all calls or some; the number of the one that failed, or -1."""
        count = len(self) - first if count is None else count
        place = ctypes.byref(self._calls, first * ctypes.sizeof(Call))
        failed = self._library.run(place, count, threads)
        return failed if failed < 0 else first + failed


def _arguments(arrays: Sequence[Array]) -> ctypes.Array[Argument]:
    return (Argument * len(arrays))(
        *(Argument(TENSOR_POINTER, 0, ctypes.pointer(tensor_of(array))) for array in arrays)
    )


def tensor_of(array: Array) -> Tensor:
    """The array's memory, shape and order; it must outlive the tensor."""
    sizes = ctypes.c_int64 * array.ndim
    size = array.itemsize
    return Tensor(
        array.ctypes.data,
        CPU,
        0,
        array.ndim,
        CODES[np.dtype(array.dtype).kind],
        8 * size,
        1,
        sizes(*array.shape),
        sizes(*(stride // size for stride in array.strides)),
        0,
    )
