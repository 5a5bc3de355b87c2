"""The sliding window that filter banks and poolings share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sightline.ir.attribute import Attribute, whole_numbers
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Shape

MAX_TAPS = 1 << 20
"""No kernel has more cells: a mean over a whole map of 1024 x 1024 is the largest."""


@dataclass(frozen=True)
class Window(Attribute):
    """Kernel, strides, pads (all begins, then all ends) and dilation, one number per axis.

    Written `Window((5, 5))`; strides and dilation default to 1, pads to 0. The rank is the
    kernel's, so that volumes are windows of three numbers.
    """

    kernel: Shape
    strides: Shape = ()
    pads: Shape = ()
    dilation: Shape = ()

    KEYS: ClassVar[tuple[str, ...]] = ("kernel", "strides", "pads", "dilation")

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", whole_numbers("kernel", self.kernel))
        rank = len(self.kernel)
        for key, value, default in (
            ("strides", self.strides, (1,) * rank),
            ("pads", self.pads, (0,) * (2 * rank)),
            ("dilation", self.dilation, (1,) * rank),
        ):
            object.__setattr__(self, key, whole_numbers(key, value) or default)
            if len(getattr(self, key)) != len(default):
                raise UserError(
                    f"{key} {list(value)} has {len(value)} numbers, but a window of kernel "
                    f"{list(self.kernel)} needs {len(default)}"
                )
        for key, least in (("kernel", 1), ("strides", 1), ("dilation", 1), ("pads", 0)):
            if any(number < least for number in getattr(self, key)):
                raise UserError(f"{key} {list(getattr(self, key))} has a number below {least}")
        if not self.kernel or self.taps > MAX_TAPS:
            raise UserError(
                f"a kernel {list(self.kernel)} has {self.taps if self.kernel else 0} cells, and "
                f"from 1 to {MAX_TAPS} are supported"
            )

    @property
    def rank(self) -> int:
        return len(self.kernel)

    @property
    def taps(self) -> int:
        return math.prod(self.kernel)

    @property
    def reach(self) -> Shape:
        """What the kernel covers with its dilation."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def pad_pairs(self) -> list[tuple[int, int]]:
        """(begin, end) per axis, as NumPy wants them."""
        return list(zip(self.pads[: self.rank], self.pads[self.rank :], strict=True))

    def padded(self, spatial: Shape) -> Shape:
        """Sizes with the padding."""
        return tuple(
            size + begin + end for size, (begin, end) in zip(spatial, self.pad_pairs, strict=True)
        )

    def slide(self, spatial: Shape) -> Shape:
        """Output sizes over an input of these sizes."""
        if len(spatial) != self.rank:
            raise UserError(
                f"the window {_by(self.kernel)} slides over {self.rank} axes, but its input has "
                f"{len(spatial)} after batch and channels",
                fix=f"Give it an input of rank {self.rank + 2}.",
            )
        padded = self.padded(spatial)
        if any(reach > size for reach, size in zip(self.reach, padded, strict=True)):
            raise UserError(
                f"the window {_by(self.kernel)} covers {_by(self.reach)}, more than its padded "
                f"input {_by(padded)}",
                fix="Pad the input, or use a smaller kernel or dilation.",
            )
        return tuple(
            (size - reach) // stride + 1
            for size, reach, stride in zip(padded, self.reach, self.strides, strict=True)
        )

    def view(self, x: Array, fill: float = 0.0) -> Array:
        """`x[n, c, *spatial]` as `[n, c, *out, *kernel]`, without copying the padded input."""
        axes = tuple(range(x.ndim - self.rank, x.ndim))
        if any(self.pads):
            still = [(0, 0)] * (x.ndim - self.rank)
            x = np.pad(x, still + self.pad_pairs, constant_values=x.dtype.type(fill))
        windows = np.lib.stride_tricks.sliding_window_view(x, self.reach, axes)
        step = [slice(None)] * axes[0]
        step += [slice(None, None, stride) for stride in self.strides]
        step += [slice(None, None, dilation) for dilation in self.dilation]
        view: Array = windows[tuple(step)]
        return view

    def to_attributes(self) -> dict[str, Any]:
        default = Window(self.kernel)
        keys = [k for k in self.KEYS if k == "kernel" or getattr(self, k) != getattr(default, k)]
        return {key: getattr(self, key) for key in keys}

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> Self:
        if "kernel" not in attributes:
            raise UserError("a window lacks its kernel")
        return cls(**attributes)


def _by(sizes: Shape) -> str:
    """`7x7`"""
    return "x".join(map(str, sizes))
