"""Reading `.npy` and `.npz` files that nobody vouches for: no pickles, and sizes checked first."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from sightline.ir.errors import UserError
from sightline.ir.types import Array

MAX_BYTES = 1 << 32
"""The most that one file may hold once it is read: beyond any network's weights."""

_BROKEN = (
    OSError,
    EOFError,
    MemoryError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy's and Python's readers raise over damaged files."""


def read_npy(path: Path) -> Array:
    """The array of a `.npy` file."""
    try:
        with path.open("rb") as file:
            return _read_array(file, path.stat().st_size)
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a `.npz` file, by name."""
    arrays: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
            if total > MAX_BYTES:
                raise ValueError(f"it holds {total} bytes, and {MAX_BYTES} are the most")
            for member in archive.infolist():
                with archive.open(member) as file:
                    name = member.filename.removesuffix(".npy")
                    arrays[name] = _read_array(file, member.file_size)
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    return arrays


@dataclass(frozen=True)
class Stack:
    """An array whose parts along the first axis are read as they are asked for.

    `parts(n)` gives the first n of that axis, then the next n, and so on.
    """

    shape: tuple[int, ...]
    parts: Callable[[int], Iterator[Array]]


def stack_of(array: Array) -> Stack:
    """An array that is in memory already."""
    return Stack(array.shape, lambda n: (array[i : i + n] for i in range(0, len(array), n)))


def open_npy(path: Path) -> Stack:
    """The array of a `.npy` file, of which only the header is read at once."""
    return _open_stack(path, lambda: path.open("rb"), path.stat().st_size)


def open_npz(path: Path) -> dict[str, Stack]:
    """The arrays of a `.npz` file by name, of which only the headers are read at once."""

    def opener(member: str) -> Callable[[], IO[bytes]]:
        return lambda: zipfile.ZipFile(path).open(member)

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    return {
        member.filename.removesuffix(".npy"): _open_stack(
            path, opener(member.filename), member.file_size
        )
        for member in members
    }


def _open_stack(path: Path, opened: Callable[[], IO[bytes]], size: int) -> Stack:
    def parts(n: int) -> Iterator[Array]:
        try:
            with opened() as file:
                shape, _, dtype = _checked_header(file, size)
                part = (n, *shape[1:])
                for _ in range(0, shape[0], n):
                    data = file.read(math.prod(part) * dtype.itemsize)
                    yield np.frombuffer(data, dtype).reshape(part)
        except _BROKEN as error:
            raise _unreadable(path, error) from error

    try:
        with opened() as file:
            shape, fortran, _ = _checked_header(file, size)
        if fortran and len(shape) > 1:
            raise ValueError("its numbers lie in Fortran's order; save np.ascontiguousarray of it")
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    return Stack(shape, parts)


def _read_array(file: IO[bytes], size: int) -> Array:
    """An array from the `size` bytes of a file."""
    shape, fortran, dtype = _checked_header(file, size)
    flat = np.frombuffer(file.read(math.prod(shape) * dtype.itemsize), dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _checked_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """The header of a file of `size` bytes, which must tell of exactly as many as follow."""
    shape, fortran, dtype = _read_header(file)
    if dtype.hasobject or dtype.kind not in "fiub":
        raise ValueError(f"it holds {dtype}, not numbers")
    announced, present = math.prod(shape) * dtype.itemsize, size - file.tell()
    if announced != present:
        raise ValueError(f"its header tells of {announced} bytes, but {present} follow")
    return shape, fortran, dtype


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis runs fastest, and element of what follows."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its format is version {version[0]}.{version[1]}, not 1.0 or 2.0")
    try:
        return readers[version](file)
    except Exception as error:  # NumPy evaluates the header, and stumbles in many ways
        raise ValueError(f"its header is damaged: {error}") from error


def _unreadable(path: Path, error: Exception) -> UserError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserError(f"cannot read '{path}': {reason or type(error).__name__}")
