"""Short names for small arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sightline.ir.types import Array


def f32(numbers: npt.ArrayLike) -> Array:
    return np.array(numbers, np.float32)


def i8(numbers: npt.ArrayLike) -> Array:
    return np.array(numbers, np.int8)


def i32(numbers: npt.ArrayLike) -> Array:
    return np.array(numbers, np.int32)
