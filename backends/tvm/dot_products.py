"""The instructions that multiply short integers and add up the products, for TVM's tensorize.

Each adds to `lanes` sums of 32 bits the products of some numbers, spread over the lanes, with as
many a lane:

    sums[lane] += some[0] * each[lane, 0] + some[1] * each[lane, 1] (+ two more of bytes)

Exactly. Pairs are of 16 bits; as weights have no lowest number, two products fit 32. Quads are of
bytes: pixels without a sign, so signed ones are taken 128 too large (`as_pixel`), and the sums are
too large by what the weights of a map add up to, times 128 (`surplus`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tvm import tirx
from tvm.s_tir import TensorIntrin
from tvm.script import from_source

from sightline.backends.tvm.layout import Sums
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Table

SHORT, WIDE = ("int8", "int16"), 32
"""Signed integers that are multiplied in pairs, and the bits of their widest sums."""

SURPLUS = 128
"""By how much a signed byte is too large where none has a sign."""

LARGEST_PRODUCT = 255 * 128


@dataclass(frozen=True)
class Dot:
    """An instruction, in vectors of any width that a processor has."""

    terms: int
    """Products that it adds up for each sum."""

    accumulates: bool
    """Whether it adds the sum so far as well."""

    @property
    def pixels(self) -> str:
        return "int16" if self.terms == 2 else "uint8"

    @property
    def weights(self) -> str:
        return "int16" if self.terms == 2 else "int8"

    def name(self, lanes: int) -> str:
        """LLVM's, for vectors of so many sums."""
        if not self.accumulates:
            return MULTIPLY_ADD[lanes]
        kind = "vpdpwssd" if self.terms == 2 else "vpdpbusd"
        return f"llvm.x86.avx512.{kind}.{32 * lanes}"

    def takes(self, pixels: str, weights: str, products: int) -> bool:
        """Whether it is exact for numbers of these types, so many products a sum of 32 bits."""
        if self.terms == 2:
            return pixels in SHORT and weights in SHORT
        fits = products * LARGEST_PRODUCT < 1 << (WIDE - 1)
        return fits and pixels in ("int8", "uint8") and weights == "int8"


MULTIPLY_ADD = {
    4: "llvm.x86.sse2.pmadd.wd",
    8: "llvm.x86.avx2.pmadd.wd",
    16: "llvm.x86.avx512.pmaddw.d.512",
}
"""By lanes, what multiplies pairs and adds the two products."""

FEWEST_LANES = 4

NEEDED = {4: "sse2", 8: "avx2", 16: "avx512bw"}
"""The feature that brings it."""

VNNI = (Dot(4, accumulates=True), Dot(2, accumulates=True))
"""Those of VNNI, for quads and for pairs, which add the sum so far as well."""


def instructions(features: Iterable[str], lanes: int) -> tuple[Dot, ...]:
    """What a processor of these features has in vectors of so many lanes, the best first."""
    held = set(features)
    if lanes > FEWEST_LANES and {"avx512vnni", "avx512vl"} <= held:
        return VNNI
    return (Dot(2, accumulates=False),) if NEEDED.get(lanes) in held else ()


def fitting(op: Conv | IntegerConv, dots: Sequence[Dot], pixels: str, weights: str) -> Dot | None:
    """The best for a filter bank on numbers of these types; or none."""
    if not isinstance(op, IntegerConv) or op.bits > WIDE:
        return None
    products = op.window.taps * max(map(len, op.table.inputs))
    return next((dot for dot in dots if dot.takes(pixels, weights, products)), None)


def of_terms(dots: Sequence[Dot], terms: int) -> Dot:
    """That which adds up so many products."""
    return next(dot for dot in dots if dot.terms == terms)


def as_pixel(x: Any, dot: Dot) -> Any:
    """A pixel as the instruction takes it."""
    if dot.terms == 2 or str(x.ty) == "uint8":
        return x.astype(dot.pixels)
    return tirx.reinterpret("uint8", x) ^ tirx.const(SURPLUS, "uint8")


def surplus(table: Table, pixels: str, dot: Dot | None) -> Sums | None:
    """By how much the sums of each map are too large, if they are."""
    if dot is None or dot.terms == 2 or pixels == "uint8":
        return None
    blocks = list(table.blocks())
    planes = tuple(len(block.inputs) for block in blocks for _ in range(block.maps))
    return Sums(planes if len(set(planes)) > 1 else planes[:1], table.maps, SURPLUS)


@cache
def tensor_intrinsic(dot: Dot, lanes: int, spread: str) -> str:
    """Register the instruction, of which pixels or weights are `spread` over the lanes.

    Returns the name by which a schedule finds it.
    """
    registered = f"sightline.{dot.name(lanes)}.{spread}"
    types = (dot.pixels, dot.weights)
    some, each = types if spread == "pixels" else types[::-1]
    head = _HEAD.format(lanes=lanes, terms=dot.terms, some=some, each=each)
    meaning, call = _meaning(dot, lanes), _call(dot, lanes, some, each)
    TensorIntrin.register(registered, from_source(head + meaning), from_source(head + call))
    return registered


def _meaning(dot: Dot, lanes: int) -> str:
    return f"""
        for lane in T.serial(0, {lanes}):
            for term in T.serial(0, {dot.terms}):
                with T.sblock("update"):
                    i, t = T.axis.remap("SR", [lane, term])
                    sums[i] = sums[i] + T.cast(some[t], "int32") * T.cast(each[i, t], "int32")
"""


def _call(dot: Dot, lanes: int, some: str, each: str) -> str:
    one = f'T.reinterpret(some.vload([0], "{some}x{dot.terms}"), dtype="int32")'
    spread = f'T.reinterpret(T.broadcast({one}, {lanes}), dtype="{some}x{dot.terms * lanes}")'
    vector = f'each.vload([0, 0], "{each}x{dot.terms * lanes}")'
    sums = f'sums.vload([0], dtype="int32x{lanes}")'
    # Of bytes, those without a sign come first; of pairs, the order does not matter.
    operands = f"{vector}, {spread}" if each == "uint8" else f"{spread}, {vector}"
    before, after = ("", f"{sums}, ") if dot.accumulates else (f"{sums} + ", "")
    instruction = f'T.llvm_lookup_intrinsic_id("{dot.name(lanes)}"), {after}{operands}'
    return f"""
        sums[T.ramp(T.int32(0), 1, {lanes})] = {before}T.call_llvm_pure_intrin(
            {instruction}, dtype="int32x{lanes}")
"""


_HEAD = """
@T.prim_func(s_tir=True)
def multiply_add(
    some: T.Buffer(({terms},), "{some}", offset_factor=1),
    each: T.Buffer(({lanes}, {terms}), "{each}", offset_factor=1),
    sums: T.Buffer(({lanes},), "int32", offset_factor=1),
) -> None:
    with T.sblock("root"):
        T.reads(sums[0:{lanes}], some[0:{terms}], each[0:{lanes}, 0:{terms}])
        T.writes(sums[0:{lanes}])
"""
