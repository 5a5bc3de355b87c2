"""What is done to each sum on its way out: bias, rounding, table."""

from __future__ import annotations

import dataclasses

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.delay import delay, delay_control
from sightline.hw.field_rom import READ_LATENCY, FieldRom, shape_of
from sightline.hw.parameters import EngineParameters, MapNumbers
from sightline.hw.requantize import Requantize, rounding_dsps, rounding_latency
from sightline.hw.rom import Rom
from sightline.ir.fixed import width_of

MAP_FIELDS = tuple(field.name for field in dataclasses.fields(MapNumbers))


def bias_bits(parameters: EngineParameters) -> int:
    """What holds every bias, with its sign."""
    biases = [each.bias for each in parameters.maps]
    return max(2, width_of(min(biases), max(biases)))


def epilogue_latency(parameters: EngineParameters) -> int:
    """Cycles from a sum to its value; a table takes some more, for all maps if any has one."""
    dsps = rounding_dsps(parameters.sum_bits, bias_bits(parameters))
    table = Rom.latency if any(each.table >= 0 for each in parameters.maps) else 0
    return READ_LATENCY + rounding_latency(dsps) + table


class Epilogue(wiring.Component):
    """Rounds one sum a cycle, map after map: `y = table[requantize(value + bias)]`.

    With `pixel_start` the maps begin again at `first_map` of the engine's list. `tag` is whatever
    goes with a value, and comes out with it, `latency` cycles later. It never stalls; after reset
    nothing that was under way comes out as valid.
    """

    def __init__(self, parameters: EngineParameters, tag: data.StructLayout) -> None:
        self.parameters = parameters
        maps = parameters.maps
        self.has_table = [each.table >= 0 for each in maps]
        shifts = [each.shift for each in maps]
        bounds = [bound for each in maps for bound in (each.low, each.high, each.zero_point)]
        self.rounded_bits = max(2, shape_of([-1, *bounds]).width)
        columns = {name: [getattr(each, name) for each in maps] for name in MAP_FIELDS}
        self.numbers = FieldRom(columns | {"shift": [shift - min(shifts) for shift in shifts]})
        self.requantize = Requantize(
            parameters.sum_bits,
            bias_bits(parameters),
            (min(shifts), max(shifts)),
            self.rounded_bits,
        )
        self.latency = epilogue_latency(parameters)
        super().__init__(
            {
                "value": In(signed(parameters.sum_bits)),
                "valid": In(1),
                "pixel_start": In(1),
                "first_map": In(range(max(2, len(maps)))),
                "tag": In(tag),
                "y": Out(signed(parameters.bits)),
                "y_valid": Out(1),
                "y_tag": Out(tag),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.numbers = numbers = self.numbers
        m.submodules.requantize = requantize = self.requantize
        next_map = Signal.like(numbers.address, reset_less=True)
        m.d.comb += numbers.address.eq(Mux(self.pixel_start, self.first_map, next_map))
        with m.If(self.valid):
            m.d.sync += next_map.eq(numbers.address + 1)
        m.d.comb += [
            requantize.value.eq(delay(m, self.value, numbers.latency, "value")),
            requantize.bias.eq(numbers.row.bias),
            requantize.multiplier.eq(numbers.row.multiplier),
            requantize.shift.eq(numbers.row.shift),
            requantize.zero_point.eq(numbers.row.zero_point),
            requantize.low.eq(numbers.row.low),
            requantize.high.eq(numbers.row.high),
        ]
        result: Value = requantize.result
        if any(self.has_table):
            result = self.looked_up(m, result, numbers.row.table)
        m.d.comb += [
            self.y.eq(result),
            self.y_valid.eq(delay_control(m, self.valid, self.latency, "valid")),
            self.y_tag.eq(delay(m, self.tag, self.latency, "tag")),
        ]
        return m

    def looked_up(self, m: Module, result: Value, table: Value) -> Value:
        """The entry of the map's table; results of maps without one pass by it."""
        first = delay(m, table, self.requantize.latency, "table")
        entries = Rom(self.parameters.tables, signed(self.parameters.bits))
        m.submodules.table = entries
        m.d.comb += entries.address.eq(first + result)
        if all(self.has_table):
            return entries.data
        as_it_is = delay(m, result, entries.latency, "untabled")
        return Mux(delay(m, first < 0, entries.latency, "no_table"), as_it_is, entries.data)
