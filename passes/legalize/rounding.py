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
from sightline.passes.legalize.coded import (
    CannotLegalize,
    Coded,
    NotQuantized,
    Site,
    centered,
    scaled,
    times,
    total,
)

LARGEST_TABLE = 16
"""Bits of the widest integers that are looked up in a table."""


def rounded(site: Site, x: Coded, functions: Sequence[Pointwise] = ()) -> str:
    """The value of `site.to` that an exact one becomes, after pointwise functions on it."""
    limits_alone = all(isinstance(function, Relu | Clip) for function in functions)
    if limits_alone and not _often_halfway(site, x):
        return _requantized(site, x, *limits(site.to, functions))
    return _looked_up(site, x, functions)


def _often_halfway(site: Site, x: Coded) -> bool:
    """Whether many of few numbers lie between two steps of the result, as averages of four do.

    Then a table rounds them to even, as ONNX has it; elsewhere halves are rare, and go upward.
    """
    ratios = np.unique(x.scale / site.to.scale)
    if len(ratios) > 1 or storage_of(site.rewriter[x.value].type).bits > HALVES_TABLE:
        return False
    multiplier, shift = _factor(float(ratios[0]))
    return multiplier % 2 == 1 and shift <= HALVES_SHIFT


HALVES_SHIFT = 6
"""Of 2^shift numbers in a row, times an odd multiplier, one lies halfway: rare beyond it."""

HALVES_TABLE = 11
"""Bits of the widest integers whose halves a table rounds: it is one small block of memory."""


def limits(to: Encoding, clips: Sequence[Pointwise]) -> tuple[int, int]:
    """The lowest and highest integers that are left by clips in a row."""
    low, high = to.storage.low, to.storage.high
    for clip in clips:
        ends = (0.0, math.inf) if isinstance(clip, Relu) else (clip.low, clip.high)  # type: ignore[attr-defined]
        first, last = (to.code(end) for end in ends)
        low, high = (min(max(end, first), last) for end in (low, high))
    return low, high


def _requantized(site: Site, x: Coded, low: int, high: int) -> str:
    to = site.to
    if x.zero_point == to.zero_point and (x.scale == to.scale).all() and _fits(site, x):
        if (x.low, x.high) == (low, high):
            return x.value
        return site.finish(Clamp(low, high), x.value)
    x = centered(site, x)
    width = fixed.width_of(x.low, x.high)
    if width > fixed.MAX_ACCUMULATOR_BITS:
        raise CannotLegalize(
            f"what is rounded has {width} bits, and {fixed.MAX_ACCUMULATOR_BITS} are the most"
        )
    multipliers, shifts = factors(x.scale / to.scale)
    return site.finish(
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
            f"its result is in steps {ratio:g} times finer than what it is made of"
        ) from error


def _looked_up(site: Site, x: Coded, functions: Sequence[Pointwise]) -> str:
    storage = storage_of(site.rewriter[x.value].type)
    if storage.bits > LARGEST_TABLE:
        raise NotQuantized  # what a function sees is to be rounded before it
    real = x.uniform_scale * (np.arange(storage.low, storage.high + 1) - x.zero_point)
    table = fixed.quantize(
        applied(functions, real), site.to.scale, site.to.zero_point, site.to.storage
    )
    entries = site.constant(table.astype(site.to.storage.dtype), "table", site.to.storage)
    return site.finish(Lookup(site.to), x.value, entries)


def applied(functions: Sequence[Pointwise], x: Array) -> Array:
    """Functions in a row, in double precision."""
    with np.errstate(all="ignore"):
        for function in functions:
            x = np.asarray(function.formula(np, x), np.float64)
    return x


def weighted_sum(site: Site, terms: Sequence[Coded], offset: Array | None = None) -> Coded:
    """The sum of centered values with scales of their own, ready to be rounded once.

    Each is multiplied by a whole number, so that all are of one scale. Known numbers are added in
    steps of that.
    """
    alike = all(np.array_equal(term.scale, terms[0].scale) for term in terms)
    if alike and (terms[0].scale > 0).all():
        weighed = list(terms)
    else:
        step = _common_step(site, terms)
        weighed = [_in_steps(site, term, step, f"term{n}") for n, term in enumerate(terms)]
    if offset is not None:
        weighed = [_finer(site, term, f"finer{n}") for n, term in enumerate(weighed)]
    result, *others = weighed
    for number, other in enumerate(others, 1):
        result = total(site, result, other, f"sum{number}")
    return result if offset is None else _offset(site, result, offset)


def _finer(site: Site, x: Coded, suffix: str) -> Coded:
    """x in steps by powers of two finer, a small part of the result's, for what is added to it."""
    ratio = OFFSET_STEPS * float(x.scale.max()) / site.to.scale
    most = fixed.MAX_ACCUMULATOR_BITS - 2 - fixed.width_of(x.low, x.high)
    bits = min(math.ceil(math.log2(ratio)) if ratio > 1 else 0, most)
    if bits <= 0:
        return x
    return scaled(times(site, x, np.full_like(x.scale, 1 << bits, np.int64), suffix), 2.0**-bits)


OFFSET_STEPS = 256
"""How many steps of what is added make one of the result."""


def _common_step(site: Site, terms: Sequence[Coded]) -> float:
    """The finest scale for which the largest multiplier still has 17 bits.

    If a multiplier would then be so small that what it lacks, up to half of one, makes a quarter
    of a step of the result, the scale is finer, as long as the sum fits an accumulator.
    """
    scales = [float(np.abs(term.scale).max()) for term in terms]
    farthest = [max(-term.low, term.high, 1) for term in terms]
    step = min(max(scales) / fixed.MAX_MULTIPLIER, site.to.scale / (2 * max(farthest)))
    most = sum(scale * far for scale, far in zip(scales, farthest, strict=True))
    return max(step, most * 2.0 ** (2 - fixed.MAX_ACCUMULATOR_BITS))


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
