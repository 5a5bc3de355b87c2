"""A read-only memory: weights, tables, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from amaranth.hdl import Const, Module, Shape, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

Style = Literal["block", "distributed"]

YOSYS_STYLES: dict[Style, str] = {"block": "block", "distributed": "logic"}
"""Yosys has no LUT memory that is only read, but makes logic of it, which is LUTs as well."""

LARGEST_IN_LUTS = 64
"""Words up to which a memory is better made of LUTs: each LUT holds 64 bits."""


def memory_style(depth: int) -> Style:
    """Where a memory of so many words goes: block RAM, or LUTs where it is small."""
    return "block" if depth > LARGEST_IN_LUTS else "distributed"


class Rom(wiring.Component):
    """Words that never change, one read in each cycle.

    Order: word k is `words[k]`; signed words may be given as negative integers.
    Latency: `latency` cycles from `address` to `data`: the memory's own register, and one after it.
    Throughput: one word a cycle. Backpressure: none. Reset: none, `data` is data.
    """

    latency = 2

    def __init__(self, words: Iterable[int], shape: Any, style: Style | None = None) -> None:
        self.words = [int(word) for word in words]
        if not self.words:
            raise ValueError("a memory has at least one word, not 0")
        self.word_shape = Shape.cast(shape)
        self.style = style or memory_style(len(self.words))
        _check_range(self.words, self.word_shape)
        super().__init__({"address": In(range(len(self.words))), "data": Out(self.word_shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        output = Signal(self.word_shape, reset_less=True)
        m.d.sync += output.eq(self._word(m))
        m.d.comb += self.data.eq(output)
        return m

    def _word(self, m: Module) -> Value:
        """The word addressed a cycle ago."""
        if len(self.words) == 1:
            return Const(self.words[0], self.word_shape)
        m.submodules.words = words = memory.Memory(
            shape=self.word_shape,
            depth=len(self.words),
            init=self.words,
            attrs={"rom_style": YOSYS_STYLES[self.style]},
        )
        read = words.read_port()
        m.d.comb += read.addr.eq(self.address)
        value: Value = read.data
        return value


def _check_range(words: list[int], shape: Shape) -> None:
    low = -(1 << shape.width - 1) if shape.signed and shape.width else 0
    high = (1 << shape.width - shape.signed) - 1 if shape.width else 0
    least, most = min(words), max(words)
    if least < low or most > high:
        raise ValueError(f"words from {least} to {most} are not within {shape}: {low} to {high}")
