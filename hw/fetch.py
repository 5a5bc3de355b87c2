"""From the loops' steps to the pixels that the multipliers take."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.delay import delay
from sightline.hw.field_rom import FieldRom
from sightline.hw.parameters import EngineParameters
from sightline.hw.row_writer import write_layout
from sightline.hw.sequencer import issue_layout
from sightline.hw.window_memory import WindowMemory, read_layout

READ_AT = 3
"""Cycles from a step to the read of its window: the step's channel comes after two."""

LAST_READ = READ_AT + 3
"""Cycles from a step until its pixels have left the memory, and may be overwritten."""


def fetch_latency(parameters: EngineParameters) -> int:
    """Cycles from a step to its pixels; choosing a memory, or a fold, takes one each."""
    pixels = parameters.kernel[0] * parameters.kernel[1]
    two_memories = bool(parameters.outside.rings and parameters.inside.rings)
    return READ_AT + WindowMemory.latency + two_memories + (pixels > parameters.taps)


class Fetch(wiring.Component):
    """The pixels of each step, `taps` of them, `latency` cycles after `issue`; one step a cycle.

    Rows come in through `outside` and `inside`, the engine's two window memories. With fewer
    multipliers than the kernel has taps, a window is taken in several folds, `taps` pixels each,
    row by row. No backpressure, no reset.
    """

    def __init__(self, parameters: EngineParameters) -> None:
        self.parameters = parameters
        self.shapes = {"outside": parameters.outside, "inside": parameters.inside}
        self.used = {name: shape for name, shape in self.shapes.items() if shape.rings}
        pixels = parameters.kernel[0] * parameters.kernel[1]
        self.fold_count = -(-pixels // parameters.taps)
        self.latency = fetch_latency(parameters)
        taps = data.ArrayLayout(signed(parameters.data_bits), parameters.taps)
        super().__init__(
            {
                "issue": In(issue_layout(parameters)),
                "taps": Out(taps),
                **{name: In(write_layout(shape)) for name, shape in self.used.items()},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parameters, issue = self.parameters, self.issue
        m.submodules.steps = steps = FieldRom(
            {"channel": parameters.channels, "fold": parameters.folds}
        )
        m.d.comb += steps.address.eq(issue.step)
        rows = self.real(m, "rows", issue.row, issue.job.rows, parameters.kernel[0])
        columns = self.real(m, "columns", issue.column, issue.job.columns, parameters.kernel[1])
        windows = []
        for name, shape in self.used.items():
            window = WindowMemory(shape)
            m.submodules[name] = window
            m.d.comb += window.write.eq(getattr(self, name))
            self.read(m, window, steps.row.channel, rows, columns)
            windows.append(window.window.as_value())
        pixels = windows[0]
        if len(windows) > 1:
            inside = delay(m, issue.job.inside, READ_AT + WindowMemory.latency, "inside")
            pixels = Signal.like(windows[0], name="pixels", reset_less=True)
            m.d.sync += pixels.eq(Mux(inside, windows[1], windows[0]))
        if self.fold_count > 1:
            late = self.latency - steps.latency - 1
            pixels = self.folded(m, pixels, delay(m, steps.row.fold, late, "fold"))
        m.d.comb += self.taps.eq(pixels)
        return m

    def real(self, m: Module, name: str, first: Value, size: Value, count: int) -> Value:
        """Which of `count` rows or columns lie in the picture, a cycle later."""
        real = Signal(count, name=f"real_{name}", reset_less=True)
        places = [first + number for number in range(count)]
        m.d.sync += real.eq(Cat((place >= 0) & (place < size) for place in places))
        return real

    def read(
        self, m: Module, window: WindowMemory, channel: Value, rows: Value, columns: Value
    ) -> None:
        """Where the window of a step lies in a memory."""
        shape, issue = window.shape, self.issue
        read = Signal(read_layout(shape), name="read", reset_less=True)
        bank_bits = (shape.banks - 1).bit_length()
        group = issue.column >> bank_bits
        bits = {ring.channel_bits for ring in shape.rings}
        first = Signal.like(read.address, name="first_word", reset_less=True)
        m.d.sync += first.eq(issue.job.base + _shifted(group, issue.job.channel_bits, bits))
        step = _shifted(1, delay(m, issue.job.channel_bits, 2, "channel_bits"), bits)
        m.d.sync += [
            read.address.eq(delay(m, first, 1, "first_word") + channel),
            read.group.eq(step),
            read.phase.eq(delay(m, issue.column[:bank_bits], 2, "phase")),
            read.slot.eq(delay(m, issue.slot, 2, "slot")),
            read.real_rows.eq(delay(m, rows, 1, "real_rows")),
            read.real_columns.eq(delay(m, columns, 1, "real_columns")),
            read.fill.eq(delay(m, issue.job.fill, 2, "fill")),
        ]
        m.d.comb += window.read.eq(read)

    def folded(self, m: Module, pixels: Value, fold: Value) -> Value:
        """The part of the window that a step takes, a cycle later; beyond its end, zeros."""
        width = self.parameters.taps * self.parameters.data_bits
        parts = [pixels[part * width : (part + 1) * width] for part in range(self.fold_count)]
        taps = Signal(width, name="part", reset_less=True)
        m.d.sync += taps.eq(Array(parts)[fold])
        return taps


def _shifted(value: Value | int, bits: Value, choices: set[int]) -> Value:
    """value << bits, for the few shifts there are."""
    shifted: Value = Value.cast(value) << min(choices)
    for choice in sorted(choices)[1:]:
        shifted = Mux(bits == choice, Value.cast(value) << choice, shifted)
    return shifted
