"""The largest of the sums in a pool window, for all lanes at once."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


class PoolMax(wiring.Component):
    """Keeps the largest of the sums from `first` to `last`, lane by lane.

    `largest` is there, with `done`, one cycle after the sum that is `last`; it stays until the next
    sum. One sum of each lane a cycle, no backpressure, no reset of data.
    """

    latency = 1

    def __init__(self, bits: int, lanes: int) -> None:
        if lanes < 1:
            raise ValueError(f"there is at least one lane, not {lanes}")
        self.bits = bits
        self.lanes = lanes
        sums = data.ArrayLayout(signed(bits), lanes)
        super().__init__(
            {
                "sums": In(sums),
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "largest": Out(sums),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.done.eq(self.valid & self.last)
        for lane in range(self.lanes):
            largest = Signal(signed(self.bits), name=f"largest_{lane}", reset_less=True)
            sum_ = self.sums[lane]
            with m.If(self.valid):
                m.d.sync += largest.eq(Mux(self.first | (sum_ > largest), sum_, largest))
            m.d.comb += self.largest[lane].eq(largest)
        return m
