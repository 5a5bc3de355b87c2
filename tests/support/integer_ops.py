"""The ops that no user writes and no float model holds: quantization and legalization make them."""

from __future__ import annotations

from sightline.ir.op import OPS
from sightline.ir.ops import integer, integer_bank, quantization, stage

FAMILIES = (integer, integer_bank, quantization, stage)
MADE_BY_PASSES = {
    *(kind for kind, op in OPS.items() if op.__module__ in [each.__name__ for each in FAMILIES]),
    "stuff",
}
