"""How the resizing ops are written: as Resize, wherever it is sure to mean the same.

Runtimes compute positions in single precision. Where that changes which pixel is nearest, or where
ONNX has no words for the op's sizes and scales, the pixels are gathered by their indices instead.
"""

from __future__ import annotations

import math

import numpy as np

from sightline.frontend.onnx.site import Site
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.types import Array, Shape


def write_nearest(site: Site, op: ResizeNearest) -> str:
    spatial = site.type(0).spatial
    exact = [op.taps(axis, before) for axis, before in enumerate(spatial)]
    single = [_single_precision_taps(op, axis, before) for axis, before in enumerate(spatial)]
    if _has_words(op, spatial) and all(map(np.array_equal, exact, single)):
        rounding = f"round_{op.rounding}" if op.rounding.startswith("prefer") else op.rounding
        return _resize(site, op, mode="nearest", nearest_mode=rounding)
    x = site.value(0)
    for axis, indices in zip((2, 3), exact, strict=True):
        x = site.emit("Gather", x, _indices(site, indices), axis=axis)
    return x


def write_bilinear(site: Site, op: ResizeBilinear) -> str:
    spatial = site.type(0).spatial
    if _has_words(op, spatial):
        return _resize(site, op, mode="linear")
    x = site.value(0)
    for axis, before in enumerate(spatial):
        low, high, weight = op.taps(axis, before)
        below = site.emit("Gather", x, _indices(site, low), axis=2 + axis)
        above = site.emit("Gather", x, _indices(site, high), axis=2 + axis)
        factor = site.constant(weight.reshape(-1, 1) if axis == 0 else weight, "weight")
        x = site.emit("Add", below, site.emit("Mul", site.emit("Sub", above, below), factor))
    return x


def _resize(site: Site, op: ResizeNearest | ResizeBilinear, **how: str) -> str:
    if scales := _scales(op):
        target = [site.constant(np.array([1.0, 1.0, *scales], np.float32), "scales")]
    else:
        target = ["", site.constant([*site.type(0).shape[:2], *op.size], "sizes")]
    return site.emit(
        "Resize", site.value(0), "", *target, coordinate_transformation_mode=op.coordinates, **how
    )


def _scales(op: ResizeNearest | ResizeBilinear) -> tuple[float, ...]:
    """The scales that say where positions lie; of corners that are aligned, the sizes do."""
    return () if op.coordinates == "align_corners" else op.scales


def _has_words(op: ResizeNearest | ResizeBilinear, spatial: Shape) -> bool:
    """Whether ONNX can say it: given scales, it computes the sizes by itself.

    If those are the sizes that x has, runtimes hand on x, whatever the scales.
    """
    scales = _scales(op)
    sizes = tuple(
        math.floor(np.float32(before) * np.float32(scale))
        for before, scale in zip(spatial, scales, strict=False)
    )
    return not scales or spatial != op.size == sizes


def _single_precision_taps(op: ResizeNearest, axis: int, before: int) -> Array:
    """`op.taps` as runtimes compute them."""
    after = op.size[axis]
    index = np.arange(after, dtype=np.float32)
    if op.coordinates == "align_corners":
        position = index * np.float32(before - 1) / np.float32(max(after - 1, 1))
        return op.nearest(position, before)
    half = np.float32(0.5 if op.coordinates == "half_pixel" else 0.0)
    scale = np.float32(op.scales[axis] if op.scales else after / before)
    return op.nearest((index + half) / scale - half, before)


def _indices(site: Site, indices: Array) -> str:
    return site.constant(indices.astype(np.int64), "indices")
