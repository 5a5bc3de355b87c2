"""Which nodes of a graph the accelerator has hardware for, and what their numbers are."""

from __future__ import annotations

import itertools

from sightline.backends.fpga.network import Rounding
from sightline.ir.errors import UserError
from sightline.ir.graph import Node
from sightline.ir.op import Op
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.integer import IntegerAdd
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.movement import Flatten, Reshape, Transpose
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Dequantize, Lookup, Quantize, Requantize
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.ops.stage import Stage
from sightline.ir.types import Array, Int, Quant, TensorType
from sightline.ir.window import Window

TO_HOST = (Dequantize, Flatten, Reshape, Transpose)
"""What the host does with results: none of these computes."""

TAKEN = (
    "It takes filter banks with their rounding, max pooling and tables, sums of two values, "
    "enlargement by whole factors, and arg_max."
)


AFTER_BANK: tuple[tuple[type[Op], ...], ...] = (
    (Requantize,),
    (MaxPool, Requantize),
    (Requantize, MaxPool),  # computed as the one before: rounding keeps the order of numbers
)
"""What a stage may do with its sums, before a table."""


def require_supported(node: Node, bank: IntegerConv, pool: MaxPool, data: TensorType) -> None:
    """Refuse windows that the accelerator has not, by what they are."""
    window, pooling = bank.window, pool.window
    problem = ""
    if window.rank != 2:
        problem = f"a kernel of {window.rank} axes"
    elif any(step != 1 for step in (*window.dilation, *pooling.dilation)):
        dilation = next(w.dilation for w in (window, pooling) if set(w.dilation) != {1})
        problem = f"the dilation {list(dilation)}"
    elif any(pooling.pads[:2]):
        problem = f"max pooling with padding {list(pooling.pads)} above or to the left"
    elif (cut := windows_cut_short(pooling, window.slide(data.spatial)[1])) > 1:
        problem = f"max pooling whose last {cut} windows of a row are cut short by the map's end"
    elif integers_of(data) not in (Int(8), Int(16)):
        problem = f"a filter bank on {data}"
    elif integers_of(node.type) not in (Int(8), Int(16)):
        problem = f"a filter bank whose results are {node.type}"
    elif not all(op.to.signed for op in rounded_in(node)):
        problem = "rounding to integers without a sign"
    if problem:
        raise UserError(
            f"the accelerator does not take {problem}",
            fix="Run it on another target, or choose the precision int8 or int16.",
            node=node.name,
            where=node.where,
        )


def rounded_in(node: Node) -> list[Requantize]:
    body = node.op.body.operations if isinstance(node.op, Stage) else ()
    return [each.op for each in body if isinstance(each.op, Requantize)]


def windows_cut_short(pooling: Window, columns: int) -> int:
    """How many windows of a row reach beyond so many columns."""
    width, step = pooling.kernel[1], pooling.strides[1]
    count = (columns + pooling.pads[3] - width) // step + 1
    return sum(number * step + width > columns for number in range(count))


def rounding_of(op: Requantize, multipliers: Array, shifts: Array) -> Rounding:
    return Rounding(
        tuple(multipliers.reshape(-1).tolist()),
        tuple(shifts.reshape(-1).tolist()),
        op.to.zero_point,
        op.low,
        op.high,
        op.to.bits,
    )


def integers_of(type_: TensorType) -> Int | None:
    """The integers that a value is made of, None if it is made of none."""
    element = type_.element.storage if isinstance(type_.element, Quant) else type_.element
    return element if isinstance(element, Int) else None


def bits_of(type_: TensorType) -> int:
    storage = integers_of(type_)
    assert storage is not None
    return storage.bits


def is_known(node: Node) -> bool:
    """Whether the accelerator, or the host beside it, has a way to compute such a node."""
    if not isinstance(node.op, Stage):
        return isinstance(node.op, (*TO_HOST, ArgMax, ResizeNearest, Quantize))
    match [each.op for each in node.op.body.operations]:
        case [IntegerAdd(), Requantize()]:
            return True
        case [IntegerConv(), *after]:
            kinds = tuple(map(type, after))
            return (kinds[:-1] if kinds[-1:] == (Lookup,) else kinds) in AFTER_BANK
    return False


def is_chain(stage: Stage) -> bool:
    """Whether each op of the body reads the one before, and constants."""
    operations = stage.body.operations
    return all(b.inputs[0] == a.name for a, b in itertools.pairwise(operations))


def pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    first, second = sizes
    return first, second
