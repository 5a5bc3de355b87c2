"""A skid buffer: cuts every path between the two sides of a stream."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Skid(wiring.Component):
    """Passes a stream on, with registers at its valid, payload and ready.

    A value that arrives while the reader stops has nowhere to go for one cycle, since the writer
    learns of the stop a cycle late; it waits in the second register.

    Order: as they come. Latency: 1 cycle. Throughput: one value per cycle.
    Backpressure: holds two values; `i.ready` falls in the cycle after the second.
    Reset: forgets what it holds.
    """

    latency = 1

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__(
            {"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))},
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        payload = Signal.like(self.o.payload, reset_less=True)
        waiting = Signal.like(self.i.payload, reset_less=True)
        is_valid = Signal()
        is_waiting = Signal()
        m.d.comb += [
            self.i.ready.eq(~is_waiting),
            self.o.valid.eq(is_valid),
            self.o.payload.eq(payload),
        ]
        with m.If(self.o.ready | ~is_valid):
            m.d.sync += is_valid.eq(self.i.valid | is_waiting)
            m.d.sync += is_waiting.eq(0)
            with m.If(is_waiting):
                m.d.sync += payload.eq(waiting)
            with m.Else():
                m.d.sync += payload.eq(self.i.payload)
        with m.Elif(self.i.valid & ~is_waiting):
            m.d.sync += is_waiting.eq(1)
            m.d.sync += waiting.eq(self.i.payload)
        return m
