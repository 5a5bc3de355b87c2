"""One stream to several readers."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Fork(wiring.Component):
    """Gives each value of a stream to each of `count` readers, once.

    A reader takes a value as soon as it can and does not wait for the others; the next value comes
    when all have it. A FIFO behind an output lets its reader fall further behind.

    Order: as they come, for each reader. Latency: 0 cycles, nothing is held. Throughput: one value
    per cycle. Backpressure: `i.ready` follows the `o.ready` of all in the same cycle.
    Reset: forgets who has taken the value that waits.
    """

    latency = 0

    def __init__(self, shape: ShapeLike, count: int) -> None:
        if count < 1:
            raise ValueError(f"a fork has 1 reader or more, not {count}")
        self.count = count
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)).array(count),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        has_taken = Signal(self.count)
        is_done = Signal(self.count)
        m.d.comb += self.i.ready.eq(is_done.all())
        for k, reader in enumerate(self.o):
            m.d.comb += [
                reader.payload.eq(self.i.payload),
                reader.valid.eq(self.i.valid & ~has_taken[k]),
                is_done[k].eq(has_taken[k] | reader.ready),
            ]
        with m.If(self.i.valid):
            m.d.sync += has_taken.eq(is_done & ~self.i.ready.replicate(self.count))
        return m
