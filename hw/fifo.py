"""A FIFO of any depth, in the form that suits its size."""

from __future__ import annotations

from enum import Enum
from typing import Any

from amaranth.hdl import Module, Shape, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.ram import Ram, RamStyle
from sightline.hw.skid import Skid

LUT_RAM_SLOTS = 64
LUT_RAM_BITS = 4096


class FifoForm(Enum):
    """What a FIFO is made of."""

    REGISTER = "register"
    SKID = "skid"
    LUT_RAM = "LUT RAM"
    BLOCK_RAM = "block RAM"


def fifo_form(depth: int, width: int) -> FifoForm:
    """The form of a FIFO for this many values of this many bits.

    One and two values are registers. LUTs hold 48 bits each, up to 64 slots without multiplexers;
    devices have about 180 LUTs to each half block RAM, which is 36 bits wide. So block RAM pays
    only beyond both 64 slots, where it is not mostly empty, and 4096 bits, which take some 130 LUTs
    with their multiplexers.
    """
    if depth == 1:
        return FifoForm.REGISTER
    if depth == 2:
        return FifoForm.SKID
    if depth <= LUT_RAM_SLOTS or depth * width <= LUT_RAM_BITS:
        return FifoForm.LUT_RAM
    return FifoForm.BLOCK_RAM


LATENCY = {
    FifoForm.REGISTER: 1,
    FifoForm.SKID: Skid.latency,
    FifoForm.LUT_RAM: 1 + RamStyle.LUT.latency,
    FifoForm.BLOCK_RAM: 1 + RamStyle.BLOCK.latency,
}


class Fifo(wiring.Component):
    """Holds up to `depth` values, registers at its output included; `level` is how many.

    Order: first in, first out. Latency: `latency` cycles from a write to `o.valid`: 1 in registers,
    2 in LUT RAM, 3 in block RAM. Throughput: one write and one read per cycle.
    Backpressure: `i.ready` is high whenever `level` is below `depth`. It comes from a register,
    except at depth 1, where it follows `o.ready` in the same cycle, or throughput would halve.
    Reset: forgets what it holds.
    """

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"a FIFO holds 1 value or more, not {depth}")
        self.shape = shape
        self.depth = depth
        self.form = fifo_form(depth, Shape.cast(shape).width)
        self.latency = LATENCY[self.form]
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        writes = Signal()
        reads = Signal()
        level = Signal(range(self.depth + 1))
        m.d.comb += [
            writes.eq(self.i.valid & self.i.ready),
            reads.eq(self.o.valid & self.o.ready),
            self.level.eq(level),
        ]
        with m.If(writes & ~reads):
            m.d.sync += level.eq(level + 1)
        with m.Elif(reads & ~writes):
            m.d.sync += level.eq(level - 1)

        if self.form is FifoForm.REGISTER:
            self._keep_in_register(m, writes)
        elif self.form is FifoForm.SKID:
            m.submodules.skid = skid = Skid(self.shape)
            wiring.connect(m, wiring.flipped(self.i), skid.i)
            wiring.connect(m, skid.o, wiring.flipped(self.o))
        else:
            self._keep_in_ram(m, writes, reads, level)
        return m

    def _keep_in_register(self, m: Module, writes: Signal) -> None:
        payload = Signal.like(self.o.payload, reset_less=True)
        is_valid = Signal()
        m.d.comb += [
            self.i.ready.eq(~is_valid | self.o.ready),
            self.o.valid.eq(is_valid),
            self.o.payload.eq(payload),
        ]
        with m.If(self.i.ready):
            m.d.sync += is_valid.eq(self.i.valid)
        with m.If(writes):
            m.d.sync += payload.eq(self.i.payload)

    def _keep_in_ram(self, m: Module, writes: Signal, reads: Signal, level: Signal) -> None:
        style = RamStyle.LUT if self.form is FifoForm.LUT_RAM else RamStyle.BLOCK
        # The registers behind the slots are empty only in the cycles after the slots were, so the
        # slots hold at most one value, or what the registers do not.
        slots = self.depth - style.latency
        m.submodules.ram = ram = Ram(self.shape, slots, style)
        fetches = Signal()
        write_address = Signal(range(slots))
        read_address = Signal(range(slots))
        stored = Signal(range(slots + 1))  # values in the slots, not yet on their way out
        has_stored = Signal()
        has_room = Signal(init=1)
        m.d.comb += [
            self.i.ready.eq(has_room),
            ram.write_enable.eq(writes),
            ram.write_address.eq(write_address),
            ram.write_data.eq(self.i.payload),
            ram.address.valid.eq(has_stored),
            ram.address.payload.eq(read_address),
            fetches.eq(ram.address.valid & ram.address.ready),
        ]
        wiring.connect(m, ram.o, wiring.flipped(self.o))
        for moves, address in ((writes, write_address), (fetches, read_address)):
            with m.If(moves):
                m.d.sync += address.eq(address + 1)
                with m.If(address == slots - 1):
                    m.d.sync += address.eq(0)
        # The flags are registers that say what a compare of the counters would.
        with m.If(writes & ~fetches):
            m.d.sync += [stored.eq(stored + 1), has_stored.eq(1)]
        with m.Elif(fetches & ~writes):
            m.d.sync += [stored.eq(stored - 1), has_stored.eq(stored != 1)]
        with m.If(writes & ~reads):
            m.d.sync += has_room.eq(level != self.depth - 1)
        with m.Elif(reads & ~writes):
            m.d.sync += has_room.eq(1)
