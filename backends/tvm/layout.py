"""How numbers lie in memory: the layouts of values, and the orders of packed weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sightline.backends.tvm.winograd_filters import FILTER, mixed
from sightline.ir.constant import Constant
from sightline.ir.types import Array, Shape


@dataclass(frozen=True)
class Layout:
    """Planar, `[N, C, …]` as the graph has it; or blocked, if `lanes` is not zero:

        [N, C / lanes, H, W, lanes]

    so that a vector register holds one pixel of several maps.
    """

    lanes: int = 0

    def stored(self, shape: Shape) -> Shape:
        """The shape under which a value of the graph lies in memory."""
        if not self.lanes:
            return shape
        batch, channels, *spatial = shape
        return (batch, channels // self.lanes, *spatial, self.lanes)


PLANAR = Layout()


@dataclass(frozen=True)
class Packing:
    """Another order of a constant: reshaped, padded with zeros at the ends, split, transposed.

    `shape` are the axes that are padded to `padded`, whose elements are then seen under `split`
    and stored in `order`, as numbers of type `dtype`.
    """

    shape: Shape
    padded: Shape
    split: Shape
    order: Shape
    dtype: str
    mixed: bool = False
    """Whether filters, the last two axes, are mixed first: `shape` is what they are then."""

    @property
    def stored(self) -> Shape:
        return tuple(self.split[axis] for axis in self.order)

    def apply(self, array: Array) -> Array:
        if self.mixed:
            array = mixed(array.reshape(-1, FILTER, FILTER))
        array = array.reshape(self.shape)
        pads = [(0, more - size) for size, more in zip(self.shape, self.padded, strict=True)]
        split = np.pad(array, pads).reshape(self.split)
        return np.ascontiguousarray(split.transpose(self.order), np.dtype(self.dtype))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Packing:
        def axes(key: str) -> Shape:
            return tuple(map(int, fields[key]))

        shapes = axes("shape"), axes("padded"), axes("split"), axes("order")
        return cls(*shapes, dtype=str(fields["dtype"]), mixed=bool(fields["mixed"]))

    def __post_init__(self) -> None:
        assert math.prod(self.padded) == math.prod(self.split), "a packing loses nothing"


@dataclass(frozen=True)
class Sums:
    """What the weights of each map add up to, times a factor, instead of the weights themselves.

    `planes` says of how many planes each map has weights; one number, if all have as many.
    """

    planes: Shape
    maps: int
    factor: int
    dtype: str = "int32"

    @property
    def stored(self) -> Shape:
        return (self.maps,)

    def apply(self, array: Array) -> Array:
        counts = np.broadcast_to(self.planes, self.maps)
        first = np.cumsum(counts) - counts
        of_planes = array.reshape(int(counts.sum()), -1).sum(axis=1, dtype=np.int64)
        return np.asarray(self.factor * np.add.reduceat(of_planes, first), np.dtype(self.dtype))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Sums:
        planes = tuple(map(int, fields["planes"]))
        return cls(planes, int(fields["maps"]), int(fields["factor"]), str(fields["dtype"]))


@dataclass(frozen=True)
class Gather:
    """Any order of a constant: which of its elements, counted from 1, is at each place; or zero."""

    slots: Constant
    dtype: str

    @property
    def stored(self) -> Shape:
        return self.slots.array.shape

    def apply(self, array: Array) -> Array:
        elements = np.concatenate([np.zeros(1, array.dtype), array.reshape(-1)])
        found: Array = elements[self.slots.array].astype(np.dtype(self.dtype))
        return found
