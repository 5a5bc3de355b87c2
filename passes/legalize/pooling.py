"""Poolings: sums over windows, whose division is part of the one rounding at the end."""

from __future__ import annotations

import numpy as np

from sightline.ir import fixed
from sightline.ir.ops.integer_bank import IntegerSumPool
from sightline.ir.ops.pooling import AveragePool, GlobalAveragePool, SumPool
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.passes.legalize.coded import Coded, Site, scaled


def sum_pool(site: Site) -> Coded:
    op = site.node.op
    assert isinstance(op, SumPool)
    return window_sum(site, op.window, site.operand(0), "sum")


def average_pool(site: Site) -> Coded:
    """The sum, each place of which is divided by what counts there."""
    op = site.node.op
    assert isinstance(op, AveragePool)
    spatial = site.shape(site.node.inputs[0])[2:]
    sums = window_sum(site, op.window, site.operand(0), "sum")
    return scaled(sums, by_place(1 / op.counts(spatial).astype(np.float64)))


def by_place(values: Array) -> Array:
    """`[1, 1, *places]`, or of one element where all are alike."""
    alike = np.unique(values)
    places = values if len(alike) > 1 else alike.reshape((1,) * values.ndim)
    return places.reshape(1, 1, *places.shape)


def global_average_pool(site: Site) -> Coded:
    spatial = site.shape(site.node.inputs[0])[2:]
    sums = window_sum(site, Window(spatial), site.operand(0), "sum")
    return scaled(sums, 1 / float(np.prod(spatial)))


def window_sum(site: Site, window: Window, x: Coded, suffix: str) -> Coded:
    """The sum of x - zero_point over each window."""
    low = min(0, (x.low - x.zero_point) * window.taps)
    high = max(0, (x.high - x.zero_point) * window.taps)
    bits = fixed.width_of(low, high)
    value = site.emit(IntegerSumPool(window, bits, x.zero_point), x.value, suffix=suffix)
    return Coded(value, x.scale, 0, low, high)


LEGAL = {
    SumPool: sum_pool,
    AveragePool: average_pool,
    GlobalAveragePool: global_average_pool,
}
