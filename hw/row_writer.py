"""From streams of pixels to rows in window memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.modulo import wrapped
from sightline.hw.parameters import Ring, WindowShape


def write_layout(shape: WindowShape) -> data.StructLayout:
    """One pixel of one channel on its way into window memory."""
    return data.StructLayout(
        {
            "enable": 1,
            "slot": range(shape.slots),
            "bank": range(shape.banks),
            "address": range(max(2, shape.depth)),
            "pixel": signed(shape.bits),
        }
    )


class RowWriter(wiring.Component):
    """Takes one stream for each ring of a window memory, and writes one value a cycle.

    Elements come in the order row, column, channel. Of streams that offer a value, the last ring
    goes first: that of the coarsest scale, which has the least to write. A ring without a free slot
    waits before it begins a row. `write` leads to the memory, one cycle after the value was taken;
    `begin` and `arrived` are pulses for each ring's `RingState`, the latter as the last value is
    written. After reset every row begins anew, in the first slot.
    """

    def __init__(self, shape: WindowShape) -> None:
        self.shape = shape
        rings = len(shape.rings)
        super().__init__(
            {
                "i": In(stream.Signature(signed(shape.bits))).array(rings),
                "may_begin": In(1).array(rings),
                "begin": Out(1).array(rings),
                "arrived": Out(1).array(rings),
                "write": Out(write_layout(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.write.enable.eq(0)
        before: Value = Const(0)  # whether a ring that goes first has a value
        for index, ring in reversed(list(enumerate(self.shape.rings))):
            place = RowPlace(ring, self.shape)
            m.submodules[f"place_{ring.name}"] = place
            source = self.i[index]
            granted = Signal(name=f"granted_{ring.name}")
            m.d.comb += [
                granted.eq(source.valid & ~before & (~place.row_start | self.may_begin[index])),
                source.ready.eq(~before & (~place.row_start | self.may_begin[index])),
                place.step.eq(granted),
                self.begin[index].eq(granted & place.row_start),
            ]
            m.d.sync += self.arrived[index].eq(granted & place.row_end)
            with m.If(granted):
                m.d.sync += [
                    self.write.enable.eq(1),
                    self.write.slot.eq(place.slot),
                    self.write.bank.eq(place.bank),
                    self.write.address.eq(place.address),
                    self.write.pixel.eq(source.payload),
                ]
            wanted = Signal(name=f"wanted_{ring.name}")
            m.d.comb += wanted.eq(before | granted)
            before = wanted
        return m


class RowPlace(wiring.Component):
    """Where the next value of a ring goes; `step` moves on to the one after.

    `row_start` and `row_end` mark the first and the last value of a row. After reset it is at the
    first pixel of the first slot.
    """

    def __init__(self, ring: Ring, shape: WindowShape) -> None:
        self.ring = ring
        self.shape = shape
        super().__init__(
            {
                "step": In(1),
                "row_start": Out(1, init=1),
                "row_end": Out(1),
                "slot": Out(range(shape.slots)),
                "bank": Out(range(shape.banks)),
                "address": Out(range(max(2, shape.depth))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ring, banks = self.ring, self.shape.banks
        channel = Signal(range(max(2, ring.channels)))
        column = Signal(range(max(2, ring.columns)))
        last_channel, last_column = Signal(), Signal()
        bank_bits = (banks - 1).bit_length()
        m.d.comb += [
            last_channel.eq(channel == ring.channels - 1),
            last_column.eq(column == ring.columns - 1),
            self.row_end.eq(last_channel & last_column),
            self.bank.eq(column[:bank_bits]),
            self.address.eq(ring.base + Cat(channel[: ring.channel_bits], column[bank_bits:])),
        ]
        with m.If(self.step):
            m.d.sync += [
                self.row_start.eq(self.row_end),
                channel.eq(Mux(last_channel, 0, channel + 1)),
            ]
            with m.If(last_channel):
                m.d.sync += column.eq(Mux(last_column, 0, column + 1))
            with m.If(self.row_end):
                m.d.sync += self.slot.eq(wrapped(self.slot + 1, self.shape.slots))
        return m
