"""How many rows a ring holds, and where the oldest lies."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.modulo import wrapped


class RingState(wiring.Component):
    """Counts of a ring of `slots` rows, for its writer and for its reader.

    `begin` marks a row that begins to be written, `arrived` one that is whole; `take` lets go of
    the `release` oldest rows for the reader, and `freed` gives so many slots back to the writer,
    when the last window that saw them has been read. `rows` and `slot` are what the next job finds:
    whole rows, and the slot of the oldest; `free` is how many rows may still begin.

    Counts are right in the cycle after the pulse. After reset the ring is empty.
    """

    def __init__(self, slots: int) -> None:
        if slots < 1:
            raise ValueError(f"a ring has at least one row slot, not {slots}")
        self.slots = slots
        super().__init__(
            {
                "begin": In(1),
                "arrived": In(1),
                "take": In(1),
                "release": In(range(slots + 1)),
                "freed": In(range(slots + 1)),
                "rows": Out(range(slots + 1)),
                "slot": Out(range(slots)),
                "free": Out(range(slots + 1), init=slots),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        released = Signal(range(self.slots + 1))
        m.d.comb += released.eq(Mux(self.take, self.release, 0))
        m.d.sync += [
            self.rows.eq(self.rows + self.arrived - released),
            self.free.eq(self.free - self.begin + self.freed),
            self.slot.eq(wrapped(self.slot + released, self.slots)),
        ]
        return m
