"""Short names for small arrays, and how far two may be apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from sightline.ir.types import Array


def f32(numbers: npt.ArrayLike) -> Array:
    return np.array(numbers, np.float32)


def i8(numbers: npt.ArrayLike) -> Array:
    return np.array(numbers, np.int8)


def i32(numbers: npt.ArrayLike) -> Array:
    return np.array(numbers, np.int32)


ROUNDING = 1e-6
"""Some units in the last place of a float: what differences of near numbers are uncertain by."""


def allowance(wanted: Array, tolerance: float, met: Iterable[Array]) -> float:
    """How far a result may be off: a part of its own largest finite number.

    But no less than the rounding of the largest number `met` on the way to it, which is all that is
    left where the numbers cancel. A tolerance of zero means exactly.
    """
    if not tolerance:
        return 0.0
    return max(tolerance * largest([wanted]), ROUNDING * largest(met))


def largest(arrays: Iterable[Array]) -> float:
    """The largest finite magnitude among floats."""
    floats = (np.abs(array[np.isfinite(array)]) for array in arrays if array.dtype.kind == "f")
    return max((float(array.max(initial=0.0)) for array in floats), default=0.0)
