"""Frames between AXI4-Stream and streams of pixels."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, ShapeLike, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.axi_stream import AxiStream
from sightline.hw.skid import Skid


class FrameInput(wiring.Component):
    """Receives frames, and gives exactly `beats` pixels for each, whatever the wire does.

    A frame that ends early is filled up with zeros, and `short_frame` is high for one cycle. Of a
    frame that goes on, all is dropped up to its tlast, and `long_frame` is high for one cycle. The
    next frame is right again.

    Order: as they come. Latency: 1 cycle. Throughput: one pixel per cycle.
    Backpressure: tready is a register; it falls while a short frame is filled up.
    Reset: the next beat is the first of a frame, wherever the sender stands: after a reset in
    mid-frame, the rest of that frame is taken for a short one.
    """

    latency = 1

    def __init__(self, shape: ShapeLike, beats: int) -> None:
        if beats < 1:
            raise ValueError(f"a frame has 1 beat or more, not {beats}")
        self.shape = shape
        self.beats = beats
        self.bits = Shape.cast(shape).width
        super().__init__(
            {
                "axi": In(AxiStream(self.bits)),
                "o": Out(stream.Signature(shape)),
                "short_frame": Out(1),
                "long_frame": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        beat = data.StructLayout({"pixel": self.shape, "is_last": 1})
        m.submodules.arrived = arrived = Skid(beat)
        m.d.comb += [
            arrived.i.valid.eq(self.axi.tvalid),
            self.axi.tready.eq(arrived.i.ready),
            Value.cast(arrived.i.payload.pixel).eq(self.axi.tdata[: self.bits]),
            arrived.i.payload.is_last.eq(self.axi.tlast),
        ]
        count = Signal(range(self.beats))
        is_last = Signal(init=self.beats == 1)  # the pixel to give is the last of its frame
        short_frame = Signal()
        long_frame = Signal()
        m.d.comb += [self.short_frame.eq(short_frame), self.long_frame.eq(long_frame)]
        m.d.sync += [short_frame.eq(0), long_frame.eq(0)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += count.eq(Mux(is_last, 0, count + 1))
            if self.beats > 1:
                m.d.sync += is_last.eq(count == self.beats - 2)

        with m.FSM(name="frame"):
            with m.State("pass"):
                m.d.comb += [
                    self.o.payload.eq(arrived.o.payload.pixel),
                    self.o.valid.eq(arrived.o.valid),
                    arrived.o.ready.eq(self.o.ready),
                ]
                with m.If(arrived.o.valid & self.o.ready):
                    with m.If(arrived.o.payload.is_last & ~is_last):
                        m.d.sync += short_frame.eq(1)
                        m.next = "fill"
                    with m.Elif(is_last & ~arrived.o.payload.is_last):
                        m.d.sync += long_frame.eq(1)
                        m.next = "drop"
            with m.State("fill"):  # the payload is zero
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready & is_last):
                    m.next = "pass"
            with m.State("drop"):
                m.d.comb += arrived.o.ready.eq(1)
                with m.If(arrived.o.valid & arrived.o.payload.is_last):
                    m.next = "pass"
        return m


class FrameOutput(wiring.Component):
    """Sends values as frames of `beats` each, tlast high at the last of a frame.

    A value that has a sign keeps it in tdata, which has whole bytes; others are filled with zeros.

    Order: as they come. Latency: 1 cycle. Throughput: one value per cycle.
    Backpressure: holds two values; `i.ready` and all outputs are registers.
    Reset: the next value is the first of a frame.
    """

    latency = 1

    def __init__(self, shape: ShapeLike, beats: int) -> None:
        if beats < 1:
            raise ValueError(f"a frame has 1 beat or more, not {beats}")
        self.beats = beats
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "axi": Out(AxiStream(Shape.cast(shape).width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        beat = data.StructLayout({"tdata": len(self.axi.tdata), "tlast": 1})
        m.submodules.sent = sent = Skid(beat)
        count = Signal(range(self.beats))
        is_last = Signal(init=self.beats == 1)
        m.d.comb += [
            sent.i.valid.eq(self.i.valid),
            self.i.ready.eq(sent.i.ready),
            sent.i.payload.tdata.eq(Value.cast(self.i.payload)),
            sent.i.payload.tlast.eq(is_last),
            self.axi.tvalid.eq(sent.o.valid),
            sent.o.ready.eq(self.axi.tready),
            self.axi.tdata.eq(sent.o.payload.tdata),
            self.axi.tlast.eq(sent.o.payload.tlast),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += count.eq(Mux(is_last, 0, count + 1))
            if self.beats > 1:
                m.d.sync += is_last.eq(count == self.beats - 2)
        return m
