"""What users give to layers, made plain: whole numbers, pairs, and arrays of finite numbers.

What is refused here has no place yet; whoever asks stands within `placed`.
"""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.ir.window import Window

Pair = SupportsIndex | Sequence[SupportsIndex]
"""One number for rows and columns, or one for each."""


def whole(value: Any, what: str, least: int = 1) -> int:
    """A whole number of at least `least`, as a plain int."""
    try:
        number = _index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise UserError(f"{what} is a whole number of at least {least}, found {show(value)}")
    return number


def wholes(value: Any) -> tuple[int, ...] | None:
    """A list of whole numbers as a tuple of plain ints, or nothing if it is something else."""
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    try:
        return tuple(map(_index, value))
    except TypeError:
        return None


def pair(value: Any, what: str) -> tuple[int, int]:
    """A number for both axes, or one for each, as two plain ints."""
    numbers = wholes(value)
    if numbers is None:
        numbers = wholes([value, value])
    if numbers is None or len(numbers) != 2:
        raise UserError(f"{what} is one whole number, or two, found {show(value)}")
    return numbers[0], numbers[1]


def sides(value: Any) -> tuple[int, ...]:
    """A padding: one number or a pair, for both ends; or four, above, left, below and right."""
    numbers = wholes(value)
    if numbers is not None and len(numbers) == 4:
        return numbers
    return pair(value, "a padding") * 2


def finite(value: Any, what: str) -> Array:
    """Numbers in single precision, where all of them must be finite; the same array if it is."""
    try:
        # Python's integers have no end, and NumPy's would become objects.
        array = np.asarray(float(value) if isinstance(value, int) else value)
    except (ValueError, OverflowError):
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{what} is made of numbers in single precision, found {show(value)}")
    with np.errstate(over="ignore"):
        single: Array = array.astype(np.float32, copy=False)
    held = np.isfinite(single)
    if not held.all():
        raise UserError(f"{what} must be finite in single precision, found {array[~held][0]}")
    return single


def window(kernel: Pair, stride: Pair | None, padding: Pair, dilation: Pair = 1) -> Window:
    """The window of a layer; the stride is the kernel unless given."""
    kernel = pair(kernel, "a kernel")
    strides = kernel if stride is None else pair(stride, "a stride")
    return Window(kernel, strides, sides(padding), pair(dilation, "a dilation"))


def show(value: Any) -> str:
    """A value as Python writes it, cut short."""
    return reprlib.repr(value)


def _index(value: Any) -> int:
    if isinstance(value, bool | np.bool_):
        raise TypeError(value)
    return operator.index(value)
