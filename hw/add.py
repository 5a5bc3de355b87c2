"""The sum of two streams, requantized."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.join import Join
from sightline.ir.fixed import MAX_MULTIPLIER, MAX_SHIFT, width_of


def is_plain(multiplier: int, shift: int) -> bool:
    """Whether the factor is 1, and the sum needs no multiplier."""
    return multiplier == 1 << shift


def add_latency(multiplier: int, shift: int) -> int:
    return 2 if is_plain(multiplier, shift) else 4


class Add(wiring.Component):
    """floor((a + b) * multiplier / 2^shift + 1/2) + zero_point, held within low and high.

    `a` and `b` are integers of `bits` bits with their sign, `o` is the narrowest that holds low and
    high. Exact, as `ir.fixed.requantize` and `saturate` are. A factor of 1, as for scores summed
    over scales that share one, takes no multiplier.

    Order: the n-th of `a` with the n-th of `b`. Latency: `latency` cycles, 4, or 2 at a factor
    of 1. Throughput: one sum per cycle. Backpressure: the pipeline stops as a whole when its end is
    not taken; `a.ready` and `b.ready` follow `o.ready`, and the other's valid, in the same cycle.
    Reset: forgets the sums under way.
    """

    def __init__(
        self, bits: int, multiplier: int, shift: int, zero_point: int, low: int, high: int
    ) -> None:
        if bits < 1:
            raise ValueError(f"an integer with a sign has 1 bit or more, not {bits}")
        if not 1 <= multiplier <= MAX_MULTIPLIER:
            raise ValueError(f"the multiplier {multiplier} is not within 1 and {MAX_MULTIPLIER}")
        if not 1 <= shift <= MAX_SHIFT:
            raise ValueError(f"the shift {shift} is not within 1 and {MAX_SHIFT}")
        if low > high:
            raise ValueError(f"nothing is held within {low} and {high}")
        self.bits = bits
        self.multiplier = multiplier
        self.shift = shift
        self.zero_point = zero_point
        self.low = low
        self.high = high
        self.latency = add_latency(multiplier, shift)
        super().__init__(
            {
                "a": In(stream.Signature(signed(bits))),
                "b": In(stream.Signature(signed(bits))),
                "o": Out(stream.Signature(signed(width_of(low, high)))),
            }
        )

    @property
    def _is_plain(self) -> bool:
        return is_plain(self.multiplier, self.shift)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pairs = pairs = Join({"a": signed(self.bits), "b": signed(self.bits)})
        wiring.connect(m, wiring.flipped(self.a), pairs.i.a)
        wiring.connect(m, wiring.flipped(self.b), pairs.i.b)
        is_valid = Signal(self.latency)  # stage by stage, the last is the output
        moves = Signal()
        total = Signal(signed(self.bits + 1), reset_less=True)
        held = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += [
            moves.eq(~is_valid[-1] | self.o.ready),
            pairs.o.ready.eq(moves),
            self.o.valid.eq(is_valid[-1]),
            self.o.payload.eq(held),
        ]
        with m.If(moves):
            m.d.sync += is_valid.eq((is_valid << 1) | pairs.o.valid)
            m.d.sync += total.eq(pairs.o.payload.a + pairs.o.payload.b)
        rounded = total + self.zero_point if self._is_plain else self._round(m, moves, total)
        with m.If(moves):
            m.d.sync += held.eq(
                Mux(rounded < self.low, self.low, Mux(rounded > self.high, self.high, rounded))
            )
        return m

    def _round(self, m: Module, moves: Signal, total: Signal) -> Signal:
        """Two stages: the product, then half and the zero point added in one, and the shift."""
        scaled = total * self.multiplier
        product = Signal(Shape.cast(scaled.shape()), reset_less=True)
        offset = (1 << (self.shift - 1)) + (self.zero_point << self.shift)
        shifted = (product + offset) >> self.shift
        rounded = Signal(Shape.cast(shifted.shape()), reset_less=True)
        with m.If(moves):
            m.d.sync += [product.eq(scaled), rounded.eq(shifted)]
        return rounded
