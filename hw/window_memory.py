"""The rows that windows need, in memory, and the window at any place of them, one a cycle."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.delay import delay
from sightline.hw.modulo import wrapped
from sightline.hw.parameters import WindowShape
from sightline.hw.row_writer import write_layout

DISTRIBUTED_WORDS = 64
"""Banks up to this deep are cheaper in LUTs than in block RAM."""


def read_layout(shape: WindowShape) -> data.StructLayout:
    """Which window is to be read.

    `address` is the word of its first column's pixel; columns from the next group of banks lie
    `group` words later. `phase` is the bank of the first column, `slot` the row slot of the first
    row. Rows and columns not `real` are padding, and read as `fill`.
    """
    rows, columns = shape.kernel
    return data.StructLayout(
        {
            "address": range(max(2, shape.depth)),
            "group": range(max(2, shape.depth)),
            "phase": range(shape.banks),
            "slot": range(shape.slots),
            "real_rows": rows,
            "real_columns": columns,
            "fill": signed(shape.bits),
        }
    )


class WindowMemory(wiring.Component):
    """`slots` rows of some pictures, and the K x K window at any place, one a cycle.

        bank 0      bank 1      …   bank B-1      a word: the pixels of one column and channel
        column 0    column 1        column B-1    in all row slots, so that one read of every
        column B    column B+1      …             bank holds the window; then rows are turned
        …                                         from slots, and columns from banks, into place

    `window` holds the pixels row by row, `latency` cycles after `read`; a value written is seen by
    reads from the next cycle on. No reset: what was never written reads as anything.
    """

    latency = 6

    def __init__(self, shape: WindowShape) -> None:
        rows, columns = shape.kernel
        if rows > shape.slots:
            raise ValueError(f"a window of {rows} rows does not fit {shape.slots} row slots")
        self.shape = shape
        super().__init__(
            {
                "write": In(write_layout(shape)),
                "read": In(read_layout(shape)),
                "window": Out(data.ArrayLayout(signed(shape.bits), rows * columns)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, read = self.shape, self.read
        rows, columns = shape.kernel
        low, high = Signal.like(read.address), Signal.like(read.address)
        phase = Signal.like(read.phase)
        m.d.sync += [
            low.eq(read.address),
            high.eq(read.address + read.group),
            phase.eq(read.phase),
        ]
        slots = self.slots_of_rows(m)
        turned = [
            self.bank(m, bank, Mux(bank < phase, high, low), slots) for bank in range(shape.banks)
        ]
        phase_late = delay(m, read.phase, 5, "phase")
        real_rows = delay(m, read.real_rows, 5, "real_rows")
        real_columns = delay(m, read.real_columns, 5, "real_columns")
        fill = delay(m, read.fill, 5, "fill")
        for column in range(columns):
            bank = (phase_late + column)[: (shape.banks - 1).bit_length()]
            for row in range(rows):
                choices = [turned[each][row] for each in range(shape.banks)]
                pixel = Array(choices)[bank] if len(choices) > 1 else choices[0]
                inside = real_rows[row] & real_columns[column]
                place = Signal(signed(shape.bits), name=f"window_{row}_{column}", reset_less=True)
                m.d.sync += place.eq(Mux(inside, pixel, fill))
                m.d.comb += self.window[row * columns + column].eq(place)
        return m

    def slots_of_rows(self, m: Module) -> list[Value]:
        """The slot of each row of the window, when its word has left the memory."""
        slots: list[Value] = []
        for row in range(self.shape.kernel[0]):
            slot = Signal(range(self.shape.slots), name=f"slot_{row}", reset_less=True)
            m.d.sync += slot.eq(wrapped(self.read.slot + row, self.shape.slots))
            slots.append(delay(m, slot, 3, f"slot_{row}"))
        return slots

    def bank(self, m: Module, number: int, address: Value, slots: list[Value]) -> list[Value]:
        """One bank, and the pixels of its word that the window's rows are."""
        shape = self.shape
        bank = memory.Memory(
            shape=data.ArrayLayout(signed(shape.bits), shape.slots),
            depth=shape.depth,
            init=[],
            attrs={"ram_style": "block" if shape.depth > DISTRIBUTED_WORDS else "distributed"},
        )
        m.submodules[f"bank_{number}"] = bank
        into = bank.write_port(granularity=1)
        mine = self.write.enable & (self.write.bank == number)
        m.d.comb += [
            into.addr.eq(self.write.address),
            into.data.eq(Cat(*([self.write.pixel] * shape.slots))),
            into.en.eq(Mux(mine, Const(1) << self.write.slot, 0)),
        ]
        held = Signal.like(self.read.address, name=f"address_{number}", reset_less=True)
        m.d.sync += held.eq(address)
        port = bank.read_port()
        m.d.comb += [port.addr.eq(held), port.en.eq(1)]
        word = Signal(shape.slots * shape.bits, name=f"word_{number}", reset_less=True)
        m.d.sync += word.eq(port.data.as_value())
        places = [word[slot * shape.bits : (slot + 1) * shape.bits] for slot in range(shape.slots)]
        turned: list[Value] = []
        for row, slot in enumerate(slots):
            pixel = Signal(signed(shape.bits), name=f"bank_{number}_row_{row}", reset_less=True)
            m.d.sync += pixel.eq(Array(places)[slot] if len(places) > 1 else places[0])
            turned.append(pixel)
        return turned
