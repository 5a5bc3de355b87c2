"""Resampling. ONNX has many rules for it; those that the ops express exactly are taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from sightline.frontend.onnx.call import Call, Reader, Value
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.types import Shape

ROUNDINGS = {
    "round_prefer_floor": "prefer_floor",
    "round_prefer_ceil": "prefer_ceil",
    "floor": "floor",
    "ceil": "ceil",
}


class Target(NamedTuple):
    """What one axis becomes: its new size, and the scale by which positions are found."""

    size: int
    scale: float


def read_resize(call: Call) -> Value:
    x = call.value(0)
    shape = call.shape(x)
    # These speak of cubic interpolation and of crops, both refused; a linear or nearest pixel is
    # the same whether what lies outside is left out or repeats the border.
    call.without_effect("cubic_coeff_a", "extrapolation_value", "exclude_outside")
    if call.flag("antialias"):
        raise UserError(
            "Resize with antialias = 1 is not supported", fix="Export it with antialias = 0."
        )
    if call.opset < 11:
        targets = _by_scales(shape, _floats(call, 1), range(len(shape)))
        coordinates, rounding = "asymmetric", "simple"
    else:
        targets = _targets(call, shape)
        coordinates = call.text("coordinate_transformation_mode", "half_pixel")
        rounding = call.text("nearest_mode", "round_prefer_floor")
    mode = call.text("mode", "nearest")
    return call.emit(_op(mode, coordinates, rounding, shape, targets), x)


def read_upsample(call: Call) -> Value:
    """The ancestor of Resize, up to opset 9: scales of at least 1, positions i / scale."""
    x = call.value(0)
    shape = call.shape(x)
    scales = tuple(map(_simplest, call.numbers("scales"))) if call.opset < 9 else _floats(call, 1)
    if min(scales, default=1.0) < 1.0:
        raise UserError(f"Upsample has scales {list(scales)}, but none may be below 1")
    targets = _by_scales(shape, scales, range(len(shape)))
    mode = call.text("mode", "nearest")
    return call.emit(_op(mode, "asymmetric", "simple", shape, targets), x)


def _op(mode: str, coordinates: str, rounding: str, shape: Shape, targets: Sequence[Target]) -> Op:
    if len(shape) != 4 or any(
        target.size != size or target.scale != 1.0
        for target, size in zip(targets[:2], shape[:2], strict=True)
    ):
        raise UserError(
            f"it resizes {list(shape)} to {[target.size for target in targets]}, but rows and "
            "columns of maps [N, C, H, W] alone can be resized",
        )
    size = tuple(target.size for target in targets[2:])
    rule, scales = _coordinates(coordinates, shape[2:], targets[2:])
    if mode == "linear":
        return ResizeBilinear(size, rule, scales)
    if mode != "nearest":
        raise UserError(f"Resize in mode '{mode}' is not supported", fix="Use nearest or linear.")
    if rounding == "simple":  # opset 10 says nothing of it; what runs such files does this
        shrinks = {target.scale < 1.0 for target in targets[2:] if target.scale != 1.0}
        if len(shrinks) > 1:
            raise UserError(
                "Resize of opset 10 shrinks one axis and stretches the other, which is not "
                "supported",
                fix="Export the model for opset 11 or later.",
            )
        return ResizeNearest(size, rule, "ceil" if True in shrinks else "floor", scales)
    if rounding not in ROUNDINGS:
        raise UserError(f"the nearest_mode '{rounding}' is not supported")
    return ResizeNearest(size, rule, ROUNDINGS[rounding], scales)


def _coordinates(
    name: str, before: Shape, targets: Sequence[Target]
) -> tuple[str, tuple[float, ...]]:
    """The rule for positions under which the op gives the same, and the scales it needs."""
    scales = tuple(target.scale for target in targets)
    ratios = tuple(target.size / size for target, size in zip(targets, before, strict=True))
    # A scale in single precision, 0.16666667, stands for the ratio of the sizes, 1 / 6.
    scales = tuple(
        ratio if math.isclose(scale, ratio, rel_tol=1e-6) else scale
        for scale, ratio in zip(scales, ratios, strict=True)
    )
    whole = scales == ratios
    match name:
        case "half_pixel" | "asymmetric":
            rule = name
        case "pytorch_half_pixel":  # as half_pixel, but a single pixel is the first one
            rule = "half_pixel"
            scales = tuple(
                scale if target.size > 1 else 1.0
                for scale, target in zip(scales, targets, strict=True)
            )
        case "align_corners" if whole:
            return name, ()
        case "half_pixel_symmetric" if whole:
            rule = "half_pixel"
        case "align_corners" | "half_pixel_symmetric":
            raise UserError(
                f"Resize by scales {list(scales)} in mode '{name}' makes sizes that are no whole "
                "numbers, which is not supported",
                fix="Export it with sizes instead of scales.",
            )
        case _:
            raise UserError(
                f"the coordinate_transformation_mode '{name}' is not supported here",
                fix="Use half_pixel, asymmetric, align_corners or pytorch_half_pixel.",
            )
    return rule, () if scales == ratios else scales


def _targets(call: Call, shape: Shape) -> list[Target]:
    given_axes = call.integers("axes")
    axes = (
        range(len(shape))
        if given_axes is None
        else [positive_axis(axis, len(shape)) for axis in given_axes]
    )
    sizes = call.whole_numbers(3, "the sizes of Resize")
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if policy not in ("stretch", "not_larger", "not_smaller"):
        raise UserError(f"the keep_aspect_ratio_policy '{policy}' is unknown")
    if not sizes:
        if policy != "stretch":
            raise UserError(f"the keep_aspect_ratio_policy '{policy}' needs sizes, not scales")
        return _by_scales(shape, _floats(call, 2), axes)
    if len(sizes) != len(axes) or min(sizes) < 1 or (call.has(2) and _floats(call, 2)):
        raise UserError(
            f"Resize to sizes {list(sizes)} of {len(axes)} axes is malformed, or has scales as well"
        )
    targets = [Target(size, 1.0) for size in shape]
    ratios = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
    if policy == "stretch":
        for axis, size, ratio in zip(axes, sizes, ratios, strict=True):
            targets[axis] = Target(size, ratio)
        return targets
    common = min(ratios) if policy == "not_larger" else max(ratios)
    for axis in axes:
        targets[axis] = Target(math.floor(shape[axis] * common + 0.5), common)
    return targets


def _by_scales(shape: Shape, scales: tuple[float, ...], axes: Sequence[int]) -> list[Target]:
    if len(scales) != len(axes) or not all(0 < scale < 1e6 for scale in scales):
        raise UserError(
            f"it has scales {list(scales)}, but needs a positive one for each of {len(axes)} axes"
        )
    targets = [Target(size, 1.0) for size in shape]
    for axis, scale in zip(axes, scales, strict=True):
        # In single precision, as ONNX says: 10 * 1.3 is 13.
        targets[axis] = Target(math.floor(np.float32(shape[axis]) * np.float32(scale)), scale)
    return targets


def _floats(call: Call, index: int) -> tuple[float, ...]:
    return tuple(map(_simplest, call.weights(index, "the scales").array.ravel()))


def _simplest(scale: float) -> float:
    """The simple fraction that a scale in single precision stands for: 7 / 3 for 2.3333333."""
    if not math.isfinite(scale):
        return float(scale)
    fraction = Fraction(float(scale)).limit_denominator(4096)
    return float(fraction) if np.float32(fraction) == np.float32(scale) else float(scale)


READERS: dict[str, Reader] = {"Resize": read_resize, "Upsample": read_upsample}
