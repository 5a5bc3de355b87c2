"""The operators, one file a family. Importing this package declares them all."""

from sightline.ir.ops import (
    arithmetic,
    classify,
    conv,
    integer,
    integer_bank,
    movement,
    normalization,
    pointwise,
    pooling,
    pyramid,
    quantization,
    resize,
    stage,
)

__all__ = [
    "arithmetic",
    "classify",
    "conv",
    "integer",
    "integer_bank",
    "movement",
    "normalization",
    "pointwise",
    "pooling",
    "pyramid",
    "quantization",
    "resize",
    "stage",
]
