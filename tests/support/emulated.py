"""CUDA sources of the tests, built for the emulator once, and loaded."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.ir.cache import cache_folder
from sightline.sim.cuda import emulator
from tests.support.copies import ROOT

SOURCES = ROOT / "tests" / "support" / "cuda"


def folder() -> Path:
    """Where libraries of tests are kept, by their content."""
    return cache_folder("emulators") / "tests"


@functools.cache
def library(name: str, checked: bool) -> ctypes.CDLL:
    """The library of tests/support/cuda/<name>.cu, with no memory of its earlier runs."""
    built = emulator.build(SOURCES / f"{name}.cu", folder(), checked=checked)
    return ctypes.CDLL(str(built))


def fresh(name: str, checked: bool) -> ctypes.CDLL:
    """The same library, with findings and errors of other tests forgotten."""
    loaded = library(name, checked)
    emulator.forget(loaded)
    return loaded


def address(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def run(
    loaded: ctypes.CDLL, name: str, given: NDArray[np.generic], out: NDArray[np.generic]
) -> int:
    """Call `run_<name>(in, in_bytes, out, out_bytes)`, and return its error."""
    function = getattr(loaded, f"run_{name}")
    return int(function(address(given), given.nbytes, address(out), out.nbytes))
