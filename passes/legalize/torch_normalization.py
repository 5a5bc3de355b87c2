"""Torch7's normalization in integers: one kernel over the sums of all maps.

With k the kernel in whole numbers, K their sum, D the sum of those that lie within the map at a
place, C the number of maps, S the sum of k x, E the sum of k x^2, and t the threshold, they are

    x - S / (C D) = (C D x - S) / (C D)
    x / max(sqrt(E K / C) / D, t) = sqrt(C / K) D (x / sqrt(max(E, t^2 D^2 C / K)))
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sightline.ir import fixed
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.normalization import TorchDivisiveNorm, TorchSubtractiveNorm
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.passes.legalize.banks import bounds
from sightline.passes.legalize.coded import (
    CannotLegalize,
    Coded,
    Site,
    centered,
    difference,
    product,
    scaled,
    times,
    total,
)
from sightline.passes.legalize.normalization import over_root, without
from sightline.passes.legalize.pooling import by_place

LARGEST = (1 << 15) - 1
"""The largest number of a kernel; all are smaller where sums would not fit an accumulator."""

SPLIT = 16
"""Bits of squares that are filtered by themselves where all at once would be too many."""

MOST = 2.0 ** (fixed.MAX_ACCUMULATOR_BITS - 1) - 1
"""The largest sum that can be rounded."""


@dataclass(frozen=True)
class Kernel:
    """A kernel [rows, columns] in whole numbers, and their sum at each place that it can lie."""

    whole: Array
    window: Window
    at: Array


def subtractive(site: Site) -> Coded:
    x = centered(site, site.operand(0))
    maps = site.node.type.shape[1]
    kernel = _kernel(site, MOST / (2 * maps * _largest(x)))
    sums = _filtered(site, _over_maps(site, x, "maps"), kernel, "sum")
    weight = maps * kernel.at
    spread = difference(site, times(site, x, weight, "weighed"), sums, "spread")
    return scaled(spread, 1 / weight)


def divisive(site: Site) -> Coded:
    op = site.node.op
    assert isinstance(op, TorchDivisiveNorm)
    x = centered(site, site.operand(0))
    maps = site.node.type.shape[1]
    kernel = _kernel(site, MOST * 2**SPLIT / (maps * _largest(x) ** 2))
    center = int(kernel.whole[tuple(side // 2 for side in kernel.whole.shape)])
    if kernel.whole.min() < 0 or center == 0:
        raise CannotLegalize("its kernel has numbers below 0, or next to nothing at its centre")
    energy, dropped = _energy(site, x, kernel)
    ratio = maps / int(kernel.whole.sum())
    least = (op.threshold / x.uniform_scale * kernel.at) ** 2 * ratio / 2**dropped
    # The square of x itself is part of the energy, as often as the centre of the kernel says.
    most = math.sqrt(2**dropped / center)
    quotient = over_root(site, x, energy, least, most)
    return scaled(quotient, kernel.at * math.sqrt(ratio / 2**dropped))


def _energy(site: Site, x: Coded, kernel: Kernel) -> tuple[Coded, int]:
    """The squares of all maps through the kernel, and how many bits of it were rounded away.

    Where the sums are too wide to be rounded, the squares' upper and lower bits are filtered each
    by itself.
    """
    squares = _over_maps(site, product(site, x, x, "squares"), "energy_of_maps")
    if squares.high * int(kernel.whole.sum()) <= MOST:
        return _filtered(site, squares, kernel, "energy"), 0
    upper = without(site, squares, SPLIT)
    shifted = times(site, upper, np.full_like(x.scale, 1 << SPLIT, np.int64), "upper")
    half = 1 << (SPLIT - 1)
    lower = replace(difference(site, squares, shifted, "lower"), low=-half, high=half)
    carried = without(site, _filtered(site, lower, kernel, "lower_energy"), SPLIT)
    energy = total(site, _filtered(site, upper, kernel, "upper_energy"), carried, "energy")
    return replace(energy, low=0), SPLIT


def _largest(x: Coded) -> int:
    return max(x.high, -x.low)


def _kernel(site: Site, room: float) -> Kernel:
    """The kernel in whole numbers that add up to `room` at the most."""
    real = site.rewriter.array(site.node.inputs[1])
    if real is None:
        raise CannotLegalize("its kernel is computed")
    real = real.astype(np.float64)
    size, weight = np.abs(real).max(), np.abs(real).sum()
    if not (np.isfinite(weight) and weight > 0):
        raise CannotLegalize("its kernel is 0, or not finite")
    largest = min(LARGEST, (room - real.size / 2) * size / weight)  # rounding adds 1/2 to each
    whole = np.rint(real / size * max(largest, 0)).astype(np.int64)
    rows, columns = whole.shape
    window = Window(whole.shape, pads=(rows // 2, columns // 2) * 2)
    ones = np.ones((1, 1, *site.node.type.spatial), np.int8)
    bank = IntegerConv(window, Table.dense(1, 1), fixed.MAX_ACCUMULATOR_BITS)
    at = by_place(bank.evaluate(ones, whole[None])[0, 0])
    if at.min() <= 0:
        raise CannotLegalize("its kernel does not add up to something at every pixel")
    return Kernel(whole, window, at)


def _over_maps(site: Site, x: Coded, suffix: str) -> Coded:
    """The sum of all maps."""
    maps = site.node.type.shape[1]
    return _bank(site, x, Window((1, 1)), np.ones((maps, 1, 1), np.int64), suffix)


def _filtered(site: Site, x: Coded, kernel: Kernel, suffix: str) -> Coded:
    """One map through the kernel, padded with 0."""
    return _bank(site, x, kernel.window, kernel.whole[None], suffix)


def _bank(site: Site, x: Coded, window: Window, weights: Array, suffix: str) -> Coded:
    """All maps to one."""
    table = Table.dense(len(weights), 1)
    low, high = bounds(table, weights, np.zeros(1, np.int64), x)
    bank = IntegerConv(window, table, max(2, fixed.width_of(low, high)))
    value = site.emit(bank, x.value, site.integers(weights, f"{suffix}.kernel"), suffix=suffix)
    return Coded(value, x.scale, 0, low, high)


LEGAL = {TorchSubtractiveNorm: subtractive, TorchDivisiveNorm: divisive}
