"""What a value is: its element (float, integer, quantized integer) and its static shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sightline.ir.errors import UserError

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

FLOAT32_END = 2.0**128 - 2.0**103
"""The least double that rounds to an infinite float."""

MAX_ELEMENTS = 1 << 31
MAX_RANK = 32
"""No value is larger: what a broken or hostile model asks for is refused before it is allocated."""


@dataclass(frozen=True)
class Float32:
    """IEEE single precision, the element of every unquantized value."""

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def holds(self, number: float) -> bool:
        """Whether the number lies within the range of the element."""
        return not FLOAT32_END <= abs(number) < math.inf

    def __str__(self) -> str:
        return "f32"


@dataclass(frozen=True)
class Int:
    """A plain integer of any width up to 64 bits, held in the next wider NumPy integer."""

    bits: int
    signed: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 64:
            raise ValueError(f"an integer has 1 to 64 bits, not {self.bits}")

    @property
    def dtype(self) -> np.dtype[Any]:
        container = next(width for width in (8, 16, 32, 64) if width >= self.bits)
        return np.dtype(f"{'i' if self.signed else 'u'}{container // 8}")

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - self.signed)) - 1

    def holds(self, number: float) -> bool:
        """Whether the number is one of the element's integers."""
        return self.low <= number <= self.high and number % 1 == 0

    def __str__(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True)
class Quant:
    """An integer that stands for the real number `scale * (integer - zero_point)`."""

    storage: Int
    scale: float
    zero_point: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"a scale is a positive finite number, not {self.scale}")
        if not self.storage.low <= self.zero_point <= self.storage.high:
            raise ValueError(f"zero point {self.zero_point} lies outside {self.storage}")

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.storage.dtype

    def holds(self, number: float) -> bool:
        """Whether the number is one of the integers that are stored."""
        return self.storage.holds(number)

    def __str__(self) -> str:
        return f"quant({self.storage},{float(self.scale).hex()},{self.zero_point})"


Element = Float32 | Int | Quant
FLOAT32 = Float32()


@dataclass(frozen=True)
class TensorType:
    """A static shape (NCHW for maps, N kept) and an element. Prints as `f32[1,3,240,320]`."""

    shape: Shape
    element: Element = field(default=FLOAT32)

    def __post_init__(self) -> None:
        if any(size < 1 for size in self.shape):
            raise UserError(f"every size of a shape is at least 1, not {list(self.shape)}")
        if self.rank > MAX_RANK:
            raise UserError(
                f"a value has {self.rank} axes, and the most that are supported is {MAX_RANK}"
            )
        if self.size > MAX_ELEMENTS:
            raise UserError(
                f"a value of shape {list(self.shape)} has {self.size} elements, and the most that "
                f"are supported is {MAX_ELEMENTS}"
            )

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def spatial(self) -> Shape:
        """The sizes after batch and channels."""
        return self.shape[2:]

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(shape, self.element)

    def __str__(self) -> str:
        return f"{self.element}[{','.join(map(str, self.shape))}]"


def element_of(array: Array) -> Element:
    """The element that an array's dtype stands for; other dtypes are a caller's bug."""
    if array.dtype == np.float32:
        return FLOAT32
    if array.dtype.kind in "iu":
        return Int(array.dtype.itemsize * 8, array.dtype.kind == "i")
    raise TypeError(f"no element stands for arrays of {array.dtype}")


def type_of(array: Array) -> TensorType:
    return TensorType(array.shape, element_of(array))
