"""Filters of 3x3 for Winograd's minimal filtering.

Two outputs of a filter of three taps take four products, not six, if pixels and taps are mixed
before and products after: by the rows of PIXELS, TAPS and OUTPUTS, along one axis and then the
other. Integers take twice TAPS, which is whole, so that their sums are four times too large.
"""

from __future__ import annotations

import numpy as np

from sightline.ir.types import Array

PIXELS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
OUTPUTS = ((1, 1, 1, 0), (0, 1, -1, -1))
TWICE_TAPS = ((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2))

FILTER, MIXED_TAPS, OUTPUT = len(TWICE_TAPS[0]), len(PIXELS), len(OUTPUTS)
"""Taps of a filter along an axis, of its mixture, and outputs of a tile."""


def mixed(filters: Array) -> Array:
    """Filters `[…, 3, 3]` as `[…, 4, 4]`: exactly if of integers, else in double precision."""
    twice = np.array(TWICE_TAPS)
    taps = twice if np.issubdtype(filters.dtype, np.integer) else twice / 2
    return np.asarray(taps @ filters.astype(taps.dtype) @ taps.T)
