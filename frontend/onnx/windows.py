"""How ONNX writes a sliding window, and the `Window` that it comes to.

Sizes are static, so padding to keep a size (`auto_pad`) and rounding up (`ceil_mode`) become plain
pads: rounding up is padding at the end.
"""

from __future__ import annotations

from typing import NamedTuple

from sightline.frontend.onnx.call import Call
from sightline.ir.errors import UserError
from sightline.ir.types import Shape
from sightline.ir.window import Window

MAX_EXTENT = 1 << 20
"""No kernel, stride, pad or dilation is larger."""


class ReadWindow(NamedTuple):
    """A window, and the part of its pads that the model names: the rest came of rounding up."""

    window: Window
    named_pads: Shape


def read_window(call: Call, kernel: Shape, shape: Shape, *, pooling: bool = False) -> ReadWindow:
    """The window over an input of this shape, from all the attributes that speak of it."""
    rank = len(kernel)
    if rank != 2 or len(shape) != 4:
        raise UserError(
            f"{call.node.op_type} of kernel {list(kernel)} on an input of shape {list(shape)} is "
            "not supported: it takes two axes, of maps [N, C, H, W]",
            fix="Reshape the input to maps.",
        )
    given = Window(
        kernel,
        call.integers("strides") or (),
        call.integers("pads") or (),
        call.integers("dilations") or (),
    )
    if max(*given.kernel, *given.strides, *given.pads, *given.dilation) > MAX_EXTENT:
        raise UserError(
            f"a number of the window exceeds {MAX_EXTENT}: kernel {list(kernel)}, strides "
            f"{list(given.strides)}, pads {list(given.pads)}, dilations {list(given.dilation)}"
        )
    auto = call.text("auto_pad", "NOTSET")
    rounds_up = pooling and call.flag("ceil_mode")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise UserError(
            f"auto_pad '{auto}' is unknown", fix="Use NOTSET, VALID, SAME_UPPER or SAME_LOWER."
        )
    if auto != "NOTSET" and any(given.pads):
        raise UserError(
            f"auto_pad is {auto}, but pads are given as well: {list(given.pads)}",
            fix="Give one of the two.",
        )
    pads = given.pad_pairs
    if auto.startswith("SAME"):
        pads = [
            _same(size, reach, stride, lower=auto == "SAME_LOWER")
            for size, reach, stride in zip(shape[2:], given.reach, given.strides, strict=True)
        ]
        if pooling and (max(given.dilation) > 1 or min(map(min, pads)) < 0):
            raise UserError(
                f"auto_pad {auto} of a pooling with kernel {list(kernel)}, strides "
                f"{list(given.strides)} and dilations {list(given.dilation)} is not supported, "
                "since runtimes disagree on it",
                fix="Export the model with explicit pads.",
            )
        pads = [(max(0, begin), max(0, end)) for begin, end in pads]
    named = (*(begin for begin, _ in pads), *(end for _, end in pads))
    if rounds_up and auto in ("NOTSET", "VALID"):
        pads = [
            _rounded_up(size, reach, stride, pair)
            for size, reach, stride, pair in zip(
                shape[2:], given.reach, given.strides, pads, strict=True
            )
        ]
    final = (*(begin for begin, _ in pads), *(end for _, end in pads))
    return ReadWindow(Window(kernel, given.strides, final, given.dilation), named)


def _same(size: int, reach: int, stride: int, *, lower: bool) -> tuple[int, int]:
    """Pads for ceil(size / stride) positions; an odd one goes to the end, or with lower before.

    They are negative where the strides leave out more than the kernel covers.
    """
    positions = -(-size // stride)
    total = (positions - 1) * stride + reach - size
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def _rounded_up(size: int, reach: int, stride: int, pads: tuple[int, int]) -> tuple[int, int]:
    """Pads with which the last, partial window counts, unless it lies in the end padding alone."""
    begin, end = pads
    room = size + begin + end - reach
    if room < 0:
        return pads  # the window is larger than its input: `Window.slide` says so
    positions = -(-room // stride) + 1
    if (positions - 1) * stride >= size + begin:
        positions -= 1
    return begin, max(0, (positions - 1) * stride + reach - size - begin)
