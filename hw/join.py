"""Several streams in step, as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Module, ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Join(wiring.Component):
    """Puts one value of each stream side by side in a structure of the same names.

    The inputs are `i.NAME`, the fields of a value `o.payload.NAME`.

    Order: the n-th values of all together. Latency: 0 cycles, nothing is held. Throughput: one of
    each per cycle. Backpressure: an input is ready in the cycles in which all the others have a
    value and the reader takes them. Reset: nothing to forget.
    """

    latency = 0

    def __init__(self, shapes: Mapping[str, ShapeLike]) -> None:
        if not shapes:
            raise ValueError("a join has 1 stream or more, not 0")
        self.names = tuple(shapes)
        inputs = {name: Out(stream.Signature(shape)) for name, shape in shapes.items()}
        super().__init__(
            {
                "i": In(wiring.Signature(inputs)),
                "o": Out(stream.Signature(data.StructLayout(dict(shapes)))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        inputs = {name: getattr(self.i, name) for name in self.names}
        m.d.comb += self.o.valid.eq(Cat(each.valid for each in inputs.values()).all())
        for name, each in inputs.items():
            m.d.comb += [
                self.o.payload[name].eq(each.payload),
                each.ready.eq(self.o.valid & self.o.ready),
            ]
        return m
