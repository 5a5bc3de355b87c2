"""A table of named numbers, one row at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amaranth.hdl import Const, Module, Shape, Signal, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.rom import YOSYS_STYLES, memory_style
from sightline.ir.fixed import width_of

READ_LATENCY = 2
"""Cycles from an address to its row: the memory's own register, and one after it."""


class FieldRom(wiring.Component):
    """Named numbers of row `address`, each as wide as it must be.

    Columns that hold one number throughout cost nothing: they are constants. With `ahead` the row
    is there in the same cycle (from LUTs), else after `latency` cycles (from block RAM, or from
    LUTs if there are few rows). No reset, no backpressure: it answers every address in turn.
    """

    def __init__(self, columns: Mapping[str, Sequence[int]], *, ahead: bool = False) -> None:
        depths = {name: len(column) for name, column in columns.items()}
        if len(set(depths.values())) != 1 or not min(depths.values()):
            raise ValueError(f"columns of a table are equally long and not empty, not {depths}")
        self.columns = {name: list(column) for name, column in columns.items()}
        self.depth = next(iter(depths.values()))
        self.latency = 0 if ahead else READ_LATENCY
        self.shapes = {name: shape_of(column) for name, column in self.columns.items()}
        super().__init__(
            {
                "address": In(range(max(2, self.depth))),
                "row": Out(data.StructLayout(self.shapes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        varying = [name for name, column in self.columns.items() if len(set(column)) > 1]
        for name, column in self.columns.items():
            if name not in varying:
                m.d.comb += self.row[name].eq(Const(column[0], self.shapes[name]))
        if varying:
            row = self.read(m, data.StructLayout({name: self.shapes[name] for name in varying}))
            m.d.comb += [self.row[name].eq(row[name]) for name in varying]
        return m

    def read(self, m: Module, layout: data.StructLayout) -> data.View:
        """The varying columns of the row at the address."""
        rows = [
            {name: self.columns[name][index] for name in layout.members}
            for index in range(self.depth)
        ]
        style = memory_style(self.depth) if self.latency else "distributed"
        m.submodules.rows = rows_memory = memory.Memory(
            shape=layout,
            depth=self.depth,
            init=rows,
            attrs={"rom_style": YOSYS_STYLES[style]},
        )
        if not self.latency:
            port = rows_memory.read_port(domain="comb")
            m.d.comb += port.addr.eq(self.address)
            return port.data
        port = rows_memory.read_port()
        m.d.comb += [port.addr.eq(self.address), port.en.eq(1)]
        row = Signal(layout, reset_less=True)
        m.d.sync += row.eq(port.data)
        return row


def shape_of(column: Sequence[int]) -> Shape:
    """The narrowest shape that holds all numbers."""
    low, high = min(column), max(column)
    if low >= 0:
        return unsigned(max(1, high.bit_length()))
    return signed(width_of(low, high))
