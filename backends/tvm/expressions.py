"""Which function writes the tensor expressions of which op: the one table of this backend.

Each function has the form `(op, build, *operands) -> result`. A class stands for its subclasses
too, so that a new pointwise op needs no line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sightline.backends.target import Refused, Support, Taken
from sightline.backends.tvm import (
    classify,
    filters,
    integers,
    movement,
    normalization,
    pointwise,
    pooling,
    resampling,
)
from sightline.ir import ops
from sightline.ir.op import Op
from sightline.ir.ops.stage import Stage

Expression = Callable[..., Any]

EXPRESSIONS: dict[type[Op], Expression] = {
    ops.pointwise.Pointwise: pointwise.pointwise,
    ops.conv.Conv: filters.conv,
    ops.conv.Linear: filters.linear,
    ops.pooling.MaxPool: pooling.max_pool,
    ops.pooling.SumPool: pooling.sum_pool,
    ops.pooling.AveragePool: pooling.average_pool,
    ops.pooling.LPPool: pooling.lp_pool,
    ops.pooling.GlobalAveragePool: pooling.global_average_pool,
    ops.pooling.GlobalMaxPool: pooling.global_max_pool,
    ops.normalization.BatchNorm: normalization.batch_norm,
    ops.normalization.SubtractiveNorm: normalization.subtractive_norm,
    ops.normalization.DivisiveNorm: normalization.divisive_norm,
    ops.normalization.LocalNorm: normalization.local_norm,
    ops.normalization.TorchSubtractiveNorm: normalization.torch_subtractive_norm,
    ops.normalization.TorchDivisiveNorm: normalization.torch_divisive_norm,
    ops.movement.Concat: movement.concat,
    ops.movement.Slice: movement.slice_,
    ops.movement.Pad: movement.pad,
    ops.movement.Stuff: movement.stuff,
    ops.movement.Transpose: movement.transpose,
    ops.movement.Gather: movement.gather,
    ops.resize.ResizeNearest: resampling.resize_nearest,
    ops.resize.ResizeBilinear: resampling.resize_bilinear,
    ops.pyramid.PyramidDown: resampling.pyramid_down,
    ops.pyramid.PyramidUp: resampling.pyramid_up,
    ops.classify.Softmax: classify.softmax,
    ops.classify.ArgMax: classify.arg_max,
    ops.integer.Exact: integers.exact,
    ops.integer.Clamp: integers.clamp,
    ops.integer_bank.IntegerConv: filters.integer_conv,
    ops.integer_bank.IntegerSumPool: integers.sum_pool,
    ops.integer_bank.IntegerBilinear: integers.bilinear,
    ops.quantization.Quantize: integers.quantize,
    ops.quantization.Dequantize: integers.dequantize,
    ops.quantization.ScaledWeights: integers.scaled_weights,
    ops.quantization.Requantize: integers.requantize,
    ops.quantization.Lookup: integers.lookup,
}

RENAMED = (
    ops.movement.Identity,
    ops.movement.Reshape,
    ops.movement.Flatten,
    ops.quantization.InFloat,
)
"""Ops that name the same memory anew, and cost nothing."""


def expression_of(op: type[Op]) -> Expression | None:
    return next((EXPRESSIONS[base] for base in op.__mro__ if base in EXPRESSIONS), None)


def support(op: type[Op]) -> Support:
    """What the targets of TVM's take; stages are inlined before anything else is done."""
    if issubclass(op, (Stage, *RENAMED)) or expression_of(op):
        return Taken()
    return Refused("run it on the target 'reference'")
