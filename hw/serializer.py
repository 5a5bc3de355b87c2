"""From the sums of all lanes to one sum a cycle."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


class Serializer(wiring.Component):
    """Takes the sums of a block at once, and gives those of its `maps` lanes one a cycle.

    The first follows one cycle after `load`. `block` is what is known of the block, its `maps` and
    whether it is the `first_block` of a pixel: then `pixel_start` marks its first value. `of` goes
    with every value. A block must not come before the one before has left: `load` is at least as
    many cycles after the last as that had maps. After reset it is empty.
    """

    latency = 1

    def __init__(self, bits: int, lanes: int, block: data.StructLayout) -> None:
        if lanes < 1:
            raise ValueError(f"there is at least one lane, not {lanes}")
        self.bits = bits
        self.lanes = lanes
        super().__init__(
            {
                "sums": In(data.ArrayLayout(signed(bits), lanes)),
                "load": In(1),
                "block": In(block),
                "value": Out(signed(bits)),
                "valid": Out(1),
                "pixel_start": Out(1),
                "of": Out(block),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = [
            Signal(signed(self.bits), name=f"lane_{lane}", reset_less=True)
            for lane in range(self.lanes)
        ]
        left = Signal(range(self.lanes + 1))
        starts = Signal()
        block = Signal.like(self.block, reset_less=True)
        for lane, held in enumerate(lanes):
            following = lanes[lane + 1] if lane + 1 < self.lanes else held
            m.d.sync += held.eq(Mux(self.load, self.sums[lane], following))
        with m.If(self.load):
            m.d.sync += [
                left.eq(self.block.maps),
                starts.eq(self.block.first_block),
                block.eq(self.block),
            ]
        with m.Elif(left != 0):
            m.d.sync += [left.eq(left - 1), starts.eq(0)]
        m.d.comb += [
            self.value.eq(lanes[0]),
            self.valid.eq(left != 0),
            self.pixel_start.eq(starts),
            self.of.eq(block),
        ]
        return m
