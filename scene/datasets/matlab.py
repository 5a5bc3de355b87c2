"""Variables out of MATLAB's files: of version 5, and of 7.3, which is HDF5."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.scene.datasets.layout import require_file
from sightline.scene.extras import installed_by

_HDF5 = b"\x89HDF\r\n\x1a\n"
_USER_BLOCK = 512
"""Bytes that MATLAB writes before the HDF5 file begins."""


def is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(_USER_BLOCK + len(_HDF5))
    return _HDF5 in (start[: len(_HDF5)], start[_USER_BLOCK:])


def read_mat5(path: Path, variables: Sequence[str], layout: str) -> dict[str, Array]:
    """The named variables of a file of version 5, all of which must be there."""
    require_file(path, layout)
    if is_hdf5(path):
        raise UserError(
            "this MATLAB file is of version 7.3, but version 5 is expected here",
            where=str(path),
            fix="Take the published file, or save it with '-v7' in MATLAB.",
        )
    with installed_by("scene", f"reading '{path}'"):
        from scipy.io import loadmat
    try:
        values: dict[str, Array] = loadmat(path, variable_names=list(variables))
    except Exception as error:  # SciPy's reader stumbles over damage in every way there is
        raise UserError(
            f"this is no MATLAB file of version 5, or a damaged one: {error}", where=str(path)
        ) from error
    for name in variables:
        if name not in values:
            raise UserError(f"there is no variable '{name}' in it", where=str(path), fix=layout)
    return values


@contextlib.contextmanager
def open_mat73(path: Path, layout: str) -> Iterator[Any]:
    """A file of version 7.3, as h5py sees it; damage that shows while it is read is told."""
    require_file(path, layout)
    if not is_hdf5(path):
        raise UserError(
            "this is no MATLAB file of version 7.3 (which is HDF5), as is expected here",
            where=str(path),
            fix="Take the published file; its beginning is damaged, or it was saved anew.",
        )
    with installed_by("scene", f"reading '{path}'"):
        import h5py
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (UserError, MemoryError):
        raise
    except Exception as error:  # HDF5 stumbles over damage in every way there is
        raise UserError(
            f"the file of {path.stat().st_size:,} bytes is damaged, or only a part of it: {error}",
            where=str(path),
            fix="Get it once more.",
        ) from error


def texts(cells: Array) -> tuple[str, ...]:
    """A cell array of texts, of version 5."""
    return tuple(str(np.squeeze(cell)) if np.size(cell) else "" for cell in np.ravel(cells))
