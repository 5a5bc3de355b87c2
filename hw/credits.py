"""A counter of free places, for work that may start only if all its results have room."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Credits(wiring.Component):
    """Counts the free places of a store of `limit` places, reserved up to `most` at a time.

    A job puts the places that it needs on `amount`, raises `ask`, and waits for `enough`. With
    `take` it reserves them, in a cycle in which `enough` is high; `give` frees one place, as its
    value leaves the store. `amount` stays as it is from `ask` to `take`; after that the next job
    may ask at once.

    Latency: `enough` is a register, `latency` = 1 cycle after `ask` or the `give` that suffices,
    and low in the cycle after a `take`. Throughput: a take every 2 cycles, a give every cycle,
    both at once. It errs to one side alone: places freed in this cycle count from the next.
    Backpressure: none. Reset: all places are free.
    """

    latency = 1

    def __init__(self, limit: int, most: int) -> None:
        if limit < 1:
            raise ValueError(f"a store has 1 place or more, not {limit}")
        if not 1 <= most <= limit:
            raise ValueError(f"{most} places at a time is not within 1 and the limit of {limit}")
        self.limit = limit
        self.most = most
        super().__init__(
            {
                "amount": In(range(most + 1)),
                "ask": In(1),
                "take": In(1),
                "give": In(1),
                "enough": Out(1),
                "available": Out(range(limit + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        available = Signal(range(self.limit + 1), init=self.limit)
        enough = Signal()
        taken = Signal(range(self.most + 1))
        with m.If(self.take):
            m.d.comb += taken.eq(self.amount)
        m.d.comb += [self.available.eq(available), self.enough.eq(enough)]
        m.d.sync += [
            available.eq(available - taken + self.give),
            enough.eq(self.ask & ~self.take & (available >= self.amount)),
        ]
        return m
