"""What may be put on a growing graph: every way to move data, and patterns passes look for."""

from __future__ import annotations

from sightline.ir.ops.movement import (
    Concat,
    Flatten,
    Gather,
    Identity,
    Pad,
    Reshape,
    Slice,
    Transpose,
)
from tests.support.growth import Growth, step


@step
def identity(g: Growth, x: str) -> str | None:
    return g.add(Identity(), x)


@step
def concat(g: Growth, x: str) -> str | None:
    """Along any axis, with values that fit or with itself."""
    rank = g.type(x).rank
    axis = 1 if rank > 1 and g.chance(0.7) else g.integer(-rank, rank - 1)

    def rest(value: str) -> list[int]:
        shape = list(g.type(value).shape)
        return shape[: axis % rank] + shape[axis % rank + 1 :]

    fits = [v for v in g.values if g.type(v).rank == rank and rest(v) == rest(x)]
    others = [fits[g.integer(0, len(fits) - 1)] for _ in range(g.integer(0, 2))]
    return g.add(Concat(axis), x, *others)


@step
def gather(g: Growth, x: str) -> str | None:
    rank = g.type(x).rank
    axis = g.integer(-rank, rank - 1)
    indices = g.rng.integers(0, g.type(x).shape[axis], g.integer(1, 4))
    return g.add(Gather(axis, tuple(indices.tolist())), x)


def gather_channels(g: Growth, x: str) -> str:
    channels = g.type(x).shape[1]
    indices = g.rng.integers(0, channels, g.integer(1, 4)).tolist()
    if g.chance(0.5):
        indices = g.rng.permutation(channels).tolist()
    return g.add(Gather(1, tuple(indices)), x) or x


@step
def slice_(g: Growth, x: str) -> str | None:
    ranges = []
    for size in g.type(x).shape:
        low, high = sorted(g.rng.choice(size + 1, 2, replace=False).tolist())
        if g.chance(0.5):
            low, high = 0, size
        ranges.append((low, high, 1) if g.chance(0.8) else (high - 1, low - 1, -1))
    starts, stops, steps = zip(*ranges, strict=True)
    return g.add(Slice(starts, stops, steps), x)


@step
def slice_channels(g: Growth, x: str) -> str | None:
    if g.type(x).rank < 2:
        return None
    shape = g.type(x).shape
    low, high = sorted(g.rng.choice(shape[1] + 1, 2, replace=False).tolist())
    starts, stops = [0] * len(shape), list(shape)
    starts[1], stops[1] = low, high
    return g.add(Slice(tuple(starts), tuple(stops), (1,) * len(shape)), x)


@step
def pad(g: Growth, x: str) -> str | None:
    mode = str(g.rng.choice(["constant", "edge", "reflect"]))
    pads = tuple(g.rng.integers(0, 2, 2 * g.type(x).rank).tolist())
    return g.add(Pad(pads, mode, 0.5 if mode == "constant" else 0.0), x)


@step
def transpose(g: Growth, x: str) -> str | None:
    """Any order, or one of the two between NCHW and NHWC."""
    orders = [tuple(g.rng.permutation(g.type(x).rank).tolist())]
    if g.is_maps(x) and g.chance(0.8):
        orders = [(0, 2, 3, 1), (0, 3, 1, 2)]
    return g.add(Transpose(orders[g.integer(0, len(orders) - 1)]), x)


@step
def reshape(g: Growth, x: str) -> str | None:
    """Sizes split, or put together."""
    shape = list(g.type(x).shape)
    if len(shape) > 1 and g.chance(0.5):
        at = g.integer(0, len(shape) - 2)
        shape[at : at + 2] = [shape[at] * shape[at + 1]]
    elif len(shape) < 5:
        at = g.integer(0, len(shape) - 1)
        shape[at : at + 1] = [2, shape[at] // 2] if shape[at] % 2 == 0 else [1, shape[at]]
    return g.add(Reshape(tuple(shape)), x)


@step
def to_maps(g: Growth, x: str) -> str | None:
    """Back to four axes, so that the ops on maps go on."""
    shape = g.type(x).shape
    if len(shape) >= 4:
        return None
    return g.add(Reshape((*shape, *(1,) * (4 - len(shape)))), x)


@step
def flatten(g: Growth, x: str) -> str | None:
    axis = 1 if g.chance(0.8) else g.integer(0, g.type(x).rank)
    return g.add(Flatten(axis), x)
