"""Poolings, over windows and over whole maps."""

from __future__ import annotations

from sightline.frontend.onnx.call import Call, Reader, Value
from sightline.frontend.onnx.windows import ReadWindow, read_window
from sightline.ir.ops.checks import require_maps
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
)
from sightline.ir.window import Window


def read_max_pool(call: Call) -> Value:
    call.flag("storage_order")  # the order of Indices, which are not computed
    return call.emit(MaxPool(_window(call).window), call.value(0))


def read_average_pool(call: Call) -> Value:
    """Of the padding, what the model names may count; what rounding up added never does."""
    window, named = _window(call)
    includes = call.flag("count_include_pad")
    counted = tuple(map(min, named, window.pads)) if includes and any(window.pads) else ()
    return call.emit(AveragePool(window, counted), call.value(0))


def read_lp_pool(call: Call) -> Value:
    p = call.integer("p", 2)
    return call.emit(LPPool(_window(call).window, float(p)), call.value(0))


def read_global_average_pool(call: Call) -> Value:
    return call.emit(GlobalAveragePool(), call.value(0))


def read_global_max_pool(call: Call) -> Value:
    return call.emit(GlobalMaxPool(), call.value(0))


def read_global_lp_pool(call: Call) -> Value:
    """One window over the whole map."""
    p = call.integer("p", 2)
    type_ = call.type(call.value(0))
    require_maps(type_)
    return call.emit(LPPool(Window(type_.spatial), float(p)), call.value(0))


def _window(call: Call) -> ReadWindow:
    kernel = call.integers("kernel_shape") or ()
    return read_window(call, kernel, call.shape(call.value(0)), pooling=True)


READERS: dict[str, Reader] = {
    "MaxPool": read_max_pool,
    "AveragePool": read_average_pool,
    "LpPool": read_lp_pool,
    "GlobalAveragePool": read_global_average_pool,
    "GlobalMaxPool": read_global_max_pool,
    "GlobalLpPool": read_global_lp_pool,
}
