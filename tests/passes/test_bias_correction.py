"""The mean of each output map after its weights are rounded is what it was before."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.ir.ops.conv import Conv
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.passes.bias_correction import bias_correction
from sightline.passes.statistics import statistics_of

TABLES = {
    "dense": Table.dense(4, 5),
    "grouped": Table.grouped(4, 6, 2),
    "depthwise": Table.grouped(4, 4, 4),
    "with gaps": Table(4, 5, 2, ((0, 3), (1,), (2, 0, 1))),
}


def rounded(weights: Array) -> Array:
    """Weights of few bits, so that their errors are large."""
    scale = np.float32(np.abs(weights).max() / 3)
    return np.rint(weights / scale) * scale


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 2)])
def test_the_mean_comes_back(name: str, kernel: tuple[int, int]) -> None:
    table, rng = TABLES[name], np.random.default_rng(0)
    weights = rng.standard_normal((table.pairs, *kernel)).astype(np.float32)
    levels = np.array([3.0, -1, 0, 8])[:, None, None]
    x = (levels + rng.standard_normal((2, 4, 60, 70))).astype(np.float32)
    op = Conv(Window(kernel), table)
    change = bias_correction(table, weights, rounded(weights), statistics_of(x).means)

    def means(weights: Array) -> Array:
        return statistics_of(op.evaluate(x, weights)).means

    left = means(weights) - means(rounded(weights)) - change
    assert change.shape == (table.maps,)
    assert np.abs(change).max() > 0.3
    # A kernel of one cell sees all of the pixels that the mean is of, a larger one nearly.
    assert np.abs(left).max() < (1e-5 if kernel == (1, 1) else 0.02)


def test_what_was_not_rounded_needs_none() -> None:
    weights = np.ones((20, 3, 3), np.float32)
    found = bias_correction(TABLES["dense"], weights, weights, np.full(4, 7.0))
    np.testing.assert_array_equal(found, np.zeros(5))


def test_other_shapes_are_our_mistake() -> None:
    weights = np.ones((20, 3, 3), np.float32)
    for others, means in ((weights[:, :1], np.ones(4)), (weights, np.ones(1))):
        with pytest.raises(ValueError, match="do not fit"):
            bias_correction(TABLES["dense"], weights, others, means)
