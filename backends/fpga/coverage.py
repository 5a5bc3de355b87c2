"""What the accelerator makes of each op, for people: `extract` decides, graph by graph.

Ops on floats are those of the graph before it is quantized. What is refused is refused where the
accelerator would have to compute it; before the values that it begins with, the host computes all.
"""

from __future__ import annotations

from sightline.backends.fpga.taken import TO_HOST
from sightline.backends.target import Elsewhere, Refused, Rewritten, Support, Taken
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Binary
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.integer import IntegerAdd
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.movement import Identity
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Lookup, Quantize, Requantize
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.ops.stage import Stage

TAKEN = (IntegerConv, IntegerAdd, MaxPool, Requantize, Lookup, Stage, ResizeNearest, ArgMax)

REWRITTEN: dict[type[Op], str] = {
    Conv: "legalize",
    Pointwise: "legalize",
    Add: "legalize",
    Linear: "linear_to_conv",
    BatchNorm: "fold_affine",
    Identity: "simplify",
}
"""The pass that makes filter banks, tables and sums of an op, and of those derived from it."""


def support(op: type[Op]) -> Support:
    if issubclass(op, TAKEN):
        return Taken()
    if issubclass(op, (Quantize, *TO_HOST)):
        return Elsewhere("the host")
    for each, by in REWRITTEN.items():
        if issubclass(op, each) and (each is Add or not issubclass(op, Binary)):
            return Rewritten(by)
    return Refused("begin behind it, with --from")
