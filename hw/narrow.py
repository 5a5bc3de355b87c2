"""Groups of values one by one."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, ShapeLike, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Narrow(wiring.Component):
    """Takes `count` values at once and gives them one after another.

    Order: index 0 of a group first. Latency: 1 cycle from a group to its first value.
    Throughput: one value per cycle, the first of a group right behind the last of the one before.
    Backpressure: holds one group; `i.ready` follows `o.ready` in the same cycle, as the last value
    of a group leaves. Reset: forgets the group that it holds.
    """

    latency = 1

    def __init__(self, shape: ShapeLike, count: int) -> None:
        if count < 1:
            raise ValueError(f"a group has 1 value or more, not {count}")
        self.shape = shape
        self.count = count
        super().__init__(
            {
                "i": In(stream.Signature(data.ArrayLayout(shape, count))),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        group = Signal(data.ArrayLayout(self.shape, self.count), reset_less=True)
        left = Signal(range(self.count + 1))
        is_valid = Signal()
        is_last = Signal()
        m.d.comb += [
            self.i.ready.eq(~is_valid | (is_last & self.o.ready)),
            self.o.valid.eq(is_valid),
            self.o.payload.eq(group[0]),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                group.eq(self.i.payload),
                left.eq(self.count),
                is_valid.eq(self.i.valid),
                is_last.eq(self.count == 1),
            ]
        with m.Elif(self.o.ready):
            shifted = group.as_value() >> Shape.cast(self.shape).width
            m.d.sync += [
                group.as_value().eq(shifted),
                left.eq(left - 1),
                is_last.eq(left == 2),
            ]
        return m
