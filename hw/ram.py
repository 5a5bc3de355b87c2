"""A memory that a stream of addresses reads, in LUTs or in block RAM."""

from __future__ import annotations

from enum import Enum
from typing import Any

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out


class RamStyle(Enum):
    """Where a memory lies; the value is what synthesis calls it."""

    LUT = "distributed"
    BLOCK = "block"

    @property
    def latency(self) -> int:
        """Cycles from an address to its value: block RAM takes a second register to be fast."""
        return 2 if self is RamStyle.BLOCK else 1


class Ram(wiring.Component):
    """Slots that one side writes and the other reads: a stream of addresses in, values out.

    `write_enable` writes `write_data` at `write_address`; an address that is asked for in a later
    cycle reads it. Addresses are below `slots`.

    Order: values as their addresses come. Latency: `latency` cycles, 1 in LUTs, 2 in block RAM.
    Throughput: one write and one read per cycle. Backpressure: registers hold as many values as
    there are cycles of latency; `address.ready` follows `o.ready` in the same cycle.
    Reset: forgets the reads under way, and keeps what the slots hold.
    """

    def __init__(self, shape: ShapeLike, slots: int, style: RamStyle) -> None:
        if slots < 1:
            raise ValueError(f"a memory has 1 slot or more, not {slots}")
        self.shape = shape
        self.slots = slots
        self.style = style
        self.latency = style.latency
        super().__init__(
            {
                "write_enable": In(1),
                "write_address": In(range(slots)),
                "write_data": In(shape),
                "address": In(stream.Signature(range(slots))),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = slots = memory.Memory(
            shape=self.shape, depth=self.slots, init=[], attrs={"ram_style": self.style.value}
        )
        writer = slots.write_port()
        reader = slots.read_port(domain="sync")
        fetched = Signal()
        passes_on = Signal()  # what was fetched leaves the memory's own register
        m.d.comb += [
            writer.en.eq(self.write_enable),
            writer.addr.eq(self.write_address),
            writer.data.eq(self.write_data),
            self.address.ready.eq(~fetched | passes_on),
            reader.addr.eq(self.address.payload),
            reader.en.eq(self.address.valid & self.address.ready),
        ]
        with m.If(self.address.ready):
            m.d.sync += fetched.eq(self.address.valid)
        if self.style is RamStyle.LUT:
            m.d.comb += [
                passes_on.eq(self.o.ready),
                self.o.valid.eq(fetched),
                self.o.payload.eq(reader.data),
            ]
            return m
        payload = Signal.like(self.o.payload, reset_less=True)
        is_valid = Signal()
        m.d.comb += [
            passes_on.eq(~is_valid | self.o.ready),
            self.o.valid.eq(is_valid),
            self.o.payload.eq(payload),
        ]
        with m.If(passes_on):
            m.d.sync += is_valid.eq(fetched)
            m.d.sync += payload.eq(reader.data)
        return m
