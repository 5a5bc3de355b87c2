"""The operators, one file a family. Importing this package declares them all."""

from sightline.ir.ops import (
    arithmetic,
    classify,
    conv,
    movement,
    normalization,
    pointwise,
    pooling,
    pyramid,
    resize,
)

__all__ = [
    "arithmetic",
    "classify",
    "conv",
    "movement",
    "normalization",
    "pointwise",
    "pooling",
    "pyramid",
    "resize",
]
