"""What costs nothing to leave out: constants that can be computed now, and ops that do nothing."""

from __future__ import annotations

from sightline.ir.constant import Constant
from sightline.ir.graph import Graph, Node
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.movement import (
    Concat,
    Flatten,
    Gather,
    Identity,
    Pad,
    Reshape,
    Slice,
    Transpose,
)
from sightline.ir.ops.quantization import ScaledWeights
from sightline.ir.ops.resize import ResizeNearest
from sightline.passes.rewrite import Rewriter, first_of, rewrite

FOLDED_ELEMENTS = 4096
"""A folded constant may have this many elements, or as many as it is made of, if that is more."""


def simplify(graph: Graph) -> Graph:
    """Fold constants, drop what does nothing, and merge neighbours that move data.

    c = add(1, 2)                          ->  3
    y = identity(x)                        ->  x
    y = reshape(x, shape=x's own)          ->  x    (and so for transpose, slice, pad, gather,
                                                     concat of one, resize)
    y = reshape(flatten(x), shape=s)       ->  y = reshape(x, shape=s)
    y = gather(gather(x))                  ->  y = gather(x)
    y = concat(concat(a, b), c)            ->  y = concat(a, b, c)
    y = mul(x, 1), add(x, 0), sub(x, 0)    ->  x
    what no output reads                   ->  gone; inputs stay
    """
    return rewrite(graph, _RULE)


def fold_constants(rewriter: Rewriter, node: Node) -> str | None:
    """An op on constants alone is computed now, unless the result would bloat the graph.

    Integer weights stay beside their scales, for integers to be made of them.
    """
    arrays = rewriter.arrays(node.inputs)
    if arrays is None or isinstance(node.op, ScaledWeights):
        return None
    if node.type.size > max(FOLDED_ELEMENTS, sum(array.size for array in arrays)):
        return None
    result = node.op.evaluate(*arrays)
    return rewriter.constant(Constant(result, node.type.element))


def drop_no_op(rewriter: Rewriter, node: Node) -> str | None:
    """An op that gives back its operand."""
    x = rewriter[node.inputs[0]]
    same_shape = x.type == node.type
    match node.op:
        case Identity():
            nothing = True
        case Reshape() | Flatten() | Pad():
            nothing = same_shape
        case Concat():
            nothing = len(node.inputs) == 1
        case Transpose(order):
            nothing = order == tuple(range(len(order)))
        case Slice(steps=steps):
            # Of the same sizes, a slice can but walk backwards along an axis of several.
            nothing = same_shape and all(
                step > 0 or size == 1 for step, size in zip(steps, x.type.shape, strict=True)
            )
        case Gather(axis, indices):
            size = x.type.shape[positive_axis(axis, x.type.rank)]
            nothing = indices == tuple(range(size))
        case ResizeNearest():
            nothing = node.op.factors(x.type) == (1, 1)
        case _:
            nothing = False
    return x.name if nothing else None


def merge_moves(rewriter: Rewriter, node: Node) -> str | None:
    """Two movements of data in a row that are one."""
    above = rewriter[node.inputs[0]]
    match node.op, above.op:
        case ((Reshape() | Flatten()), (Reshape() | Flatten())):
            source = above.inputs[0]
            if rewriter[source].type == node.type:
                return source
            return rewriter.emit(Reshape(node.type.shape), source)
        case Gather(axis, outer), Gather(inner_axis, inner):
            axis, inner_axis = (positive_axis(a, node.type.rank) for a in (axis, inner_axis))
            if axis == inner_axis:
                merged = Gather(axis, tuple(inner[index] for index in outer))
                size = rewriter[above.inputs[0]].type.shape[axis]
                if merged.indices == tuple(range(size)):
                    return above.inputs[0]
                return rewriter.emit(merged, above.inputs[0])
        case Concat(axis), _:
            parts = concat_parts(rewriter, node, positive_axis(axis, node.type.rank))
            if len(parts) > len(node.inputs):
                return rewriter.emit(node.op, *parts)
    return None


def concat_parts(rewriter: Rewriter, node: Node, axis: int) -> list[str]:
    """The operands of a concatenation, and in place of one that is read nowhere else, its own."""
    parts: list[str] = []
    for value in node.inputs:
        part = rewriter[value]
        match part.op:
            case Concat(inner) if rewriter.only_use(value) and inner % part.type.rank == axis:
                parts += concat_parts(rewriter, part, axis)
            case _:
                parts.append(value)
    return parts


def drop_neutral(rewriter: Rewriter, node: Node) -> str | None:
    """A product with one, or a sum or difference with zero, of the other operand's own shape."""
    match node.op:
        case Mul():
            neutral, sides = 1.0, [node.inputs, node.inputs[::-1]]
        case Add():
            neutral, sides = 0.0, [node.inputs, node.inputs[::-1]]
        case Sub():
            neutral, sides = 0.0, [node.inputs]
        case _:
            return None
    for kept, dropped in sides:
        array = rewriter.array(dropped)
        if array is not None and rewriter[kept].type == node.type and (array == neutral).all():
            return kept
    return None


_RULE = first_of(fold_constants, drop_no_op, merge_moves, drop_neutral)
