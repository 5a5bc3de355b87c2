"""From scores to probabilities and labels."""

from __future__ import annotations

import math

from sightline.frontend.onnx.call import Call, Reader, Value
from sightline.ir.errors import UserError
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.ops.movement import Flatten, Reshape


def read_softmax(call: Call) -> Value:
    """Before opset 13 all axes from `axis` on were one; since, it is that axis alone."""
    x = call.value(0)
    shape = call.shape(x)
    if call.opset >= 13:
        return call.emit(Softmax(call.integer("axis", -1)), x)
    axis = positive_axis(call.integer("axis", 1), len(shape))
    if math.prod(shape[axis + 1 :]) == 1:
        return call.emit(Softmax(axis), x)
    flat = call.emit(Flatten(axis), x, part="flat")
    return call.emit(Reshape(shape), call.emit(Softmax(1), flat, part="softmax"))


def read_argmax(call: Call) -> Value:
    x = call.value(0)
    shape = call.shape(x)
    axis = positive_axis(call.integer("axis", 0), len(shape))
    if call.flag("select_last_index"):
        raise UserError(
            "ArgMax with select_last_index = 1 takes the last of equal scores, which is not "
            "supported",
            fix="Export the model with select_last_index = 0.",
        )
    if not call.flag("keepdims", True):
        return call.emit(ArgMax(axis), x)
    labels = call.emit(ArgMax(axis), x, part="labels")
    return call.emit(Reshape((*shape[:axis], 1, *shape[axis + 1 :])), labels)


READERS: dict[str, Reader] = {"ArgMax": read_argmax, "Softmax": read_softmax}
