"""The bench around an accelerator, written in SystemVerilog, and the files that it reads.

The bench brings its own clock, offers pictures, takes results, compares them and what passes at
the probes with files, and tells what it found in `results.txt`. Frames, offers, chances and seeds
come when it runs: other ones need no other build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np

from sightline.ir.types import Array
from sightline.sim.design import Design, Gauge, Input, Order, Output, Probe, key

TOP = "bench"
CHANCE = 65536
RESULTS = "results.txt"
WAVEFORM = "wave.vcd"

_HEAD = """\
// The bench of {top}: see bench_parts.sv. Values at run time come by +NAME=NUMBER.
`timescale 1ns / 1ns
module bench;
    reg clk = 0, rst = 1, step = 0, finish = 0, finished = 0, done = 0;
    reg [31:0] cycle = 32'hFFFFFFFF, quiet = 0, held_in_reset = 0, after_the_last = 0;
    reg [31:0] frames = 1, seed = 1, patience = 100000, until_cycle = 32'hFFFFFFFF;
    reg [31:0] trace_from = 32'hFFFFFFFF;
    reg [16:0] idle = 0, backpressure = 0;
    integer results, given;
    wire [{inputs}-1:0] offered, held, all_taken;
    wire [{checked}-1:0] passed, all_passed;
    wire moved = |offered | (|passed);

    initial begin
        given = $value$plusargs("frames=%d", frames);
        given = $value$plusargs("seed=%d", seed);
        given = $value$plusargs("idle=%d", idle);
        given = $value$plusargs("backpressure=%d", backpressure);
        given = $value$plusargs("patience=%d", patience);
        given = $value$plusargs("until=%d", until_cycle);
        given = $value$plusargs("trace_from=%d", trace_from);
        results = $fopen("results.txt", "w");
    end

    always #1 if (!done) clk = ~clk;

    // Reset for eight cycles; in the last of them what is offered in cycle 0 is made ready. Nothing
    // moves while no pixel is due: only cycles count in which one waits, or all have been taken.
    always @(posedge clk) begin
        held_in_reset <= held_in_reset + 1;
        if (held_in_reset == 6) step <= 1;
        if (step) begin
            rst <= 0;
            cycle <= cycle + 1;
        end
        if (!rst && !finish && !finished) begin
            if (moved) quiet <= 0;
            else if (|held || (&all_taken)) quiet <= quiet + 1;
            if (&all_taken && (&all_passed)) after_the_last <= after_the_last + 1;
            if (quiet == patience || cycle == until_cycle || after_the_last == 64) begin
                finish <= 1;
                $fdisplay(results, "CYCLES %0d", cycle);
                if (quiet == patience) $fdisplay(results, "STUCK %0d", cycle);
            end
        end
        // All parts write what they found in the one cycle of `finish`.
        finished <= finish;
        if (finish) finish <= 0;
        if (finished) begin
            $fclose(results);
            done <= 1;
        end
    end
"""

_WAVEFORM = f"""\
    always @(posedge clk) if (cycle == trace_from) begin
        $dumpfile("{WAVEFORM}");
        $dumpvars;
    end
"""

_COMMON = ".clk(clk), .rst(rst), .finish(finish), .results(results)"
_COUNTED = f"{_COMMON}, .cycle(cycle), .frames(frames)"
_RANDOM = f"{_COUNTED}, .step(step), .seed(seed)"


def bench(design: Design, waveform: bool = False) -> str:
    """The module at the top: the accelerator amid sources, sinks, probes and gauges."""
    checked = design.checked
    parts = [_HEAD.format(top=design.top, inputs=len(design.inputs), checked=len(checked))]
    connections = [".clk(clk)", ".rst(rst)"]
    for number, source in enumerate(design.inputs):
        parts.append(_source(number, source))
        connections += _connections(source.name, f"input_{number}")
    for number, stream in enumerate(checked):
        if isinstance(stream, Output):
            parts.append(_sink(number, stream))
            connections += _connections(stream.name, f"check_{number}")
        else:
            parts.append(_probe(number, stream))
    parts += [_gauge(number, gauge) for number, gauge in enumerate(design.gauges)]
    joined = ",\n        ".join(connections)
    # Escaped, a name may be a word of the language: `small` is one.
    parts.append(f"    \\{design.top} dut (\n        {joined}\n    );\n")
    if waveform:
        parts.append(_WAVEFORM)
    return "\n".join([*parts, "endmodule\n"])


def _connections(port: str, wires: str) -> Iterator[str]:
    for signal in ("tdata", "tvalid", "tready", "tlast"):
        yield f".{port}__{signal}({wires}_{signal})"


def _wires(name: str, width: int) -> str:
    lines = [f"    wire {name}_tvalid, {name}_tready, {name}_tlast;"]
    return "\n".join([*lines, f"    wire [{width - 1}:0] {name}_tdata;"])


def _axi(wires: str) -> str:
    names = ("tvalid", "tready", "tdata", "tlast")
    return ", ".join(f".{name}({wires}_{name})" for name in names)


def _source(number: int, source: Input) -> str:
    wires = f"input_{number}"
    return f"""{_wires(wires, source.width)}
    bench_source #(.NAME("{key(source.name)}"), .WIDTH({source.width}), .BEATS({source.beats}),
                   .SALT({2 * number + 1})) source_{number} (
        {_RANDOM},
        .idle(idle), {_axi(wires)},
        .moved(offered[{number}]), .held(held[{number}]), .finished(all_taken[{number}]));
"""


def _sink(number: int, sink: Output) -> str:
    wires = f"check_{number}"
    return f"""{_wires(wires, sink.bits)}
    bench_sink #(.NAME("{key(sink.name)}"), .WIDTH({sink.bits}), .VALUES({sink.order.values}),
                 .SALT({2 * number + 2})) sink_{number} (
        {_RANDOM},
        .backpressure(backpressure), {_axi(wires)},
        .moved(passed[{number}]), .finished(all_passed[{number}]));
"""


def _probe(number: int, probe: Probe) -> str:
    ready = f"dut.{probe.ready}" if probe.ready else "1'b1"
    return f"""    bench_checker #(.NAME("{key(probe.name)}"), .WIDTH({probe.bits}),
                    .VALUES({probe.order.values})) probe_{number} (
        {_COUNTED},
        .valid(dut.{probe.valid}), .ready({ready}), .data(dut.{probe.data}),
        .moved(passed[{number}]), .last(), .finished(all_passed[{number}]));
"""


def _gauge(number: int, gauge: Gauge) -> str:
    return f"""    bench_gauge #(.NAME("{key(gauge.name)}"), .WIDTH({gauge.bits})) gauge_{number} (
        {_COMMON},
        .level(dut.{gauge.level}), .valid(dut.{gauge.valid}), .ready(dut.{gauge.ready}));
"""


def sources(design: Design, waveform: bool = False) -> tuple[tuple[str, str], ...]:
    """All that Verilator compiles, by file name."""
    parts = files("sightline.sim").joinpath("bench_parts.sv").read_text()
    return (
        ("bench_parts.sv", parts),
        ("bench.sv", bench(design, waveform)),
        (f"{key(design.top)}.v", design.verilog),
    )


def write_frames(
    design: Design,
    stimuli: Mapping[str, Array],
    expected: Mapping[str, Array],
    offers: Mapping[str, Array],
    folder: Path,
) -> None:
    """The files that the bench reads, of frames that have passed `check_frames`."""
    for source in design.inputs:
        beats = _beats(stimuli[source.name], source.bits)
        beats.tofile(folder / f"{key(source.name)}.beats")
        offers[source.name].astype(">u4").tofile(folder / f"{key(source.name)}.offers")
    for stream in design.checked:
        with (folder / f"{key(stream.name)}.wanted").open("wb") as file:
            for frame in range(_frames(stimuli)):
                file.write(_words(stream.order.flatten(expected, frame), stream.bits))


def _beats(pictures: Array, bits: int) -> Array:
    """Pictures [frame, c, i, j] as bytes of beats: the last channel's come first."""
    last_first = np.moveaxis(pictures, 1, -1)[..., ::-1]
    return last_first.astype(f">i{bits // 8}")


def _words(values: Array, bits: int) -> bytes:
    """Integers in two's complement as words of whole bytes, the highest byte first."""
    masked = values.astype(np.int64) & ((1 << bits) - 1)
    return masked.astype(">i8").view(np.uint8).reshape(-1, 8)[:, -((bits + 7) // 8) :].tobytes()


def _frames(stimuli: Mapping[str, Array]) -> int:
    return len(next(iter(stimuli.values())))


def check_frames(
    design: Design,
    stimuli: Mapping[str, Array],
    expected: Mapping[str, Array],
    offers: Mapping[str, Array],
) -> int:
    """The number of frames, or a ValueError with the shapes that do not fit."""
    frames = _frames(stimuli)
    for source in design.inputs:
        shape = (frames, source.channels, source.rows, source.columns)
        _check_shape(f"input '{source.name}'", stimuli[source.name], shape)
        cycles = offers[source.name]
        _check_shape(f"offers of input '{source.name}'", cycles, (frames, source.beats))
        if np.any(np.diff(cycles.reshape(-1)) < 0) or cycles.min() < 0 or cycles.max() >= 1 << 31:
            raise ValueError(f"offers of input '{source.name}' fall, or leave 0 to {(1 << 31) - 1}")
    for stream in design.checked:
        for stage, size in _shapes(stream.order).items():
            _check_shape(f"what is expected of '{stage}'", expected[stage], (frames, *size))
    return frames


def _check_shape(what: str, values: Array, wanted: tuple[int, ...]) -> None:
    if values.shape != wanted:
        raise ValueError(f"{what} has shape {values.shape} instead of {wanted}")


def _shapes(order: Order) -> dict[str, tuple[int, int, int]]:
    """Channels, rows and columns of each stage that passes."""
    found: dict[str, tuple[int, int, int]] = {}
    for row in order.rows:
        rows = max(found.get(row.stage, (0, 0, 0))[1], row.row + 1)
        found[row.stage] = (row.channels, rows, row.columns)
    return found
