"""How each op is written as ONNX nodes: one table, `EXPORTS`.

Ops that are not in it, ops that ONNX lacks and any new pointwise op, are written as a call of a
function of ours (`custom`), which says what they mean (`functions`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

from sightline.frontend.onnx.custom import CUSTOM_OPS
from sightline.frontend.onnx.site import Site
from sightline.frontend.onnx.write_pools import (
    window_attributes,
    write_average_pool,
    write_lp_pool,
    write_max_pool,
    write_sum_pool,
)
from sightline.frontend.onnx.write_resize import write_bilinear, write_nearest
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops import arithmetic, classify, conv, movement, normalization, pooling, resize
from sightline.ir.ops import pointwise as pw
from sightline.ir.table import Block


def export(site: Site) -> str:
    """Write the node's op. Returns the value that holds its result."""
    op = site.node.op
    if type(op) in EXPORTS:
        return EXPORTS[type(op)](site, op)
    if isinstance(op, pw.Pointwise) or type(op).__name__ in CUSTOM_OPS:
        return site.call()
    raise UserError(
        f"the op {op.kind} has no form in ONNX", fix="Export the float graph, before any passes."
    )


def _named(op_type: str, **attributes: Any) -> Callable[[Site, Any], str]:
    """An op that is one ONNX node on the same operands."""
    return lambda site, op: site.emit(op_type, *site.all_values(), **attributes)


def _clip(site: Site, op: pw.Clip) -> str:
    low = site.constant(op.low, "low") if op.low > -np.inf else ""
    high = site.constant(op.high, "high") if op.high < np.inf else ""
    return site.emit("Clip", site.value(0), low, high)


def _conv(site: Site, op: conv.Conv) -> str:
    table, kernel = op.table, op.window.kernel
    weights, name = site.weights(1), site.operands[1].name
    if table.groups is not None or site.dense:
        groups = table.groups or 1
        whole = table.dense_weights(weights) if table.groups is None else weights
        whole = whole.reshape(table.maps, table.channels // groups, *kernel)
        operands = [site.value(0), site.emitter.weights(whole, name)]
        operands += [site.value(2)] if len(site.operands) > 2 else []
        return site.emit("Conv", *operands, group=groups, **window_attributes(op.window))
    parts = []
    for number, run in enumerate(table.runs()):
        label = f"{name}.run{number}"
        planes = weights[run[0].first_pair : run[-1].pairs.stop]
        operands = [
            _seen(site, run),
            site.emitter.weights(planes.reshape(-1, len(run[0].inputs), *kernel), label),
        ]
        if len(site.operands) > 2:
            bias = site.weights(2)[run[0].first : run[-1].last]
            operands.append(site.emitter.weights(bias, f"{site.operands[2].name}.run{number}"))
        parts.append(site.emit("Conv", *operands, group=len(run), **window_attributes(op.window)))
    return site.emit("Concat", *parts, axis=1)


def _seen(site: Site, run: list[Block]) -> str:
    """What the blocks of a run see, one block's inputs after the other's."""
    indices = [index for block in run for index in block.inputs]
    return site.emit("Gather", site.value(0), site.constant(indices, "seen"), axis=1)


def _linear(site: Site, op: conv.Linear) -> str:
    return site.emit("Gemm", *site.all_values(), transB=1)


def _batch_norm(site: Site, op: normalization.BatchNorm) -> str:
    return site.emit("BatchNormalization", *site.all_values(), epsilon=op.epsilon)


def _concat(site: Site, op: movement.Concat) -> str:
    return site.emit("Concat", *site.all_values(), axis=op.axis)


def _slice(site: Site, op: movement.Slice) -> str:
    """A stop of -1 is before the first element, which ONNX writes as one more than all of them."""
    shape = site.type(0).shape
    stops = [stop if stop >= 0 else -size - 1 for stop, size in zip(op.stops, shape, strict=True)]
    axes = list(range(len(shape)))
    lists = zip(
        ("starts", "ends", "axes", "steps"), (op.starts, stops, axes, op.steps), strict=True
    )
    return site.emit("Slice", site.value(0), *(site.constant(list(v), k) for k, v in lists))


def _pad(site: Site, op: movement.Pad) -> str:
    operands = [site.value(0), site.constant(list(op.pads), "pads")]
    if op.mode == "constant":
        dtype = site.node.type.element.dtype
        operands.append(site.constant(np.array(op.value, dtype), "fill"))
    return site.emit("Pad", *operands, mode=op.mode)


def _reshape(site: Site, op: movement.Reshape) -> str:
    return site.emit("Reshape", site.value(0), site.constant(list(op.shape), "shape"))


def _flatten(site: Site, op: movement.Flatten) -> str:
    return site.emit("Flatten", site.value(0), axis=op.axis)


def _transpose(site: Site, op: movement.Transpose) -> str:
    return site.emit("Transpose", site.value(0), perm=op.order)


def _gather(site: Site, op: movement.Gather) -> str:
    indices = site.constant(list(op.indices), "indices")
    return site.emit("Gather", site.value(0), indices, axis=op.axis)


def _softmax(site: Site, op: classify.Softmax) -> str:
    return site.emit("Softmax", site.value(0), axis=op.axis)


def _argmax(site: Site, op: classify.ArgMax) -> str:
    labels = site.emit("ArgMax", site.value(0), axis=op.axis, keepdims=0)
    return site.emit("Cast", labels, to=TensorProto.INT32)


EXPORTS: dict[type[Op], Callable[[Site, Any], str]] = {
    arithmetic.Add: _named("Add"),
    arithmetic.Mul: _named("Mul"),
    arithmetic.Sub: _named("Sub"),
    classify.ArgMax: _argmax,
    classify.Softmax: _softmax,
    conv.Conv: _conv,
    conv.Linear: _linear,
    movement.Concat: _concat,
    movement.Flatten: _flatten,
    movement.Gather: _gather,
    movement.Identity: _named("Identity"),
    movement.Pad: _pad,
    movement.Reshape: _reshape,
    movement.Slice: _slice,
    movement.Transpose: _transpose,
    normalization.BatchNorm: _batch_norm,
    pooling.AveragePool: write_average_pool,
    pooling.GlobalAveragePool: _named("GlobalAveragePool"),
    pooling.GlobalMaxPool: _named("GlobalMaxPool"),
    pooling.LPPool: write_lp_pool,
    pooling.MaxPool: write_max_pool,
    pooling.SumPool: write_sum_pool,
    pw.Abs: _named("Abs"),
    pw.Clip: _clip,
    pw.LeakyRelu: lambda site, op: site.emit("LeakyRelu", site.value(0), alpha=op.slope),
    pw.Relu: _named("Relu"),
    pw.Sigmoid: _named("Sigmoid"),
    pw.SoftShrink: lambda site, op: site.emit(
        "Shrink", site.value(0), bias=op.threshold, lambd=op.threshold
    ),
    pw.Tanh: _named("Tanh"),
    resize.ResizeBilinear: write_bilinear,
    resize.ResizeNearest: write_nearest,
}
