"""Batch normalization, and every other y = a x + b per channel, goes into the filter bank by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.types import Array, TensorType
from sightline.passes.bank import Bank, bank_of, emit_bank, pair_inputs, pair_maps
from sightline.passes.rewrite import Rewriter, first_of, rewrite


def fold_affine(graph: Graph) -> Graph:
    """Fold batch normalization, products, sums and differences with constants into weights.

    After a Conv or Linear (w, b) that nothing else reads:

        y = batch_norm(conv(x, w, b), s, t, m, v)   ->  y = conv(x, w a, b a + t - m a)
        y = mul(conv(x, w), a)                      ->  y = conv(x, w a)
        y = sub(c, linear(x, w, b))                 ->  y = linear(x, -w, c - b)

    with a = s / sqrt(v + epsilon). Before one, if nothing else reads what is folded:

        y = conv(add(mul(x, a), c), w, b)           ->  y = conv(x, w a, b + sum of w c)

    where a padded bank takes factors only, because the zeros of its padding are not shifted. The
    arithmetic is in double precision. What would not be finite stays as it is.
    """
    with np.errstate(all="ignore"):  # what is not finite is seen before it is emitted
        return rewrite(graph, first_of(fold_after, fold_before))


@dataclass(frozen=True)
class Affine:
    """y = scale x + shift, one number per channel, in double precision."""

    x: str
    scale: Array
    shift: Array


def fold_after(rewriter: Rewriter, node: Node) -> str | None:
    """An affine step into the bank whose result it reads."""
    affine = affine_of(rewriter, node)
    if affine is None or not rewriter.only_use(affine.x):
        return None
    bank = bank_of(rewriter, rewriter[affine.x])
    if bank is None:
        return None
    scale = affine.scale
    weights = bank.weights * _per_weight(scale, _output_maps(bank), bank)
    bias = affine.shift + scale * (0.0 if bank.bias is None else bank.bias)
    return _emit_finite(rewriter, bank, bank.x, weights, bias)


def fold_before(rewriter: Rewriter, node: Node) -> str | None:
    """All affine steps above a bank into it, the nearest first."""
    bank = bank_of(rewriter, node)
    if bank is None:
        return None
    x = bank.x
    channels = rewriter[x].type.shape[1]
    scale, shift = np.ones(channels), np.zeros(channels)
    padded = isinstance(node.op, Conv) and any(node.op.window.pads)
    while rewriter.only_use(x):
        affine = affine_of(rewriter, rewriter[x])
        if affine is None or (padded and affine.shift.any()):
            break
        scale, shift = scale * affine.scale, scale * affine.shift + shift
        x = affine.x
    if x == bank.x:
        return None
    inputs = _input_maps(bank)
    weights = bank.weights * _per_weight(scale, inputs, bank)
    shifts = bank.weights * _per_weight(shift, inputs, bank)
    bias = _sum_per_map(shifts, bank) + (0.0 if bank.bias is None else bank.bias)
    return _emit_finite(rewriter, bank, x, weights, bias)


def affine_of(rewriter: Rewriter, node: Node) -> Affine | None:
    """What a node does to its operand, if that is affine per channel with constants."""
    match node.op:
        case BatchNorm():
            statistics = rewriter.arrays(node.inputs[1:])
            if statistics is None:
                return None
            return Affine(node.inputs[0], *node.op.affine(*statistics))
        case Add() | Mul() | Sub():
            x, constant = node.inputs
            swapped = rewriter.array(x) is not None
            if swapped:
                x, constant = constant, x
            numbers = _per_channel(rewriter.array(constant), rewriter[x].type, node.type)
            if numbers is None:
                return None
            ones, zeros = np.ones(len(numbers)), np.zeros(len(numbers))
            match node.op:
                case Mul():
                    return Affine(x, numbers, zeros)
                case Add():
                    return Affine(x, ones, numbers)
                case _:
                    return Affine(x, -ones, numbers) if swapped else Affine(x, ones, -numbers)
    return None


def _per_channel(constant: Array | None, x: TensorType, result: TensorType) -> Array | None:
    """A constant operand as one number per channel of x, if that is what it is."""
    if constant is None or x.shape != result.shape or x.rank < 2:
        return None
    shape = (1,) * (x.rank - constant.ndim) + constant.shape
    if any(size != 1 for axis, size in enumerate(shape) if axis != 1):
        return None
    return np.broadcast_to(constant.ravel().astype(np.float64), (x.shape[1],))


def _output_maps(bank: Bank) -> Array:
    """The output map of each kernel of a Conv, or of each row of a Linear."""
    op = bank.node.op
    return pair_maps(op.table) if isinstance(op, Conv) else np.arange(bank.maps)[:, None]


def _input_maps(bank: Bank) -> Array:
    """The input map of each kernel of a Conv, or of each column of a Linear."""
    op = bank.node.op
    if isinstance(op, Conv):
        return pair_inputs(op.table)
    return np.arange(bank.weights.shape[1])[None, :]


def _per_weight(numbers: Array, maps: Array, bank: Bank) -> Array:
    """Numbers per map, spread so that they multiply the weights."""
    spread: Array = numbers[maps]
    return spread.reshape(spread.shape + (1,) * (bank.weights.ndim - spread.ndim))


def _sum_per_map(shifts: Array, bank: Bank) -> Array:
    """The sum of what lies in the kernels of each output map."""
    sums: Array = shifts.sum(axis=tuple(range(1, shifts.ndim)))
    op = bank.node.op
    if isinstance(op, Conv):
        return np.bincount(pair_maps(op.table), sums, bank.maps)
    return sums


def _emit_finite(rewriter: Rewriter, bank: Bank, x: str, weights: Array, bias: Array) -> str | None:
    """The bank with these numbers in single precision, unless they leave its range."""
    weights, bias = weights.astype(np.float32), bias.astype(np.float32)
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return None
    return emit_bank(rewriter, bank, bank.node.op, x, weights, bias if bias.any() else None)
