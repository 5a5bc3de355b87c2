"""Pooling: a window of each map becomes one number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_maps, require_rank, slide
from sightline.ir.types import Array, Shape, TensorType
from sightline.ir.window import Window


class Pooling(Op):
    """What poolings share: every map keeps its place, and shrinks to the window's positions."""

    window: Window

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        return pooled(self.window, x)


def pooled(window: Window, x: TensorType) -> TensorType:
    require_rank(x, window.rank + 2, "the input of a pooling [N, C, *spatial]")
    return x.with_shape((*x.shape[:2], *slide(window, x)))


@op
@dataclass(frozen=True)
class MaxPool(Op):
    """y[c, p] = the largest x[c] in the window at p. Padding never wins."""

    window: Window

    def infer(self, x: TensorType) -> TensorType:
        y = pooled(self.window, x)
        require_seen(self.window, x.spatial, (0,) * len(self.window.pads), "max pooling")
        return y

    def evaluate(self, x: Array) -> Array:
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        first, *others = taps(self.window, x, lowest)
        y = first.copy()
        for tap in others:  # one pass a tap: far faster than a maximum over axes
            np.maximum(y, tap, out=y)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        window = random_window(rng, (0, 1, 1, 0) if rng.random() < 0.5 else ())
        return Sample(cls(window), (random_maps(rng),))


@op
@dataclass(frozen=True)
class SumPool(Pooling):
    """y[c, p] = the sum of x[c] in the window at p. Padding is zero."""

    window: Window

    def evaluate(self, x: Array) -> Array:
        return window_sum(self.window, x)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(random_window(rng, (1, 0, 1, 1))), (random_maps(rng),))


@op
@dataclass(frozen=True)
class AveragePool(Pooling):
    """y[c, p] = the sum of x[c] in the window at p, over the number of cells that count there.

    Cells of the map count, and of its padding those within `counted` (ordered as pads): none by
    default, `counted = window.pads` for a division by the whole kernel. Padding is zero.
    """

    window: Window
    counted: Shape = ()

    def infer(self, x: TensorType) -> TensorType:
        if self.counted and len(self.counted) != len(self.window.pads):
            raise UserError(
                f"counted {list(self.counted)} needs {len(self.window.pads)} numbers, as pads"
            )
        if any(not 0 <= c <= p for c, p in zip(self.counted, self.window.pads, strict=False)):
            raise UserError(
                f"counted {list(self.counted)} must lie between 0 and the pads "
                f"{list(self.window.pads)}"
            )
        y = super().infer(x)
        require_seen(self.window, x.spatial, self.margins, "average pooling")
        return y

    @property
    def margins(self) -> Shape:
        """`counted` in full."""
        return self.counted or (0,) * len(self.window.pads)

    def counts(self, spatial: Shape) -> Array:
        """The divisor at each output position, `[*out]`."""
        counts = np.ones((), np.float32)
        for line in lines(self.window, spatial, self.margins):  # the count of a box is a product
            first = np.arange(line.first, line.last + 1, line.step)
            below = np.maximum(0, -((first - line.low) // line.dilation))
            above = np.minimum(line.taps - 1, (line.high - 1 - first) // line.dilation)
            counts = counts[..., None] * (above - below + 1).astype(np.float32)
        return counts

    def evaluate(self, x: Array) -> Array:
        y: Array = window_sum(self.window, x) / self.counts(x.shape[2:])
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        window = random_window(rng, (1, 0, 0, 1))
        counted = window.pads if rng.random() < 0.5 else ()
        return Sample(cls(window, counted), (random_maps(rng),))


@op
@dataclass(frozen=True)
class LPPool(Pooling):
    """y[c, p] = (sum of |x[c]|^p in the window at p)^(1/p): a sum, not a mean. Padding is zero."""

    window: Window
    p: float = 2.0

    def infer(self, x: TensorType) -> TensorType:
        if not (math.isfinite(self.p) and self.p >= 1):
            raise UserError(f"L_p pooling needs a finite p of at least 1, found {self.p}")
        return super().infer(x)

    def evaluate(self, x: Array) -> Array:
        # In double precision, since powers leave the range of floats long before their root does.
        powers = np.abs(x).astype(np.float64) ** self.p
        y: Array = (window_sum(self.window, powers) ** (1.0 / self.p)).astype(np.float32)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        window = random_window(rng, (1, 1, 0, 0))
        return Sample(cls(window, float(rng.choice([1.0, 2.0, 3.0]))), (random_maps(rng),))


@op
@dataclass(frozen=True)
class GlobalAveragePool(Op):
    """y[c] = the mean of x[c], as maps of one pixel."""

    def infer(self, x: TensorType) -> TensorType:
        require_float(x)
        require_maps(x)
        return x.with_shape((*x.shape[:2], 1, 1))

    def evaluate(self, x: Array) -> Array:
        y: Array = x.mean(axis=(2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(), (random_maps(rng),))


@op
@dataclass(frozen=True)
class GlobalMaxPool(Op):
    """y[c] = the largest x[c], as maps of one pixel."""

    def infer(self, x: TensorType) -> TensorType:
        require_maps(x)
        return x.with_shape((*x.shape[:2], 1, 1))

    def evaluate(self, x: Array) -> Array:
        y: Array = x.max(axis=(2, 3), keepdims=True)
        return y

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        return Sample(cls(), (random_maps(rng),))


class Line(NamedTuple):
    """A window along one axis: where its first tap goes, and the cells from low to high count."""

    first: int
    last: int
    step: int
    taps: int
    dilation: int
    low: int
    high: int

    @property
    def misses(self) -> bool:
        """Whether the window sees nothing that counts at some position."""
        if self.first + (self.taps - 1) * self.dilation < self.low or self.last >= self.high:
            return True
        for tap in range(self.taps - 1):  # what counts may fall between two taps
            start, end = self.high - (tap + 1) * self.dilation, self.low - tap * self.dilation
            if start >= end:
                return False
            position = self.first + max(0, -((self.first - start) // self.step)) * self.step
            if position < end and position <= self.last:
                return True
        return False


def lines(window: Window, spatial: Shape, margins: Shape) -> Iterator[Line]:
    """Each axis of a window for which the map counts and, of its padding, the margins."""
    rank = window.rank
    for axis, (size, out) in enumerate(zip(spatial, window.slide(spatial), strict=True)):
        first, step = -window.pads[axis], window.strides[axis]
        last = first + (out - 1) * step
        low, high = -margins[axis], size + margins[axis + rank]
        yield Line(first, last, step, window.kernel[axis], window.dilation[axis], low, high)


def require_seen(window: Window, spatial: Shape, margins: Shape, what: str) -> None:
    """Refuse a window that, somewhere, lies in the padding alone."""
    if any(line.misses for line in lines(window, spatial, margins)):
        raise UserError(
            f"{what} of kernel {list(window.kernel)}, dilation {list(window.dilation)} and pads "
            f"{list(window.pads)} has windows that lie in the padding alone",
            fix="Pad by less than the kernel.",
        )


def window_sum(window: Window, x: Array) -> Array:
    """The sum over each window, one pass a tap."""
    first, *others = taps(window, x)
    y = first.copy()
    for tap in others:
        y += tap
    return y


def taps(window: Window, x: Array, fill: float = 0.0) -> list[Array]:
    """For each cell of the kernel, what it sees at every output position: `[N, C, *out]`."""
    windows = window.view(x, fill)
    first_axis = windows.ndim - window.rank
    cells = np.moveaxis(windows, range(first_axis, windows.ndim), range(window.rank))
    return [cells[index] for index in np.ndindex(window.kernel)]


def random_window(rng: np.random.Generator, pads: Shape) -> Window:
    kernel = tuple(map(int, rng.integers(2, 4, 2)))
    return Window(kernel, strides=tuple(map(int, rng.integers(1, 3, 2))), pads=pads)


def random_maps(rng: np.random.Generator) -> Array:
    return rng.standard_normal((2, 3, 8, 7)).astype(np.float32)
