"""A small accelerator for the tests of the bench: two pictures in, sums through a FIFO out.

Some pixels of the left picture make it misbehave, so that one build shows every fault.
"""

from __future__ import annotations

import numpy as np

from sightline.backends.fpga.arrivals import offered
from sightline.backends.fpga.plan import Offer
from sightline.ir.types import Array
from sightline.sim.design import Design, Gauge, Input, Output, Probe, raster

ROWS, COLUMNS = 3, 4
BEATS = ROWS * COLUMNS

HANGS, SLOW, NO_LAST, TWICE = 127, 126, 125, 124
"""Pixels of channel 0: from then on none is taken; none for 20 cycles; no tlast; sum sent twice."""

VERILOG = f"""
module adder(
    input clk, input rst,
    input left__tvalid, output left__tready, input [15:0] left__tdata, input left__tlast,
    input right__tvalid, output right__tready, input [15:0] right__tdata, input right__tlast,
    output sum__tvalid, input sum__tready, output [10:0] sum__tdata, output sum__tlast
);
    wire signed [7:0] first = left__tdata[7:0], second = left__tdata[15:8];
    wire signed [10:0] sum = first * 3 - second + $signed(right__tdata);
    reg [4:0] rest;
    reg hung, again;
    wire fire = left__tvalid & right__tvalid & (queue.level < 7) & (rest == 0) & ~hung & ~again;
    assign left__tready = fire, right__tready = fire;
    always @(posedge clk)
        if (rst) begin
            rest <= 0;
            hung <= 0;
            again <= 0;
        end else begin
            rest <= fire & (first == {SLOW}) ? 20 : rest - (rest != 0);
            hung <= hung | fire & (first == {HANGS});
            again <= fire & (first == {TWICE});
        end
    wire take = sum__tvalid & sum__tready;
    wire last = left__tlast & (first != {NO_LAST});
    queue queue(.clk(clk), .rst(rst), .put(fire | again), .in({{last, sum}}), .take(take),
                .out({{sum__tlast, sum__tdata}}), .some(sum__tvalid));
endmodule

module queue(
    input clk, input rst, input put, input [11:0] in, input take, output [11:0] out, output some
);
    reg [11:0] slots [0:7];
    reg [3:0] level;
    reg [2:0] read, write;
    assign some = level != 0, out = slots[read];
    always @(posedge clk)
        if (rst) begin
            level <= 0;
            read <= 0;
            write <= 0;
        end else begin
            if (put) slots[write] <= in;
            level <= level + put - take;
            write <= write + put;
            read <= read + take;
        end
endmodule
"""

ORDER = raster("sum", (1, ROWS, COLUMNS))

ADDER = Design(
    VERILOG,
    "adder",
    (Input("left", 2, ROWS, COLUMNS, 8), Input("right", 1, ROWS, COLUMNS, 16)),
    (Output("sum", 11, ORDER),),
    (Probe("layer/1 add", 11, ORDER, "fire", "sum"),),
    (Gauge("queue", 4, 8, "queue.level", "sum__tvalid", "sum__tready"),),
)


def pictures(frames: int, seed: int = 0) -> dict[str, Array]:
    """Random pictures without the pixels that bring faults."""
    random = np.random.default_rng(seed)
    return {
        "left": random.integers(-128, TWICE, (frames, 2, ROWS, COLUMNS)),
        "right": random.integers(-300, 300, (frames, 1, ROWS, COLUMNS)),
    }


def sums(stimuli: dict[str, Array]) -> dict[str, Array]:
    """What the adder makes of them."""
    left = stimuli["left"]
    return {"sum": 3 * left[:, :1] - left[:, 1:] + stimuli["right"]}


def offered_uniformly(frames: int, beats: int, interval: int) -> Array:
    """The cycle of each pixel, [frame, beat], when a frame comes every `interval` cycles."""
    return offered(Offer("any", 0, interval), frames, beats, interval)
