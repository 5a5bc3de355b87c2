"""Normalization in integers: box sums, an integer reciprocal root, one rounding at the end.

With n the pixels of a box, S their sum and Q the sum of their squares, all in steps of x:

    (x - S/n) / max(sqrt(Q/n - (S/n)^2), floor) = (n x - S) / sqrt(max(n Q - S^2, (n floor)^2))
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.ops.integer import IntegerMax, IntegerMul, ReciprocalSqrt
from sightline.ir.ops.normalization import (
    BoxNorm,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    box_sums,
)
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.passes.legalize.coded import (
    CannotLegalize,
    Coded,
    Site,
    centered,
    difference,
    product,
    scaled,
    shifted,
    times,
)
from sightline.passes.legalize.pooling import by_place, window_sum

ROOT_BITS = 30
"""Bits of the numbers whose reciprocal root is taken: it then has 15 bits or more."""


LEAST_BITS = 16
"""Of the least square, if there is room: it is off by at most one of its steps."""


def subtractive(site: Site) -> Coded:
    """x - S / n = (n x - S) / n."""
    x = centered(site, site.operand(0))
    sums = _box(site, x, "sum")
    return scaled(_spread(site, x, sums), by_place(1 / _counts(site)))


def divisive(site: Site) -> Coded:
    """x / max(sqrt(Q / n), floor) = n x / sqrt(max(n Q, (n floor)^2))."""
    x = centered(site, site.operand(0))
    squares = times(site, _box(site, product(site, x, x, "squares"), "energy"), _n(site), "scaled")
    return _over_root(site, times(site, x, _n(site), "weighed"), squares, x)


def local(site: Site) -> Coded:
    x = centered(site, site.operand(0))
    sums = _box(site, x, "sum")
    squares = times(site, _box(site, product(site, x, x, "squares"), "energy"), _n(site), "scaled")
    spread = difference(site, squares, product(site, sums, sums, "square_of_sum"), "variance")
    # The deviation of numbers is at most half of the distance of their ends.
    most = (int(_n(site).max()) * (x.high - x.low)) ** 2 // 4
    return _over_root(site, _spread(site, x, sums), replace(spread, low=0, high=most), x)


def _counts(site: Site) -> Array:
    """The pixels of the box around each place, `[H, W]`."""
    op = site.node.op
    assert isinstance(op, BoxNorm)
    counts: Array = box_sums(np.ones((1, 1, *site.node.type.spatial)), op.size)[0, 0]
    return counts


def _n(site: Site) -> Array:
    return by_place(_counts(site)).astype(np.int64)


def _box(site: Site, x: Coded, suffix: str) -> Coded:
    op = site.node.op
    assert isinstance(op, BoxNorm)
    rows, columns = op.size
    pads = (rows // 2, columns // 2) * 2
    return window_sum(site, Window(op.size, pads=pads), x, suffix)


def _spread(site: Site, x: Coded, sums: Coded) -> Coded:
    """n x - S."""
    return difference(site, times(site, x, _n(site), "weighed"), sums, "spread")


def _over_root(site: Site, numerator: Coded, squares: Coded, x: Coded) -> Coded:
    """numerator / sqrt(squares), which may not fall below what the floor of the op stands for."""
    op = site.node.op
    assert isinstance(op, LocalNorm | DivisiveNorm)
    least = (_n(site) * op.floor / x.uniform_scale) ** 2
    # No number is farther from the mean of n than sqrt(n) deviations.
    most = math.sqrt(_counts(site).max())
    return over_root(site, numerator, squares, least, most)


def over_root(site: Site, numerator: Coded, squares: Coded, least: Array, most: float) -> Coded:
    """numerator / sqrt(max(squares, least)), the size of which is known to be `most` at most.

    Squares of more than ROOT_BITS lose bits at their lower end, where they do not matter: twice
    `dropped`, by which the quotient grows by 2^dropped, and by sqrt(2) since they are rounded. They
    gain some, and `dropped` is negative, if the least would be but a few of their steps. All being
    below the least, there is but that to divide by.
    """
    if least.min() >= squares.high:  # nothing is left of the root
        return replace(numerator, scale=np.ones_like(numerator.scale) / np.sqrt(least))
    width = max(squares.high, math.ceil(least.max())).bit_length()
    dropped = max(0, width - ROOT_BITS + 1) // 2
    if not dropped:
        room = ROOT_BITS - 1 - width
        lacking = math.ceil(LEAST_BITS - math.log2(max(least.min(), 1.0)))
        dropped = -max(0, min(room, lacking) // 2)
    least = np.maximum(np.ceil(least / 4.0**dropped), 1).astype(np.int64)
    if dropped > 0:
        squares = without(site, squares, 2 * dropped)
    elif dropped < 0:
        squares = times(site, squares, np.full_like(squares.scale, 4**-dropped), "finer")
    high = max(squares.high, int(least.max()))
    held = site.emit(
        IntegerMax(fixed.width_of(0, high)),
        squares.value,
        site.integers(least, "least"),
        suffix="held",
    )
    largest = int(fixed.reciprocal_sqrt(least.min(), ROOT_BITS))
    width = fixed.width_of(0, largest)
    reciprocal = site.emit(ReciprocalSqrt(width, ROOT_BITS), held, suffix="reciprocal")
    end = math.ceil(math.sqrt(2) * most * 2 ** (ROOT_BITS + dropped))
    quotient = site.emit(
        IntegerMul(fixed.width_of(-end, end)), numerator.value, reciprocal, suffix="quotient"
    )
    scale = np.full((1,) * numerator.scale.ndim, 2.0 ** -(ROOT_BITS + dropped))
    return Coded(quotient, scale, 0, -end, end)


def without(site: Site, x: Coded, bits: int) -> Coded:
    """x / 2^bits, rounded."""
    width, most = fixed.width_of(x.low, x.high), fixed.MAX_ACCUMULATOR_BITS
    if width > most:
        raise CannotLegalize(f"its sums of squares have {width} bits, and {most} are the most")
    low, high = x.low >> bits, (x.high >> bits) + 1
    to = Encoding(max(2, fixed.width_of(low, high)), float(x.scale.max()) * 2.0**bits)
    value = shifted(site, x, bits, to, "coarse")
    return Coded(value, x.scale * 2.0**bits, 0, low, high)


LEGAL = {SubtractiveNorm: subtractive, DivisiveNorm: divisive, LocalNorm: local}
