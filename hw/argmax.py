"""Which channel of a pixel is the largest."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class ArgMax(wiring.Component):
    """The index of the largest of `channels` scores, the lowest index of those that tie.

    Scores are integers of `bits` bits with their sign.

    Order: the channels of a pixel in order, pixel after pixel; one index per pixel.
    Latency: 1 cycle from the last score of a pixel. Throughput: one score per cycle.
    Backpressure: holds one index besides the pixel under way; while that is not taken, `i.ready`
    falls at the last score of a pixel alone, and there follows `o.ready` in the same cycle.
    Reset: forgets the pixel under way; the next score is that of channel 0.
    """

    latency = 1

    def __init__(self, bits: int, channels: int) -> None:
        if bits < 1:
            raise ValueError(f"a score with a sign has 1 bit or more, not {bits}")
        if channels < 1:
            raise ValueError(f"a pixel has 1 channel or more, not {channels}")
        self.channels = channels
        index = unsigned(max(1, (channels - 1).bit_length()))
        super().__init__(
            {
                "i": In(stream.Signature(signed(bits))),
                "o": Out(stream.Signature(index)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        channel = Signal(range(self.channels))
        is_first = Signal(init=1)
        is_last = Signal(init=self.channels == 1)
        largest = Signal.like(self.i.payload, reset_less=True)
        largest_index = Signal.like(channel, reset_less=True)
        wins = Signal()
        index = Signal.like(self.o.payload, reset_less=True)
        is_valid = Signal()
        m.d.comb += [
            wins.eq(is_first | (self.i.payload > largest)),
            self.i.ready.eq(~is_last | ~is_valid | self.o.ready),
            self.o.valid.eq(is_valid),
            self.o.payload.eq(index),
        ]
        with m.If(self.o.ready):
            m.d.sync += is_valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            with m.If(wins):
                m.d.sync += [largest.eq(self.i.payload), largest_index.eq(channel)]
            m.d.sync += channel.eq(Mux(is_last, 0, channel + 1))
            m.d.sync += is_first.eq(is_last)
            if self.channels > 1:
                m.d.sync += is_last.eq(channel == self.channels - 2)
            with m.If(is_last):
                m.d.sync += [is_valid.eq(1), index.eq(Mux(wins, channel, largest_index))]
        return m
