"""Single values as groups."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Shape, ShapeLike, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Widen(wiring.Component):
    """Collects `count` values and gives them at once.

    Order: the first value of a group at index 0. Latency: 1 cycle from the last value of a group
    to the group. Throughput: one value per cycle. Backpressure: holds one group; while it is whole
    and not taken, `i.ready` follows `o.ready` in the same cycle.
    Reset: forgets the group that it holds, whole or not.
    """

    latency = 1

    def __init__(self, shape: ShapeLike, count: int) -> None:
        if count < 1:
            raise ValueError(f"a group has 1 value or more, not {count}")
        self.shape = shape
        self.count = count
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(data.ArrayLayout(shape, count))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        group = Signal(data.ArrayLayout(self.shape, self.count), reset_less=True)
        collected = Signal(range(self.count))  # of the group that is not whole yet
        is_whole = Signal()
        m.d.comb += [
            self.i.ready.eq(~is_whole | self.o.ready),
            self.o.valid.eq(is_whole),
            self.o.payload.eq(group),
        ]
        with m.If(self.o.ready):
            m.d.sync += is_whole.eq(0)
        with m.If(self.i.valid & self.i.ready):
            # Values enter at the top and move down, so that the first ends at index 0.
            entered = Cat(group.as_value(), Value.cast(self.i.payload))
            m.d.sync += group.as_value().eq(entered >> Shape.cast(self.shape).width)
            m.d.sync += collected.eq(collected + 1)
            with m.If(collected == self.count - 1):
                m.d.sync += [collected.eq(0), is_whole.eq(1)]
        return m
