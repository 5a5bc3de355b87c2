"""Data moved, selected and shaped anew. Whatever says how must be known while reading."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sightline.frontend.onnx.call import Call, Reader, Value
from sightline.ir.errors import UserError
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
from sightline.ir.types import Shape


def read_identity(call: Call) -> Value:
    return call.emit(Identity(), call.value(0))


def read_dropout(call: Call) -> Value:
    """What remains of it once training is over: its input."""
    call.without_effect("ratio", "seed")
    training = call.optional_array(2, "the training_mode of Dropout")
    if training is not None and training.any():
        raise UserError("Dropout is in training mode", fix="Export the model in evaluation mode.")
    return call.emit(Identity(), call.value(0))


def read_concat(call: Call) -> Value:
    return call.emit(Concat(call.integer("axis", 1)), *call.values())


def read_slice(call: Call) -> Value:
    x = call.value(0)
    shape = call.shape(x)
    if call.opset < 10:
        starts, stops, axes, steps = (
            call.integers("starts") or (),
            call.integers("ends") or (),
            call.integers("axes"),
            None,
        )
    else:
        starts = call.whole_numbers(1, "the starts of Slice") or ()
        stops = call.whole_numbers(2, "the ends of Slice") or ()
        axes = call.whole_numbers(3, "the axes of Slice")
        steps = call.whole_numbers(4, "the steps of Slice")
    axes = _axes(tuple(range(len(starts))) if axes is None else axes, len(shape))
    steps = (1,) * len(axes) if steps is None else steps
    if not len(starts) == len(stops) == len(axes) == len(steps) or 0 in steps:
        raise UserError(
            f"Slice from {list(starts)} to {list(stops)} by {list(steps)} along axes {list(axes)} "
            "does not give one of each for every axis, or has a step of 0"
        )
    bounds = [(0, size, 1) for size in shape]
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        bounds[axis] = slice(start, stop, step).indices(shape[axis])
    return _slice(call, x, bounds)


def _slice(call: Call, x: Value, bounds: Sequence[tuple[int, int, int]], part: str = "") -> Value:
    starts, stops, steps = (tuple(numbers) for numbers in zip(*bounds, strict=True))
    empty = [axis for axis, bound in enumerate(bounds) if not range(*bound)]
    if empty:
        raise UserError(
            f"the slice of axis {empty[0]}, of size {call.shape(x)[empty[0]]}, is empty",
            fix="Remove the node, or what makes its bounds.",
        )
    return call.emit(Slice(starts, stops, steps), x, part=part)


def read_split(call: Call) -> tuple[Value, ...]:
    """One Slice for each part."""
    x = call.value(0)
    shape = call.shape(x)
    axis = positive_axis(call.integer("axis", 0), len(shape))
    parts = len(call.results_used)
    sizes = call.integers("split") if call.opset < 13 else call.whole_numbers(1, "split of Split")
    if call.integer("num_outputs", parts) != parts:
        raise UserError(f"Split has {parts} outputs, but its num_outputs says otherwise")
    if sizes is None:
        even = -(-shape[axis] // parts)
        uneven = (*(even,) * (parts - 1), shape[axis] - even * (parts - 1))
        if call.opset < 18 and len(set(uneven)) > 1:
            raise UserError(f"Split of {shape[axis]} into {parts} equal parts leaves a rest")
        sizes = uneven
    if len(sizes) != parts or min(sizes) < 1 or sum(sizes) != shape[axis]:
        raise UserError(
            f"Split into {list(sizes)}, {parts} parts of at least 1, does not fill axis {axis} of "
            f"size {shape[axis]}"
        )
    results: list[Value] = []
    for number, size in enumerate(sizes):
        bounds = [(0, whole, 1) for whole in shape]
        first = sum(sizes[:number])
        bounds[axis] = (first, first + size, 1)
        results.append(_slice(call, x, bounds, part=f"part{number}"))
    return tuple(results)


def read_pad(call: Call) -> Value:
    """Negative pads cut off; that is a Slice before."""
    x = call.value(0)
    shape = call.shape(x)
    mode = call.text("mode", "constant")
    if call.opset < 11:
        pads, axes = call.integers("pads") or (), None
        value = call.number("value", 0.0)
    else:
        pads = call.whole_numbers(1, "the pads of Pad") or ()
        axes = call.whole_numbers(3, "the axes of Pad")
        fill = call.optional_array(2, "the constant_value of Pad")
        if fill is not None and fill.size != 1:
            raise UserError(f"the constant_value of Pad is one number, not {fill.size}")
        value = float(fill.ravel()[0]) if fill is not None else 0.0
    axes = _axes(tuple(range(len(shape))) if axes is None else axes, len(shape))
    if len(pads) != 2 * len(axes):
        raise UserError(f"Pad has {len(pads)} pads, but needs two for each of {len(axes)} axes")
    pairs = [(0, 0)] * len(shape)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        pairs[axis] = (begin, end)
    if min(pads, default=0) < 0:
        if mode != "constant":
            raise UserError(
                f"Pad in mode {mode} has a negative pad, {min(pads)}", fix="Slice instead."
            )
        kept = [
            (max(0, -begin), size - max(0, -end), 1)
            for (begin, end), size in zip(pairs, shape, strict=True)
        ]
        x = _slice(call, x, kept, part="cut")
        pairs = [(max(0, begin), max(0, end)) for begin, end in pairs]
    final = (*(begin for begin, _ in pairs), *(end for _, end in pairs))
    return call.emit(Pad(final, mode, value if mode == "constant" else 0.0), x)


def read_reshape(call: Call) -> Value:
    """0 takes the size from the input (unless allowzero), -1 what remains."""
    x = call.value(0)
    before = call.shape(x)
    wanted = call.whole_numbers(1, "the shape of Reshape") or ()
    zero_is_size = call.flag("allowzero")
    shape = list(wanted)
    for axis, size in enumerate(wanted):
        if size == 0 and not zero_is_size and axis < len(before):
            shape[axis] = before[axis]
    rest = math.prod(size for size in shape if size != -1)
    if shape.count(-1) == 1 and rest > 0 and math.prod(before) % rest == 0:
        shape[shape.index(-1)] = math.prod(before) // rest
    if min(shape, default=1) < 1:
        raise UserError(f"the shape {list(wanted)} of Reshape does not fit {list(before)}")
    return call.emit(Reshape(tuple(shape)), x)


def read_flatten(call: Call) -> Value:
    return call.emit(Flatten(call.integer("axis", 1)), call.value(0))


def read_transpose(call: Call) -> Value:
    x = call.value(0)
    order = call.integers("perm") or tuple(reversed(range(len(call.shape(x)))))
    return call.emit(Transpose(order), x)


def read_squeeze(call: Call) -> Value:
    x = call.value(0)
    shape = call.shape(x)
    given = call.integers("axes") if call.opset < 13 else call.whole_numbers(1, "axes of Squeeze")
    ones = tuple(axis for axis, size in enumerate(shape) if size == 1)
    axes = ones if given is None else _axes(given, len(shape))
    if not set(axes) <= set(ones):
        raise UserError(f"Squeeze removes axes {list(axes)} of {list(shape)}, not all of size 1")
    kept = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    return call.emit(Reshape(kept), x)


def read_unsqueeze(call: Call) -> Value:
    x = call.value(0)
    given = call.integers("axes") if call.opset < 13 else call.whole_numbers(1, "axes of Unsqueeze")
    sizes = list(call.shape(x))
    for axis in sorted(_axes(given or (), len(sizes) + len(given or ()))):
        sizes.insert(axis, 1)
    return call.emit(Reshape(tuple(sizes)), x)


def read_gather(call: Call) -> Value:
    """Indices of any shape: the axis is gathered by a list of them, then takes their shape."""
    x = call.value(0)
    shape = call.shape(x)
    axis = positive_axis(call.integer("axis", 0), len(shape))
    indices = call.array(1, "the indices of Gather")
    if indices.dtype.kind != "i" or indices.size == 0:
        raise UserError(f"the indices of Gather are {indices.dtype}{list(indices.shape)}")
    listed = tuple(i + shape[axis] if i < 0 else i for i in indices.ravel().tolist())
    if indices.ndim == 1:
        return call.emit(Gather(axis, listed), x)
    gathered = call.emit(Gather(axis, listed), x, part="gathered")
    return call.emit(Reshape((*shape[:axis], *indices.shape, *shape[axis + 1 :])), gathered)


def _axes(axes: Shape, rank: int) -> Shape:
    """Axes counted from the front, each once."""
    found = tuple(positive_axis(axis, rank) for axis in axes)
    if len(set(found)) < len(found):
        raise UserError(f"the axes {list(axes)} name one axis twice")
    return found


READERS: dict[str, Reader] = {
    "Concat": read_concat,
    "Dropout": read_dropout,
    "Flatten": read_flatten,
    "Gather": read_gather,
    "Identity": read_identity,
    "Pad": read_pad,
    "Reshape": read_reshape,
    "Slice": read_slice,
    "Split": read_split,
    "Squeeze": read_squeeze,
    "Transpose": read_transpose,
    "Unsqueeze": read_unsqueeze,
}
