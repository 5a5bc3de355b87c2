"""Pooling: a window of each map becomes one number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.op import Op, Sample, op
from sightline.ir.ops.checks import require_float, require_maps, require_rank
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
    return x.with_shape((*x.shape[:2], *window.slide(x.spatial)))


@op
@dataclass(frozen=True)
class MaxPool(Op):
    """y[c, p] = the largest x[c] in the window at p. Padding never wins."""

    window: Window

    def infer(self, x: TensorType) -> TensorType:
        for kernel, dilation, (begin, end) in zip(
            self.window.kernel, self.window.dilation, self.window.pad_pairs, strict=True
        ):
            if max(begin, end) > (kernel - 1) * dilation:
                raise UserError(
                    f"max pooling of kernel {list(self.window.kernel)} with pads "
                    f"{list(self.window.pads)} has windows that lie in the padding alone",
                    fix="Pad by less than the kernel.",
                )
        return pooled(self.window, x)

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
        if any(c > p for c, p in zip(self.counted, self.window.pads, strict=False)):
            raise UserError(
                f"counted {list(self.counted)} reaches beyond the pads {list(self.window.pads)}"
            )
        if not self.counts(x.spatial).all():
            raise UserError(
                f"average pooling of kernel {list(self.window.kernel)} with pads "
                f"{list(self.window.pads)} has windows in which nothing counts",
                fix="Pad by less than the kernel.",
            )
        return super().infer(x)

    def counts(self, spatial: Shape) -> Array:
        """The divisor at each output position, `[*out]`."""
        counted = self.counted or (0,) * len(self.window.pads)
        rank = self.window.rank
        cells = np.pad(
            np.ones(spatial, np.float32),
            list(zip(counted[:rank], counted[rank:], strict=True)),
            constant_values=1,
        )
        rest = tuple(p - c for p, c in zip(self.window.pads, counted, strict=True))
        inner = Window(self.window.kernel, self.window.strides, rest, self.window.dilation)
        counts: Array = window_sum(inner, cells[None, None])[0, 0]
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
