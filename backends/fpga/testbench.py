"""A testbench in plain Verilog, for whoever has the accelerator and no Sightline.

It offers one frame from files of hexadecimal words, as fast as it is taken, compares every result
with those of other files, and prints PASS or the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Network, Shape, Source
from sightline.backends.fpga.plan import Plan
from sightline.ir.types import Array

SLACK = 8
"""How many times what was predicted a frame may take until the testbench gives up."""

_SOURCE = """
    // {name}: {channels} x {bits} bits a beat, channel 0 lowest.
    reg [{top_bit}:0] {name}_beats [0:{last}];
    reg [31:0] {name}_sent = 0;
    wire {name}_tready;
    wire {name}_tvalid = !rst && {name}_sent < {beats};
    wire {name}_tlast = {name}_sent == {last};
    wire [{top_bit}:0] {name}_tdata = {name}_beats[{name}_sent < {beats} ? {name}_sent : 0];
    initial $readmemh("{name}.hex", {name}_beats);
    always @(posedge clk) if ({name}_tvalid && {name}_tready) {name}_sent <= {name}_sent + 1;
"""

_SINK = """
    // {name}: {maps} maps of {rows} x {columns}, a value of {bits} bits a beat.
    reg [{top_bit}:0] {name}_wanted [0:{last}];
    reg [31:0] {name}_taken = 0;
    wire {name}_tvalid, {name}_tlast;
    wire {name}_tready = 1;  // Results are always taken.
    wire [{top_bit}:0] {name}_tdata;
    initial $readmemh("{name}.hex", {name}_wanted);
    always @(posedge clk) if (!rst && {name}_tvalid) begin
        if ({name}_taken == {values}) begin
            $display("FAIL: {name} gives more than {values} values");
            $fatal(1);
        end else if ({name}_tdata !== {name}_wanted[{name}_taken]) begin
            $display("FAIL: {name} row %0d, column %0d, map %0d: %h instead of %h",
                     {name}_taken / {row_values}, {name}_taken % {row_values} / {maps},
                     {name}_taken % {maps}, {name}_tdata, {name}_wanted[{name}_taken]);
            $fatal(1);
        end else if ({name}_tlast !== ({name}_taken == {last})) begin
            $display("FAIL: {name} has tlast %b at value %0d of {values}",
                     {name}_tlast, {name}_taken);
            $fatal(1);
        end
        {name}_taken <= {name}_taken + 1;
    end
"""

_WHOLE = """\
// One frame through {top}; run it in the folder of the files that it reads. See README.md.
`timescale 1ns / 1ps
module {top}_testbench;
    reg clk = 0, rst = 1;
    reg [31:0] cycle = 0;
    wire short_frame, long_frame;
    always #5 clk = !clk;
    always @(posedge clk) begin
        cycle <= cycle + 1;
        if (cycle == 8) rst <= 0;
    end
{streams}
    \\{top} dut (
        .clk(clk), .rst(rst), .short_frame(short_frame), .long_frame(long_frame),
        {connections}
    );

    reg [7:0] after_the_last = 0;
    always @(posedge clk) if (!rst) begin
        if (short_frame || long_frame) begin
            $display("FAIL: a frame counts as short or long in cycle %0d", cycle);
            $fatal(1);
        end
        if ({done}) after_the_last <= after_the_last + 1;
        if (after_the_last == 64) begin
            $display("PASS: {values} values are as wanted, after %0d cycles", cycle - 64);
            $finish;
        end
        if (cycle == {patience}) begin
            $display("FAIL: after %0d cycles values are missing: {missing}", cycle, {taken});
            $fatal(1);
        end
    end
endmodule
"""


def testbench(network: Network, plan: Plan) -> str:
    """The text of the testbench; its module is NAME_testbench."""
    outputs = {hardware_name(name): network.shape(name) for name in network.outputs}
    streams = [_source(source) for source in network.sources]
    streams += [_sink(name, shape) for name, shape in outputs.items()]
    names = [*(hardware_name(source.name) for source in network.sources), *outputs]
    return _WHOLE.format(
        top=hardware_name(network.name),
        streams="".join(streams),
        connections=",\n        ".join(map(_connections, names)),
        done=" && ".join(f"{name}_taken == {shape.values}" for name, shape in outputs.items()),
        values=sum(shape.values for shape in outputs.values()),
        patience=SLACK * (plan.prediction.interval + plan.prediction.latency) + 100_000,
        missing=", ".join(f"{name} %0d of {shape.values}" for name, shape in outputs.items()),
        taken=", ".join(f"{name}_taken" for name in outputs),
    )


def _source(source: Source) -> str:
    beats = source.height * source.width
    return _SOURCE.format(
        name=hardware_name(source.name),
        channels=source.channels,
        bits=source.bits,
        top_bit=source.channels * source.bits - 1,
        beats=beats,
        last=beats - 1,
    )


def _sink(name: str, shape: Shape) -> str:
    return _SINK.format(
        name=name,
        maps=shape.maps,
        rows=shape.rows,
        columns=shape.columns,
        bits=shape.bits,
        top_bit=shape.bits - 1,
        values=shape.values,
        last=shape.values - 1,
        row_values=shape.maps * shape.columns,
    )


def _connections(name: str) -> str:
    signals = ("tvalid", "tready", "tlast", "tdata")
    return ", ".join(f".{name}__{signal}({name}_{signal})" for signal in signals)


def hex_files(network: Network, values: Mapping[str, Array]) -> Iterator[tuple[str, str]]:
    """The files that the testbench reads, by name: a beat a line."""
    for source in network.sources:
        yield f"{hardware_name(source.name)}.hex", _hex(values[source.name], source.bits, True)
    for name in network.outputs:
        bits = network.shape(name).bits
        yield f"{hardware_name(name)}.hex", _hex(values[name], bits, False)


def _hex(maps: Array, bits: int, pixels: bool) -> str:
    """Integers [map, row, column] as words: a pixel each with its last map first, or a value."""
    words = maps.transpose(1, 2, 0).reshape(-1, len(maps) if pixels else 1)[:, ::-1]
    masked = words.astype(np.int64) & ((1 << bits) - 1)
    digits = -(-bits // 4)
    return "".join("".join(f"{word:0{digits}x}" for word in row) + "\n" for row in masked.tolist())
