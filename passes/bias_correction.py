"""What the rounding of weights moves the mean of each output map by, for its bias to undo."""

from __future__ import annotations

import numpy as np

from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.passes.bank import pair_inputs, pair_maps


def bias_correction(table: Table, weights: Array, rounded: Array, means: Array) -> Array:
    """What to add to the bias of a filter bank whose weights are rounded, map by map.

    It is minus the mean of what changes, sum of (rounded - weights) * x, for inputs x of these
    `means` by channel: both weights are floats `[pairs, *kernel]` in the order of the table, and
    padding, which is no mean but 0, is left out of account. In double precision.
    """
    if weights.shape != rounded.shape or means.shape != (table.channels,):
        raise ValueError(
            f"weights {weights.shape} and {rounded.shape} with means {means.shape} do not fit a "
            f"table of {table.channels} channels"
        )
    planes = (rounded.astype(np.float64) - weights).reshape(table.pairs, -1).sum(axis=1)
    moved = planes * means[pair_inputs(table)]
    return -np.bincount(pair_maps(table), moved, table.maps)
