"""L_p pooling in integers: sums of powers, whose root is taken by square roots and a table.

    (sum |x|^p)^(1/p) = r^(2^k / p)     r: the square root, taken k times, of the sum

with the least k for which 2^k is at least p. What is left, a power from 1 to below 2, is nowhere
steep: a table of few values and slopes is enough, and none is needed where p is 1, 2 or 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.op import Op
from sightline.ir.ops.integer import IntegerMax, IntegerSqrt
from sightline.ir.ops.pooling import LPPool
from sightline.ir.ops.quantization import Lookup
from sightline.ir.types import Array
from sightline.passes.legalize.coded import (
    MAX_WIDTH,
    CannotLegalize,
    Coded,
    Site,
    centered,
    difference,
    product,
    scaled,
    shifted,
    times,
    total,
)
from sightline.passes.legalize.pooling import window_sum

FRACTION = 6
"""Bits after the point of roots, and of powers that are no whole numbers."""

PART = 31
"""Bits of a power that one table holds; the rest, if there is one, is in a second."""

RAISED = 30
"""Bits of the results of the last table: its slopes, which are far smaller, still have enough."""


def lp_pool(site: Site) -> Coded:
    op = site.node.op
    assert isinstance(op, LPPool)
    x = site.operand(0)
    sums = window_sum(site, op.window, _powers(site, x, op), "sum")
    roots = math.ceil(math.log2(op.p))
    for _ in range(roots):
        sums = _square_root(site, sums)
    exponent = 2**roots / op.p
    y = sums if exponent == 1 else _raised(site, sums, exponent)
    return scaled(y, x.uniform_scale)


def _powers(site: Site, x: Coded, op: LPPool) -> Coded:
    """|x - zero_point|^p, with the step of x as 1."""
    if op.p not in (1, 2):
        return _tabled(site, x, op)
    x = replace(centered(site, x), scale=np.ones_like(x.scale))
    return product(site, x, x, "squares") if op.p == 2 else _absolute(site, x)


def _absolute(site: Site, x: Coded) -> Coded:
    negated = times(site, x, np.full_like(x.scale, -1, np.int64), "negated")
    high = max(x.high, negated.high)
    larger = IntegerMax(fixed.width_of(0, high))
    return Coded(site.emit(larger, x.value, negated.value, suffix="absolute"), x.scale, 0, 0, high)


def _tabled(site: Site, x: Coded, op: LPPool) -> Coded:
    """Powers of all that x can be: exact if p is a whole number, to a fraction if not."""
    whole = op.p.is_integer()
    largest = max(x.high - x.zero_point, x.zero_point - x.low)
    bits = op.p * math.log2(largest) + math.log2(op.window.taps) + (0 if whole else FRACTION) + 2
    if bits > MAX_WIDTH:
        raise CannotLegalize(
            f"sums of its powers of {op.p:g} would need {bits:.0f} bits, and {MAX_WIDTH} are the "
            "most"
        )
    one = 1 if whole else 1 << FRACTION
    power = int(op.p) if whole else op.p  # powers of Python's integers are exact
    distances = (abs(code - x.zero_point) for code in range(x.low, x.high + 1))
    powers = np.array([round(distance**power * one) for distance in distances], np.int64)
    scale = np.full_like(x.scale, 1 / one)
    low = _entries(site, x.value, powers & ((1 << PART) - 1), scale, "powers")
    if powers.max() < 1 << PART:
        return low
    high = _entries(site, x.value, powers >> PART, scale, "large_powers")
    shifted = times(site, high, np.full_like(x.scale, 1 << PART, np.int64), "large")
    return replace(total(site, shifted, low, "whole"), high=int(powers.max()))


def _entries(site: Site, x: str, entries: Array, scale: Array, suffix: str) -> Coded:
    """What a table of numbers that are not negative has for a value."""
    high = int(entries.max())
    to = Encoding(max(2, fixed.width_of(0, high)), 1.0)
    table = site.constant(entries.astype(to.storage.dtype), f"{suffix}.table", to.storage)
    return Coded(site.emit(Lookup(to), x, table, suffix=suffix), scale, 0, 0, high)


def _square_root(site: Site, x: Coded) -> Coded:
    """The root, with as many bits after the point as there is room for, up to FRACTION."""
    fraction = min(FRACTION, (MAX_WIDTH - fixed.width_of(0, x.high)) // 2)
    if fraction:
        x = times(site, x, np.full_like(x.scale, 4**fraction, np.int64), "finer")
    high = int(fixed.integer_sqrt(np.array(x.high)))
    value = site.emit(IntegerSqrt(max(2, fixed.width_of(0, high))), x.value, suffix="root")
    return Coded(value, np.sqrt(x.scale) / 2**fraction, 0, 0, high)


def _raised(site: Site, x: Coded, exponent: float) -> Coded:
    """x^e = t^e + e t^(e - 1) (x - t), nearly, for the number t of a table that is nearest to x."""
    bits = 10 if site.to.bits <= 8 else 12
    shift = next(s for s in range(1, 48) if fixed.shift_round(np.array(x.high), s) < 1 << bits)
    index = _index(site, x, bits, shift)
    last = int(fixed.shift_round(np.array(x.high), shift))
    nearest = np.minimum(np.arange(1 << bits), last) << shift
    step = float(last << shift) ** exponent / (1 << RAISED)
    slopes = np.rint(exponent * nearest ** (exponent - 1) / step).astype(np.int64)
    values = np.rint(nearest**exponent / step).astype(np.int64)
    scale = step * x.scale**exponent
    known = times(
        site, centered(site, index), np.full_like(x.scale, 1 << shift, np.int64), "nearest"
    )
    beside = replace(
        difference(site, x, known, "beside"), low=-(1 << (shift - 1)), high=1 << (shift - 1)
    )
    slope = _entries(site, index.value, slopes, np.ones_like(x.scale), "slope")
    value = _entries(site, index.value, values, scale, "power")
    return total(site, value, product(site, slope, beside, "rise"), "raised")


def _index(site: Site, x: Coded, bits: int, shift: int) -> Coded:
    """x / 2^shift, rounded to integers that index a table."""
    to = Encoding(bits, 1.0, -(1 << (bits - 1)))
    value = shifted(site, x, shift, to, "index")
    return Coded(value, x.scale, to.zero_point, to.storage.low, to.storage.high)


LEGAL: dict[type[Op], Callable[[Site], Coded]] = {LPPool: lp_pool}
