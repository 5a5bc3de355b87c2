"""A read-only memory: weights, tables, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value
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
    The last `in_luts` words are in LUTs, whatever the style of the others: where these fill block
    RAM, a few more words would take as much again.
    Throughput: one word a cycle. Backpressure: none. Reset: none, `data` is data.
    """

    latency = 2

    def __init__(
        self, words: Iterable[int], shape: Any, style: Style | None = None, in_luts: int = 0
    ) -> None:
        self.words = [int(word) for word in words]
        if not self.words:
            raise ValueError("a memory has at least one word, not 0")
        self.word_shape = Shape.cast(shape)
        self.style = style or memory_style(len(self.words))
        if not 0 <= in_luts <= len(self.words):
            raise ValueError(f"of {len(self.words)} words, {in_luts} cannot be in LUTs")
        self.in_luts = in_luts
        _check_range(self.words, self.word_shape)
        super().__init__({"address": In(range(len(self.words))), "data": Out(self.word_shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        split = len(self.words) - self.in_luts
        word = self._word(m, "words", self.words[:split], self.style, self.address)
        if self.in_luts:
            late = Signal()
            address = (self.address - split)[: max(1, (self.in_luts - 1).bit_length())]
            others = self._word(m, "words_in_luts", self.words[split:], "distributed", address)
            m.d.sync += late.eq(self.address >= split)
            word = Mux(late, others, word)
        output = Signal(self.word_shape, reset_less=True)
        m.d.sync += output.eq(word)
        m.d.comb += self.data.eq(output)
        return m

    def _word(self, m: Module, name: str, words: list[int], style: Style, address: Value) -> Value:
        """The word addressed a cycle ago."""
        if len(words) < 2:
            return Const(words[0] if words else 0, self.word_shape)
        m.submodules[name] = made = memory.Memory(
            shape=self.word_shape,
            depth=len(words),
            init=words,
            attrs={"rom_style": YOSYS_STYLES[style]},
        )
        read = made.read_port()
        m.d.comb += read.addr.eq(address)
        value: Value = read.data
        return value


def _check_range(words: list[int], shape: Shape) -> None:
    low = -(1 << shape.width - 1) if shape.signed and shape.width else 0
    high = (1 << shape.width - shape.signed) - 1 if shape.width else 0
    least, most = min(words), max(words)
    if least < low or most > high:
        raise ValueError(f"words from {least} to {most} are not within {shape}: {low} to {high}")
