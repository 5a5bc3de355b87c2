"""The README of an accelerator's folder, for whoever has no Sightline."""

from __future__ import annotations

from sightline.backends.fpga import devices
from sightline.backends.fpga.frames import encoding
from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Labels, Network
from sightline.backends.fpga.plan import Plan
from sightline.ir.graph import Graph
from sightline.ir.types import Quant

_TEXT = """\
# {top}

The network `{network}` as an accelerator in Verilog, made by Sightline.

| file | what |
|---|---|
| `{top}.v` | the accelerator: the module `{top}`, its weights within |
| `{top}_testbench.v` | one frame through it, and every result compared |
| `*.hex` | that frame, and what is expected of it |
| `plan.json` | its engines, the order of their work, the depths of its FIFOs |

Planned for {device} at an assumed clock of {clock:g} MHz: {multipliers} multipliers,
a frame every {interval:,} cycles ({fps:,.0f} frames a second at that clock), {latency:,} cycles
from a frame's first pixel to its last result.

## Try it

Copy the folder first: Sightline refuses one that holds files which it did not write. Then, in it,

    verilator --binary --timing -Wno-fatal --top-module {top}_testbench {top}.v {top}_testbench.v
    obj_dir/V{top}_testbench

or

    iverilog -g2012 -s {top}_testbench -o {top}.vvp {top}_testbench.v {top}.v
    vvp -n {top}.vvp

It prints PASS, or the first value that differs, and then its exit status is not 0. Icarus needs no
build, and takes far longer. Pixels are offered as fast as they are taken, so that the frame may
take fewer cycles than at the planned pace.

## Ports

`clk` and `rst`, which is synchronous and high to reset; hold it for a cycle or more. All else are
AXI4-Streams: NAME`__tdata`, NAME`__tvalid`, NAME`__tready`, NAME`__tlast`. A beat passes in each
cycle in which tvalid and tready are high.

| stream | | beats of a frame | a beat |
|---|---|---|---|
{ports}

Frames follow each other without a pause. Pixels come row by row from the top, in each row from the
left. A beat of results is one value: those of a pixel follow each other, map 0 first, and then
comes the next pixel. tlast is high in the last beat of a frame.

A frame whose tlast comes early is filled up, and one whose tlast comes late is cut; the outputs
`short_frame` and `long_frame` are high for a cycle when that happens, and the next frame is right
again.

## What the integers mean

Integers are in two's complement, unless they are said to be unsigned.

| stream | value of the graph | meaning |
|---|---|---|
{meanings}
"""


def readme(graph: Graph, network: Network, plan: Plan) -> str:
    prediction = plan.prediction
    return _TEXT.format(
        top=hardware_name(network.name),
        network=network.name,
        device=devices.device(plan.device).told,
        clock=plan.clock_mhz,
        multipliers=plan.multipliers,
        interval=prediction.interval,
        fps=1e6 * plan.clock_mhz / prediction.interval,
        latency=prediction.latency,
        ports="\n".join(_ports(network)),
        meanings="\n".join(_meanings(graph, network)),
    )


def _ports(network: Network) -> list[str]:
    rows = []
    for source in network.sources:
        beats = f"rows x columns: {source.height} x {source.width}"
        beat = f"a pixel: {source.channels} x {source.bits} bits, channel 0 lowest"
        rows.append(f"| `{hardware_name(source.name)}` | in | {beats} | {beat} |")
    for name in network.outputs:
        shape = network.shape(name)
        beats = f"rows x columns x maps: {shape.rows} x {shape.columns} x {shape.maps}"
        rows.append(f"| `{hardware_name(name)}` | out | {beats} | a value: {shape.bits} bits |")
    return rows


def _meanings(graph: Graph, network: Network) -> list[str]:
    names = [*(source.name for source in network.sources), *network.outputs]
    return [f"| `{hardware_name(n)}` | `{n}` | {_meaning(graph, network, n)} |" for n in names]


def _meaning(graph: Graph, network: Network, name: str) -> str:
    if isinstance(network.by_name[name], Labels):
        return "unsigned: the index of the largest map, the lowest of those that tie"
    match encoding(graph, name):
        case Quant(_, scale, zero_point):
            sign = "-" if zero_point > 0 else "+"
            shifted = f"(integer {sign} {abs(zero_point)})" if zero_point else "integer"
            return f"the real number {scale!r} * {shifted}"
        case _:
            return "the integer itself"
