"""Weights as integers, symmetric about zero, with a scale for each output map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.ops.conv import Conv
from sightline.ir.types import Array, Int
from sightline.passes.bank import pair_maps
from sightline.passes.precision import Precision

WIDEST_BIAS = 2.0**30
"""Steps of a sum that a bias may have: weights that are tiny beside it get a coarser scale."""

FINEST_STEP = 2.0**-30
"""Of the step that sums are rounded to: no map is computed more finely."""

COARSEST_STEP = 2.0**15
"""Of the same, the most: no multiplier makes finer numbers of coarser sums."""

LEAST_SCALE = 2.0**-100
"""No scale is finer: products of two are still normal numbers of single precision.

Unless results are finer yet, as those of weights that are denormal.
"""


@dataclass(frozen=True)
class QuantizedWeights:
    """Integers [pairs, *kernel], and the scale of each pair in single precision."""

    integers: Array
    scales: Array
    element: Int

    @property
    def real(self) -> Array:
        """What the integers stand for."""
        spread = self.scales.reshape(-1, *(1,) * (self.integers.ndim - 1))
        return self.integers.astype(np.float64) * spread.astype(np.float64)


def quantized_weights(
    op: Conv, weights: Array, bias: Array | None, precision: Precision, x_scale: float, step: float
) -> QuantizedWeights:
    """Each map's largest weight is the largest integer; `step` is what its sums are rounded to."""
    table, element = op.table, Int(precision.weight_bits)
    maps = pair_maps(table)
    flat = np.abs(weights.astype(np.float64)).reshape(table.pairs, -1).max(1)
    if precision.scale is not None:
        scales = np.full(table.maps, precision.scale)
    else:
        largest = np.zeros(table.maps)
        np.maximum.at(largest, maps, flat)
        least = max(FINEST_STEP * step / x_scale, min(COARSEST_STEP * step / x_scale, LEAST_SCALE))
        scales = np.maximum(largest / element.high, least)
        if bias is not None:
            scales = np.maximum(scales, np.abs(bias.astype(np.float64)) / x_scale / WIDEST_BIAS)
    of_pairs = scales.astype(np.float32)[maps]
    spread = of_pairs.astype(np.float64).reshape(-1, *(1,) * (weights.ndim - 1))
    steps = np.rint(weights.astype(np.float64) / spread)
    integers = np.clip(steps, -element.high, element.high).astype(element.dtype)
    return QuantizedWeights(integers, of_pairs, element)
