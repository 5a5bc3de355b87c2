"""Products made in DSP blocks and added from block to block, in cascades.

One DSP block makes w * x, or two products with one data value at once. For two, the pre-adder makes
(w1 << 17) + w0, and times x that is both products side by side: w0 * x in the lower 17 bits, and
w1 * x above, less one where the lower one is negative. Four such may be added before the lower
field, of at most 4 * 127 * 128 = 65,024 in magnitude, leaves its 17 bits.

The blocks of a cascade add a cycle after each other, so position p works on values of p cycles ago:
data is delayed, and so is the address of that position's own weight memory. Weights are not. All
cascades end together; one with fewer blocks begins later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value

from sightline.hw.delay import delay
from sightline.hw.rom import Rom
from sightline.hw.weight_words import Weights, weight_words
from sightline.ir.fixed import width_of

FIELD_BITS = 17
LONGEST_PACKED = 4
LARGEST_PACKED_WEIGHT = 127
MULTIPLIER_LATENCY = 3
"""From data to a product: two input registers and the product's own."""


@dataclass(frozen=True)
class Cascades:
    """The blocks for weights [depth, taps, lanes]: who multiplies what, and where."""

    weights: Weights
    data_bits: int
    chain: int
    packed: bool
    in_luts: int = 0
    """How many of the last steps have their weights in LUTs."""

    @property
    def length(self) -> int:
        taps: int = self.weights.shape[1]
        return min(self.chain, taps)

    @property
    def latency(self) -> int:
        """From data to the sums of the cascades, fields apart."""
        return MULTIPLIER_LATENCY + self.length + self.packed

    @property
    def dsps(self) -> int:
        taps: int = self.weights.shape[1]
        lanes: int = self.weights.shape[2]
        return taps * ((lanes + 1) // 2 if self.packed else lanes)

    def chains(self) -> list[list[tuple[int, int]]]:
        """For each cascade its (position, tap), first block first."""
        taps = range(self.weights.shape[1])
        chunks = [taps[k : k + self.chain] for k in range(0, len(taps), self.chain)]
        return [list(enumerate(chunk, self.length - len(chunk))) for chunk in chunks]

    def build(self, m: Module, address: Value, data: Value) -> list[list[Value]]:
        """For each lane the sums of all cascades."""
        factors = self._factors(m, address, data)
        lanes = self.weights.shape[2]
        step = 2 if self.packed else 1
        sums: list[list[Value]] = [[] for _ in range(lanes)]
        for chain in self.chains():
            for lane in range(0, lanes, step):
                pair = range(lane, min(lane + step, lanes))
                total = self._chain(m, [factors[tap] for _, tap in chain], chain[0][1], pair)
                bits, tap = self.sum_bits(len(chain)), chain[0][1]
                fields = _split(m, total, bits, tap, pair) if self.packed else [total]
                for each, field in zip(pair, fields, strict=True):
                    sums[each].append(field)
        return sums

    def _factors(self, m: Module, address: Value, data: Value) -> dict[int, tuple[Value, Value]]:
        """For each tap its weights, lane 0 lowest, and its data a register before the product."""
        taps_at: list[list[int]] = [[] for _ in range(self.length)]
        for chain in self.chains():
            for position, tap in chain:
                taps_at[position].append(tap)
        factors = {}
        bits, row = self.data_bits, self.data_bits * self.weights.shape[2]
        for position, taps in enumerate(taps_at):
            words = weight_words(self.weights[:, taps], bits)
            rom = Rom(words, row * len(taps), in_luts=self.in_luts)
            m.submodules[f"weights_{position}"] = rom
            m.d.comb += rom.address.eq(delay(m, address, position, f"address_{position}"))
            weights = delay(m, rom.data, 1, f"weight_{position}")
            wide = Cat(data[tap * bits : (tap + 1) * bits] for tap in taps)
            values = delay(m, wide, position + 2, f"data_{position}")
            for k, tap in enumerate(taps):
                word = weights[k * row : (k + 1) * row]
                factors[tap] = word, values[k * bits : (k + 1) * bits].as_signed()
        return factors

    def _chain(
        self, m: Module, factors: Sequence[tuple[Value, Value]], tap: int, lanes: range
    ) -> Value:
        """The sum of one cascade, as it comes out of its last block."""
        total: Value | None = None
        for k, (word, value) in enumerate(factors):
            name = f"{tap + k}_{lanes[0]}"
            low, *high = (word.word_select(lane, self.data_bits).as_signed() for lane in lanes)
            factor = _register(f"factor_{name}", self._factor_bits(len(lanes)))
            m.d.sync += factor.eq(
                Cat(Const(0, FIELD_BITS), *high).as_signed() + low if high else low
            )
            product = _register(f"product_{name}", self._cascade_bits(1, len(lanes)))
            m.d.sync += product.eq(factor * value)
            added = _register(f"cascade_{name}", self._cascade_bits(k + 1, len(lanes)))
            m.d.sync += added.eq(product if total is None else total + product)
            total = added
        assert total is not None
        return total

    def _largest_weight(self) -> int:
        return LARGEST_PACKED_WEIGHT if self.packed else 1 << self.data_bits - 1

    def _factor_bits(self, fields: int) -> int:
        return self.data_bits if fields == 1 else FIELD_BITS + self.data_bits

    def sum_bits(self, count: int) -> int:
        """The width of the sum of so many products."""
        largest = (count * self._largest_weight()) << self.data_bits - 1
        return width_of(-largest, largest)

    def _cascade_bits(self, count: int, fields: int) -> int:
        """The same where fields are side by side."""
        return self.sum_bits(count) + FIELD_BITS * (fields - 1)


def _split(m: Module, total: Value, bits: int, tap: int, lanes: range) -> list[Value]:
    """The fields of a sum apart: the upper one gets back what a negative lower one borrowed."""
    low, *high = (_register(f"sum_{tap}_{lane}", bits) for lane in lanes)
    m.d.sync += low.eq(total[:FIELD_BITS].as_signed() if high else total)
    for field in high:
        m.d.sync += field.eq(total[FIELD_BITS:].as_signed() + total[FIELD_BITS - 1])
    return [low, *high]


def _register(name: str, bits: int) -> Signal:
    return Signal(Shape(bits, signed=True), name=name, reset_less=True)
