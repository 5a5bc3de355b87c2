"""The instructions that multiply pairs of 16-bit numbers and add them up, for TVM's tensorize.

Each adds to `lanes` sums of 32 bits the products of a pair of numbers, spread over the lanes, with
a pair a lane:

    sums[lane] += pair[0] * pairs[lane, 0] + pair[1] * pairs[lane, 1]

Exactly, as weights have no lowest number: two products of 16 bits by 16 fit 32.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from tvm.s_tir import TensorIntrin
from tvm.script import from_source

SHORT, WIDE = ("int8", "int16"), 32
"""Integers that are multiplied in pairs, and the bits of their widest sums."""

MULTIPLY_ADD = {
    4: "llvm.x86.sse2.pmadd.wd",
    8: "llvm.x86.avx2.pmadd.wd",
    16: "llvm.x86.avx512.pmaddw.d.512",
}
"""LLVM's names of what multiplies pairs and adds the two products, by lanes."""

ACCUMULATE = {
    8: "llvm.x86.avx512.vpdpwssd.256",
    16: "llvm.x86.avx512.vpdpwssd.512",
}
"""The same, and adds the sum so far: the instructions of VNNI."""


def instruction(features: Iterable[str], lanes: int) -> str:
    """What a processor of these features has, by LLVM's name; empty if none is known."""
    held = set(features)
    if lanes in ACCUMULATE and {"avx512vnni", "avx512vl"} <= held:
        return ACCUMULATE[lanes]
    needs = {4: "sse2", 8: "avx2", 16: "avx512bw"}
    return MULTIPLY_ADD[lanes] if needs.get(lanes) in held else ""


@cache
def tensor_intrinsic(name: str, lanes: int) -> str:
    """Register the instruction. Returns the name by which a schedule finds it."""
    registered = f"sightline.{name}"
    TensorIntrin.register(registered, _meaning(lanes), _call(name, lanes))
    return registered


def _meaning(lanes: int) -> Any:
    return from_source(
        _HEAD.format(lanes=lanes)
        + f"""
        for lane in T.serial(0, {lanes}):
            for term in T.serial(0, 2):
                with T.sblock("update"):
                    i, t = T.axis.remap("SR", [lane, term])
                    sums[i] = sums[i] + T.cast(pair[t], "int32") * T.cast(pairs[i, t], "int32")
"""
    )


def _call(name: str, lanes: int) -> Any:
    one = 'T.reinterpret(pair.vload([0], "int16x2"), dtype="int32")'
    spread = f"T.broadcast({one}, {lanes})"
    pairs = f'pairs.vload([0, 0], "int16x{2 * lanes}")'
    sums = f'sums.vload([0], dtype="int32x{lanes}")'
    instruction = f'T.llvm_lookup_intrinsic_id("{name}")'
    spread_pairs = f'T.reinterpret({spread}, dtype="int16x{2 * lanes}")'
    if name in ACCUMULATE.values():
        result = f"T.call_llvm_pure_intrin({instruction}, {sums}, {spread_pairs}, {pairs}, {{}})"
    else:
        result = f"{sums} + T.call_llvm_pure_intrin({instruction}, {spread_pairs}, {pairs}, {{}})"
    result = result.format(f'dtype="int32x{lanes}"')
    body = f"""
        sums[T.ramp(T.int32(0), 1, {lanes})] = {result}
"""
    return from_source(_HEAD.format(lanes=lanes) + body)


_HEAD = """
@T.prim_func(s_tir=True)
def multiply_add(
    pair: T.Buffer((2,), "int16", offset_factor=1),
    pairs: T.Buffer(({lanes}, 2), "int16", offset_factor=1),
    sums: T.Buffer(({lanes},), "int32", offset_factor=1),
) -> None:
    with T.sblock("root"):
        T.reads(sums[0:{lanes}], pair[0:2], pairs[0:{lanes}, 0:2])
        T.writes(sums[0:{lanes}])
"""
