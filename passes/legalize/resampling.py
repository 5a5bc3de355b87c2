"""Pyramids and interpolation: filters whose weights are whole numbers over a power of two."""

from __future__ import annotations

import numpy as np

from sightline.ir import fixed
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerConv
from sightline.ir.ops.movement import Pad, Slice, Stuff
from sightline.ir.ops.pyramid import KERNEL, PyramidDown, PyramidUp
from sightline.ir.ops.resize import ResizeBilinear
from sightline.ir.table import Table
from sightline.ir.window import Window
from sightline.passes.legalize.coded import Coded, Site, scaled

BLUR = np.outer(KERNEL, KERNEL)
FRACTIONS = {10: 11, 16: 15}
"""Bits of the distance between two pixels that interpolation tells apart, by those of numbers."""


def pyramid_down(site: Site) -> Coded:
    """Every second sum of 1 4 6 4 1 along both axes, over 256; the border repeats."""
    x = site.operand(0)
    framed = site.emit(Pad((0, 0, 2, 2, 0, 0, 2, 2), "edge"), x.value, suffix="framed")
    return scaled(_blur(site, x, framed, strides=(2, 2)), 1 / BLUR.sum())


def pyramid_up(site: Site) -> Coded:
    """The same sums, over 64, of x with zeros between its pixels; the border repeats."""
    x = site.operand(0)
    height, width = site.node.type.spatial
    framed = site.emit(Pad((0, 0, 1, 1, 0, 0, 1, 1), "edge"), x.value, suffix="framed")
    apart = site.emit(Stuff((2, 2), x.zero_point), framed, suffix="apart")
    sums = _blur(site, x, apart, strides=(1, 1))
    batch, channels = site.node.type.shape[:2]
    stops = (batch, channels, height, width)
    value = site.emit(Slice((0, 0, 0, 0), stops, (1, 1, 1, 1)), sums.value, suffix="cut")
    return scaled(Coded(value, sums.scale, 0, sums.low, sums.high), 4 / BLUR.sum())


def _blur(site: Site, x: Coded, value: str, strides: tuple[int, int]) -> Coded:
    """Sums of x - zero_point in every map by itself."""
    channels = site.shape(value)[1]
    weights = np.broadcast_to(BLUR, (channels, 5, 5)).astype(np.int8)
    low, high = (int(BLUR.sum()) * (end - x.zero_point) for end in (x.low, x.high))
    raw = [int(BLUR.sum()) * end for end in (x.low, x.high)]
    bits = fixed.width_of(min(low, *raw), max(high, *raw))
    operands = [value, site.constant(weights, "blur")]
    if x.zero_point:
        bias = np.full(channels, -x.zero_point * int(BLUR.sum()))
        operands.append(site.integers(bias, "bias"))
    table = Table.grouped(channels, channels, channels)
    bank = IntegerConv(Window((5, 5), strides), table, bits, x.zero_point)
    return Coded(site.emit(bank, *operands, suffix="blurred"), x.scale, 0, low, high)


def bilinear(site: Site) -> Coded:
    op = site.node.op
    assert isinstance(op, ResizeBilinear)
    x = site.operand(0)
    wider = max(site.to.bits, fixed.width_of(x.low, x.high))
    fraction = next((f for bits, f in FRACTIONS.items() if wider <= bits), max(FRACTIONS.values()))
    one = 1 << (2 * fraction)
    low, high = x.low * one, x.high * one
    width = fixed.width_of(low, high)
    resized = IntegerBilinear(op.size, width, fraction, op.coordinates, op.scales)
    value = site.emit(resized, x.value, suffix="between")
    return Coded(value, x.scale / one, x.zero_point * one, low, high)


LEGAL = {PyramidDown: pyramid_down, PyramidUp: pyramid_up, ResizeBilinear: bilinear}
