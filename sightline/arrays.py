"""Reading `.npy` and `.npz` files that nobody vouches for: no pickles, and sizes checked first."""

from __future__ import annotations

import math
import zipfile
import zlib
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


def _read_array(file: IO[bytes], size: int) -> Array:
    """An array from the `size` bytes of a file, whose header must tell of exactly as many."""
    shape, fortran, dtype = _read_header(file)
    if dtype.hasobject or dtype.kind not in "fiub":
        raise ValueError(f"it holds {dtype}, not numbers")
    announced, present = math.prod(shape) * dtype.itemsize, size - file.tell()
    if announced != present:
        raise ValueError(f"its header tells of {announced} bytes, but {present} follow")
    data = file.read(present)
    flat = np.frombuffer(data, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


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
