"""The random numbers that weights begin with."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np

from sightline.frontend.checks import whole
from sightline.frontend.place import placed
from sightline.ir.types import Array, TensorType

_rng: ContextVar[np.random.Generator | None] = ContextVar("rng", default=None)
_default_rng = np.random.default_rng(0)


def seeded(seed: int) -> contextlib.AbstractContextManager[None]:
    """Weights made within are drawn from this seed, so that a network is the same every time."""
    with placed():
        return _drawing_from(np.random.default_rng(whole(seed, "a seed", 0)))


@contextlib.contextmanager
def _drawing_from(rng: np.random.Generator) -> Iterator[None]:
    token = _rng.set(rng)
    try:
        yield
    finally:
        _rng.reset(token)


def uniform(fan_in: int, *shape: int) -> Array:
    """Torch7's initial weights: uniform within 1 / sqrt(fan-in)."""
    bound = 1 / math.sqrt(fan_in)
    rng = _rng.get() or _default_rng
    # The type refuses what is too large before it is allocated.
    return rng.uniform(-bound, bound, TensorType(shape).shape).astype(np.float32)
