"""From a plan to gateware, and from gateware to Verilog.

    AXI ─ FrameInput ─ FIFO ─ Narrow ─ Engine ─ … ─┬──────── Add ─ ArgMax ─ FrameOutput ─ AXI
    AXI ─ FrameInput ─ FIFO ─ Narrow ─┘            └─ Upsample ─┘

Coarser scales are enlarged before they are added; with one scale there is neither.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Shape, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sightline.backends.fpga.engines import engine_banks, engine_parameters, leaving
from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Enlarged, Labels, Network, Source, Sum
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.verilog_text import write_verilog
from sightline.hw.add import Add
from sightline.hw.argmax import ArgMax
from sightline.hw.axi_frame import FrameInput, FrameOutput
from sightline.hw.axi_stream import AxiStream
from sightline.hw.engine import Engine
from sightline.hw.fifo import Fifo
from sightline.hw.narrow import Narrow
from sightline.hw.upsample import Upsample


class Accelerator(wiring.Component):
    """The whole of it: an AXI4-Stream in for each source, and one out for each output.

    A beat in is a pixel, channels side by side; a beat out is one value. Elements come in the order
    row, column, channel, and tlast marks the end of a frame. `short_frame` and `long_frame` say
    that a frame was not as long as it should be, and was filled up, or cut.
    """

    def __init__(self, network: Network, plan: Plan) -> None:
        self._network = network
        self._plan = plan
        inward = {
            hardware_name(source.name): In(AxiStream(source.channels * source.bits))
            for source in network.sources
        }
        outward = {
            hardware_name(name): Out(AxiStream(network.shape(name).bits))
            for name in network.outputs
        }
        flags = {"short_frame": Out(1), "long_frame": Out(1)}
        super().__init__({**inward, **outward, **flags})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._streams: dict[str, Any] = {}
        self._frames: list[FrameInput] = []
        for source in self._network.sources:
            self._receive(m, source)
        for engine in self._plan.engines:
            made = Engine(engine_parameters(self._network, self._plan, engine))
            m.submodules[f"engine_{made.parameters.name}"] = made
            banks = engine_banks(self._network, engine)
            for bank in banks:
                if bank.source not in engine.banks:
                    arriving = getattr(made, f"i_{hardware_name(bank.source)}")
                    self._connect(m, self._streams[bank.source], arriving)
            for bank in leaving(banks):
                self._streams[bank.name] = getattr(made, f"o_{hardware_name(bank.name)}")
        for follower in self._network.followers:
            self._follow(m, follower)
        for name in self._network.outputs:
            self._send(m, name)
        m.d.comb += [
            self.short_frame.eq(Cat(frames.short_frame for frames in self._frames).any()),
            self.long_frame.eq(Cat(frames.long_frame for frames in self._frames).any()),
        ]
        return m

    def _connect(self, m: Module, source: Any, engine: Any) -> None:
        """Values to an engine, which takes all of its pictures as wide as the widest of them."""
        m.d.comb += [
            engine.payload.eq(source.payload),
            engine.valid.eq(source.valid),
            source.ready.eq(engine.ready),
        ]

    def _receive(self, m: Module, source: Source) -> None:
        name = hardware_name(source.name)
        pixel = data.ArrayLayout(signed(source.bits), source.channels)
        frames = FrameInput(pixel, source.height * source.width)
        waiting = Fifo(pixel, self._plan.link(source.name).depth)
        channels = Narrow(signed(source.bits), source.channels)
        m.submodules[f"frames_{name}"] = frames
        m.submodules[f"fifo_{name}"] = waiting
        m.submodules[f"channels_{name}"] = channels
        wiring.connect(m, wiring.flipped(getattr(self, name)), frames.axi)
        wiring.connect(m, frames.o, waiting.i)
        wiring.connect(m, waiting.o, channels.i)
        self._frames.append(frames)
        self._streams[source.name] = channels.o

    def _follow(self, m: Module, follower: Enlarged | Sum | Labels) -> None:
        """What comes behind the engines."""
        match follower:
            case Enlarged(name, source, factor):
                small = self._network.shape(source)
                made = Upsample(signed(small.bits), small.rows, small.columns, small.maps, factor)
                wiring.connect(m, self._streams[source], made.i)
            case Sum(name, left, right, rounding):
                made = Add(
                    self._network.shape(left).bits,
                    rounding.multipliers[0],
                    rounding.shifts[0],
                    rounding.zero_point,
                    rounding.low,
                    rounding.high,
                )
                wiring.connect(m, self._streams[left], made.a)
                wiring.connect(m, self._streams[right], made.b)
            case Labels(name, source):
                scores = self._network.shape(source)
                made = ArgMax(scores.bits, scores.maps)
                wiring.connect(m, self._streams[source], made.i)
        m.submodules[hardware_name(name)] = made
        self._streams[name] = made.o

    def _send(self, m: Module, name: str) -> None:
        shape = self._network.shape(name)
        payload = self._streams[name].signature.members["payload"].shape
        sent = FrameOutput(Shape.cast(payload), shape.values)
        m.submodules[f"send_{hardware_name(name)}"] = sent
        wiring.connect(m, self._streams[name], sent.i)
        wiring.connect(m, sent.axi, wiring.flipped(getattr(self, hardware_name(name))))


def to_verilog(network: Network, plan: Plan) -> str:
    """The accelerator in Verilog, the same bytes for the same plan and weights."""
    return write_verilog(Accelerator(network, plan), hardware_name(network.name))
