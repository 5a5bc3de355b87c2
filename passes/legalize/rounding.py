"""The end of every legalized op: exact integers to those of an encoding, rounded once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.ops.integer import Clamp
from sightline.ir.ops.pointwise import Clip, Pointwise, Relu
from sightline.ir.ops.quantization import Lookup, Requantize, storage_of
from sightline.ir.types import Array
from sightline.passes.legalize.coded import CannotLegalize, Coded, Site, centered, times, total

LARGEST_TABLE = 16
"""Bits of the widest integers that are looked up in a table."""


def rounded(site: Site, x: Coded, functions: Sequence[Pointwise] = ()) -> str:
    """The value of `site.to` that an exact one becomes, after pointwise functions on it."""
    if all(isinstance(function, Relu | Clip) for function in functions):
        return _requantized(site, x, *limits(site.to, functions))
    return _looked_up(site, x, functions)


def limits(to: Encoding, clips: Sequence[Pointwise]) -> tuple[int, int]:
    """The lowest and highest integers that are left by clips in a row."""
    low, high = to.storage.low, to.storage.high
    for clip in clips:
        ends = (0.0, math.inf) if isinstance(clip, Relu) else (clip.low, clip.high)  # type: ignore[attr-defined]
        first, last = (code(to, end) for end in ends)
        low, high = (min(max(end, first), last) for end in (low, high))
    return low, high


def code(to: Encoding, real: float) -> int:
    """The integer that stands for a number, or the nearest there is."""
    return int(fixed.quantize(np.array([real]), to.scale, to.zero_point, to.storage)[0])


def _requantized(site: Site, x: Coded, low: int, high: int) -> str:
    to = site.to
    if x.zero_point == to.zero_point and (x.scale == to.scale).all() and _fits(site, x):
        if (x.low, x.high) == (low, high):
            return x.value
        return site.emit(Clamp(low, high), x.value)
    x = centered(site, x)
    width = fixed.width_of(x.low, x.high)
    if width > fixed.MAX_ACCUMULATOR_BITS:
        raise CannotLegalize(
            f"what is rounded has {width} bits, and {fixed.MAX_ACCUMULATOR_BITS} are the most"
        )
    multipliers, shifts = factors(x.scale / to.scale)
    return site.emit(
        Requantize(to, low, high),
        x.value,
        site.constant(multipliers, "multipliers"),
        site.constant(shifts, "shifts"),
    )


def _fits(site: Site, x: Coded) -> bool:
    """Whether the integers are already those of the encoding."""
    return site.rewriter[x.value].type.element == site.to.element


def factors(ratios: Array) -> tuple[Array, Array]:
    """Multipliers and shifts for positive ratios, in an array of their shape."""
    pairs = [_factor(float(ratio)) for ratio in ratios.ravel()]
    multipliers = np.array([pair[0] for pair in pairs], np.int32).reshape(ratios.shape)
    shifts = np.array([pair[1] for pair in pairs], np.int8).reshape(ratios.shape)
    return multipliers, shifts


def _factor(ratio: float) -> tuple[int, int]:
    try:
        return fixed.multiplier_and_shift(ratio)
    except ValueError as error:
        raise CannotLegalize(
            f"its result is {ratio:g} times coarser than what it is made of"
        ) from error


def _looked_up(site: Site, x: Coded, functions: Sequence[Pointwise]) -> str:
    storage = storage_of(site.rewriter[x.value].type)
    if storage.bits > LARGEST_TABLE:
        raise CannotLegalize(
            f"its operand has {storage.bits} bits, and a table has at most {LARGEST_TABLE}"
        )
    real = x.uniform_scale * (np.arange(storage.low, storage.high + 1) - x.zero_point)
    table = fixed.quantize(
        applied(functions, real), site.to.scale, site.to.zero_point, site.to.storage
    )
    entries = site.constant(table.astype(site.to.storage.dtype), "table", site.to.storage)
    return site.emit(Lookup(site.to), x.value, entries)


def applied(functions: Sequence[Pointwise], x: Array) -> Array:
    """Functions in a row, in double precision."""
    with np.errstate(all="ignore"):
        for function in functions:
            x = np.asarray(function.formula(np, x), np.float64)
    return x


def weighted_sum(site: Site, terms: Sequence[Coded], offset: Array | None = None) -> Coded:
    """The sum of centered values with scales of their own, ready to be rounded once.

    Each is multiplied by a whole number, so that all are of one scale: the finest for which the
    largest multiplier still has 17 bits. Known numbers are added in steps of that.
    """
    alike = all(np.array_equal(term.scale, terms[0].scale) for term in terms)
    if alike and (terms[0].scale > 0).all():
        weighed = list(terms)
    else:
        largest = max(float(np.abs(term.scale).max()) for term in terms)
        step = largest / fixed.MAX_MULTIPLIER
        weighed = [_in_steps(site, term, step, f"term{n}") for n, term in enumerate(terms)]
    result, *others = weighed
    for number, other in enumerate(others, 1):
        result = total(site, result, other, f"sum{number}")
    return result if offset is None else _offset(site, result, offset)


def _in_steps(site: Site, x: Coded, step: float, suffix: str) -> Coded:
    whole = np.rint(x.scale / step).astype(np.int64)
    return replace(times(site, x, whole, suffix), scale=np.full_like(x.scale, step))


def _offset(site: Site, x: Coded, offset: Array) -> Coded:
    """x and known numbers, in steps of x."""
    rank = x.scale.ndim
    whole = np.rint(offset.reshape((1,) * (rank - offset.ndim) + offset.shape) / x.scale)
    if not np.abs(whole).max() < 2.0**fixed.MAX_ACCUMULATOR_BITS:
        raise CannotLegalize("what is added to it is too large beside it")
    known = whole.astype(np.int64)
    value = site.integers(known, "offset")
    return total(site, x, Coded(value, x.scale, 0, int(known.min()), int(known.max())), "shifted")
