// The parts of a bench around an accelerator: where pictures come from, what results are compared
// with, and how full its buffers were. All they find goes into one file of results, a line each.
//
// Frames are read from files of binary words, highest byte first, one frame at a time, so that the
// same program takes any number of frames. A cycle's number is `cycle`, 0 is the first after reset.
`default_nettype none
`timescale 1ns / 1ns

// High with a chance of `chance` in 65,536, anew in each cycle, the same for the same seed.
module bench_chance #(
    parameter [31:0] SALT = 1
) (
    input wire clk,
    input wire [31:0] seed,
    input wire [16:0] chance,
    output wire hit
);
    reg [31:0] state;
    reg started = 0;
    wire [31:0] a = state ^ (state << 13);
    wire [31:0] b = a ^ (a >> 17);
    assign hit = {1'b0, state[15:0]} < chance;
    always @(posedge clk) begin
        if (chance != 0) begin
            started <= 1;
            // The constant keeps the state from being zero, which it would never leave.
            state <= started ? b ^ (b << 5) : ((seed * 32'd2654435761) ^ (SALT << 1)) | 32'h1;
        end
    end
endmodule

// Offers the beats of FILE.beats, each not before its cycle in FILE.offers, until it is taken.
module bench_source #(
    parameter NAME = "",
    parameter integer WIDTH = 8, BEATS = 1,
    parameter [31:0] SALT = 1
) (
    input wire clk, rst, step, finish,
    input wire [31:0] cycle, frames, seed, results,
    input wire [16:0] idle,
    output reg tvalid,
    input wire tready,
    output reg [WIDTH-1:0] tdata,
    output reg tlast,
    output wire moved, held, finished
);
    localparam integer BYTES = (WIDTH + 7) / 8;
    reg [8*BYTES-1:0] beats[0:BEATS-1];
    reg [31:0] offers[0:BEATS-1];
    integer beats_file, offers_file, read;
    reg [31:0] frame = 0, beat = 0, taken_frame = 0, taken_beat = 0, waited = 0;
    wire pause;

    bench_chance #(.SALT(SALT)) idling (.clk(clk), .seed(seed), .chance(idle), .hit(pause));

    assign moved = tvalid & tready & ~rst;
    assign held = tvalid & ~tready & ~rst;
    assign finished = taken_frame == frames;

    task load;
        begin
            read = $fread(beats, beats_file);
            if (read != BYTES * BEATS) $fdisplay(results, "SHORT %0d %s.beats", read, NAME);
            read = $fread(offers, offers_file);
            if (read != 4 * BEATS) $fdisplay(results, "SHORT %0d %s.offers", read, NAME);
        end
    endtask

    initial begin
        tvalid = 0;
        tlast = 0;
        beats_file = $fopen({NAME, ".beats"}, "rb");
        offers_file = $fopen({NAME, ".offers"}, "rb");
        load;
    end

    always @(posedge clk) begin
        if (step & (~tvalid | tready | rst)) begin
            if (frame != frames && offers[beat] <= cycle + 1 && !pause) begin
                tvalid <= 1;
                tdata <= beats[beat][WIDTH-1:0];
                tlast <= beat == BEATS - 1;
                if (beat == BEATS - 1) begin
                    beat <= 0;
                    frame <= frame + 1;
                    if (frame + 1 != frames) load;
                end else beat <= beat + 1;
            end else tvalid <= 0;
        end
        if (held) waited <= waited + 1;
        if (moved) begin
            if (taken_beat == 0) $fdisplay(results, "FIRST %s %0d %0d", NAME, taken_frame, cycle);
            taken_beat <= taken_beat == BEATS - 1 ? 0 : taken_beat + 1;
            if (taken_beat == BEATS - 1) taken_frame <= taken_frame + 1;
        end
        if (finish) begin
            $fdisplay(results, "WAITED %s %0d", NAME, waited);
            $fdisplay(results, "STATE %s %0d %0d %0d %0d", NAME, tvalid, tready,
                      taken_frame, taken_beat);
        end
    end
endmodule

// Compares the values that pass with those of FILE.wanted; the first 16 differences are told.
module bench_checker #(
    parameter NAME = "",
    parameter integer WIDTH = 8, VALUES = 1
) (
    input wire clk, rst, finish,
    input wire [31:0] cycle, frames, results,
    input wire valid, ready,
    input wire [WIDTH-1:0] data,
    output wire moved, last, finished
);
    localparam integer BYTES = (WIDTH + 7) / 8;
    reg [8*BYTES-1:0] wanted[0:VALUES-1];
    integer file, read;
    reg [31:0] frame = 0, index = 0, different = 0, excess = 0;

    wire passes = valid & ready & ~rst;
    assign finished = frame == frames;
    assign moved = passes & ~finished;
    assign last = index == VALUES - 1;

    task load;
        begin
            read = $fread(wanted, file);
            if (read != BYTES * VALUES) $fdisplay(results, "SHORT %0d %s.wanted", read, NAME);
        end
    endtask

    initial begin
        file = $fopen({NAME, ".wanted"}, "rb");
        load;
    end

    always @(posedge clk) begin
        if (moved) begin
            if (data !== wanted[index][WIDTH-1:0]) begin
                different <= different + 1;
                if (different < 16)
                    $fdisplay(results, "DIFFERENT %s %0d %0d %0d %h %h", NAME, frame, index, cycle,
                              data, wanted[index][WIDTH-1:0]);
            end
            index <= last ? 0 : index + 1;
            if (last) begin
                $fdisplay(results, "LAST %s %0d %0d", NAME, frame, cycle);
                frame <= frame + 1;
                if (frame + 1 != frames) load;
            end
        end
        if (passes & finished) excess <= excess + 1;
        if (finish) begin
            $fdisplay(results, "CHECKED %s %0d %0d", NAME, different, excess);
            $fdisplay(results, "STATE %s %0d %0d %0d %0d", NAME, valid, ready, frame, index);
        end
    end
endmodule

// Takes results, except in cycles of backpressure, and holds `tlast` to the end of each frame.
module bench_sink #(
    parameter NAME = "",
    parameter integer WIDTH = 8, VALUES = 1,
    parameter [31:0] SALT = 1
) (
    input wire clk, rst, step, finish,
    input wire [31:0] cycle, frames, seed, results,
    input wire [16:0] backpressure,
    input wire tvalid, tlast,
    output reg tready,
    input wire [WIDTH-1:0] tdata,
    output wire moved, finished
);
    reg [31:0] misplaced = 0;
    wire pause, last;

    bench_chance #(.SALT(SALT)) stalling (
        .clk(clk), .seed(seed), .chance(backpressure), .hit(pause));
    bench_checker #(.NAME(NAME), .WIDTH(WIDTH), .VALUES(VALUES)) checker_ (
        .clk(clk), .rst(rst), .finish(finish), .cycle(cycle), .frames(frames), .results(results),
        .valid(tvalid), .ready(tready), .data(tdata),
        .moved(moved), .last(last), .finished(finished));

    initial tready = 0;
    always @(posedge clk) begin
        tready <= step & ~pause;
        if (moved && tlast != last) misplaced <= misplaced + 1;
        if (finish) $fdisplay(results, "MISPLACED %s %0d", NAME, misplaced);
    end
endmodule

// Remembers how full a buffer was at most.
module bench_gauge #(
    parameter NAME = "",
    parameter integer WIDTH = 8
) (
    input wire clk, rst, finish,
    input wire [31:0] results,
    input wire [WIDTH-1:0] level,
    input wire valid, ready
);
    reg [WIDTH-1:0] most = 0;
    always @(posedge clk) begin
        if (!rst && level > most) most <= level;
        if (finish)
            $fdisplay(results, "LEVEL %s %0d %0d %0d %0d", NAME, most, level, valid, ready);
    end
endmodule
`default_nettype wire
