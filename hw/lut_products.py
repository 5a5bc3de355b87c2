"""Products made in LUTs, by Booth's recoding in base 4.

A weight is a sum of digits from -2 to 2, each read off three neighbouring bits, times powers of 4.
A digit times the data is the data, or twice it, or 0, inverted where the digit is negative; and two
of those are added in one chain of carries. Inverting is one less than negating. What is missing
depends on the weights alone, so it stands beside them in the memory, summed over all taps of a
lane, and is added once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value

from sightline.hw.delay import delay
from sightline.hw.rom import Rom
from sightline.hw.sum_tree import sum_tree, sum_tree_latency
from sightline.hw.weight_words import Weights, weight_words

PAIR_BITS = 4
"""The weight bits that two digits stand for."""


@dataclass(frozen=True)
class LutProducts:
    """Products of weights [depth, taps, lanes], as wide as the data, and data in LUTs."""

    weights: Weights
    data_bits: int
    sum_bits: int

    @property
    def pairs(self) -> int:
        return self.data_bits // PAIR_BITS

    @property
    def latency(self) -> int:
        """From data to the sums: a register of the data, the pairs of digits, two trees."""
        taps = self.weights.shape[1]
        return 2 + sum_tree_latency(taps + 1) + sum_tree_latency(self.pairs)

    def build(self, m: Module, address: Value, data: Value) -> list[Value]:
        """For each lane the sum of all its products."""
        _, taps, lanes = self.weights.shape
        bits = self.data_bits
        rom = self._memory()
        m.submodules.weights = rom
        m.d.comb += rom.address.eq(address)
        value = delay(m, data, 1, "data")
        values = [value[tap * bits : (tap + 1) * bits].as_signed() for tap in range(taps)]
        sums = []
        for lane in range(lanes):
            words = [rom.data.word_select(tap * lanes + lane, bits) for tap in range(taps)]
            rest = rom.data[taps * lanes * bits :].word_select(lane, self._missing_bits)
            sums.append(self._lane(m, words, values, rest, lane))
        return sums

    def _memory(self) -> Rom:
        depth, taps, lanes = self.weights.shape
        inverted = self.weights.astype(np.int64) >> 1 & _every_second_bit(self.data_bits)
        missing = inverted.sum(1)
        words = weight_words(self.weights, self.data_bits)
        width = taps * lanes * self.data_bits
        for k in range(depth):
            for lane in range(lanes):
                words[k] |= int(missing[k, lane]) << width + lane * self._missing_bits
        return Rom(words, self.word_bits)

    @property
    def word_bits(self) -> int:
        """The width of a step's weights, and of what inverting leaves out."""
        _, taps, lanes = self.weights.shape
        bits: int = lanes * (taps * self.data_bits + self._missing_bits)
        return bits

    @property
    def _missing_bits(self) -> int:
        taps: int = self.weights.shape[1]
        return (taps * _every_second_bit(self.data_bits)).bit_length()

    def _lane(
        self, m: Module, words: list[Value], values: list[Value], rest: Value, lane: int
    ) -> Value:
        """Each pair's place has a tree of its own; the places are added last."""
        missing = delay(m, Cat(rest, Const(0, 1)).as_signed(), 1, f"missing_{lane}")
        levels = sum_tree_latency(len(words) + 1)
        places = []
        for pair in range(self.pairs):
            terms: list[Value] = [] if pair else [missing]
            for tap, (word, value) in enumerate(zip(words, values, strict=True)):
                bits = Cat(Const(0, 1), word)[PAIR_BITS * pair : PAIR_BITS * (pair + 1) + 1]
                shape = Shape(self.data_bits + PAIR_BITS, signed=True)
                term = Signal(shape, name=f"pair_{pair}_{tap}_{lane}", reset_less=True)
                m.d.sync += term.eq(_digit(value, bits[:3]) + (_digit(value, bits[2:]) << 2))
                terms.append(term)
            name = f"place_{pair}_{lane}"
            total = sum_tree(m, terms, self.sum_bits, name)
            late = levels - sum_tree_latency(len(terms))
            whole = delay(m, total, late, f"{name}_late")
            places.append(Cat(Const(0, PAIR_BITS * pair), whole).as_signed())
        return sum_tree(m, places, self.sum_bits, f"total_{lane}")


def _digit(value: Value, bits: Value) -> Value:
    """The value times a digit, inverted where that is negative."""
    one, two = bits[0] ^ bits[1], (bits[0] == bits[1]) & (bits[1] != bits[2])
    times = Mux(two, value << 1, Mux(one, value, 0))
    inverted: Value = times ^ bits[2].replicate(len(times)).as_signed()
    return inverted


def _every_second_bit(bits: int) -> int:
    """0b…0101, of so many bits."""
    return ((1 << bits) - 1) // 3
