"""Arrays element by element: the only tools that the naive models share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sightline.ir.types import Array, Shape

Index = tuple[int, ...]
Model = Callable[..., Array]


def cells(shape: Shape) -> Iterator[Index]:
    """Every index of an array of this shape."""
    return itertools.product(*(range(size) for size in shape))


def build(shape: Shape, element: Callable[[Index], Any], dtype: Any = np.float64) -> Array:
    """The array whose element at each index is `element(index)`."""
    y = np.empty(shape, dtype)
    for index in cells(shape):
        y[index] = element(index)
    return y


def at(x: Array, index: Index) -> float:
    """x at the index, and zero outside."""
    return float(x[index]) if is_inside(index, x.shape) else 0.0


def clamp(index: int, size: int) -> int:
    """The nearest index that exists."""
    return min(max(index, 0), size - 1)


def is_inside(pixel: Index, spatial: Shape) -> bool:
    return all(0 <= p < size for p, size in zip(pixel, spatial, strict=True))
