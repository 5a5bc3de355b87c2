"""Nearest upsampling of a picture that streams by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.ram import Ram, RamStyle


class Upsample(wiring.Component):
    """Repeats each pixel of a rows x columns x channels picture `factor` times in both directions.

    Two rows are kept in block RAM as a ring, so that the next comes in while one is repeated:

        reads of a row: factor times {for each column: factor times {channel 0, 1, …}}

    Order: in and out row by row, a pixel after another, channel 0 first.
    Latency: `latency` cycles from the first value in to the first out, which does not wait for a
    whole row. Throughput: one value out per cycle, `cycles` for a picture.
    Backpressure: `i.ready` falls when both rows are full; a slot is free again after its last read.
    Reset: forgets the picture; the next value is the first of one.
    """

    latency = 1 + RamStyle.BLOCK.latency

    def __init__(
        self, shape: ShapeLike, rows: int, columns: int, channels: int, factor: int
    ) -> None:
        if min(rows, columns, channels) < 1:
            raise ValueError(f"a picture of {rows} x {columns} x {channels} has no values")
        if factor < 1:
            raise ValueError(f"a pixel is repeated 1 time or more, not {factor}")
        self.shape = shape
        self.columns = columns
        self.channels = channels
        self.factor = factor
        self.cycles = rows * columns * channels * factor * factor
        super().__init__(
            {"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))},
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        row = self.columns * self.channels
        slots = 2 * row
        m.submodules.ram = ram = Ram(self.shape, slots, RamStyle.BLOCK)
        wiring.connect(m, ram.o, wiring.flipped(self.o))

        writes = Signal()
        reads = Signal()
        write_address = Signal(range(slots))
        free = Signal(range(slots + 1), init=slots)
        ahead = Signal(range(slots + 1))  # values that are written, from the next to read on
        walk = self._walk(m, reads)
        m.d.comb += [
            self.i.ready.eq(free != 0),
            writes.eq(self.i.valid & self.i.ready),
            ram.write_enable.eq(writes),
            ram.write_address.eq(write_address),
            ram.write_data.eq(self.i.payload),
            ram.address.valid.eq(ahead != 0),
            ram.address.payload.eq(walk.address),
            reads.eq(ram.address.valid & ram.address.ready),
        ]
        with m.If(writes):
            m.d.sync += write_address.eq(write_address + 1)
            with m.If(write_address == slots - 1):
                m.d.sync += write_address.eq(0)
        m.d.sync += free.eq(free - writes + (reads & walk.is_last_read))
        m.d.sync += ahead.eq(ahead + writes)
        with m.If(reads):
            m.d.sync += ahead.eq(ahead + writes - 1 + walk.back)
        return m

    def _walk(self, m: Module, reads: Signal) -> _Walk:
        """Where to read, advanced by each read."""
        row = self.columns * self.channels
        address = Signal(range(2 * row))
        pixel = Signal(range(2 * row))  # where the pixel begins that is being read
        is_second_row = Signal()
        walk = _Walk(address, back=Signal(range(row + 1)), is_last_read=Signal())

        channel = Signal(range(self.channels))
        pixel_pass = Signal(range(self.factor))
        column = Signal(range(self.columns))
        row_pass = Signal(range(self.factor))
        ends_pixel = channel == self.channels - 1
        is_last_pixel_pass = pixel_pass == self.factor - 1
        is_last_row_pass = row_pass == self.factor - 1
        repeats_pixel = ends_pixel & ~is_last_pixel_pass
        ends_row = ends_pixel & is_last_pixel_pass & (column == self.columns - 1)
        next_row = Mux(is_second_row ^ is_last_row_pass, row, 0)
        m.d.comb += walk.is_last_read.eq(is_last_pixel_pass & is_last_row_pass)
        with m.If(repeats_pixel):
            m.d.comb += walk.back.eq(self.channels)
        with m.Elif(ends_row & ~is_last_row_pass):
            m.d.comb += walk.back.eq(row)

        with m.If(reads):
            m.d.sync += [channel.eq(Mux(ends_pixel, 0, channel + 1)), address.eq(address + 1)]
            with m.If(repeats_pixel):
                m.d.sync += [address.eq(pixel), pixel_pass.eq(pixel_pass + 1)]
            with m.Elif(ends_row):
                m.d.sync += [address.eq(next_row), pixel.eq(next_row)]
                m.d.sync += [pixel_pass.eq(0), column.eq(0)]
                m.d.sync += row_pass.eq(Mux(is_last_row_pass, 0, row_pass + 1))
                m.d.sync += is_second_row.eq(is_second_row ^ is_last_row_pass)
            with m.Elif(ends_pixel):
                m.d.sync += [pixel.eq(address + 1), pixel_pass.eq(0), column.eq(column + 1)]
        return walk


@dataclass(frozen=True)
class _Walk:
    address: Signal
    back: Signal
    """How many values are to be read once more after this read."""
    is_last_read: Signal
    """This read of its slot is the last, and frees it."""
