"""Filter banks at the end of a network, whose sums nobody rounds: integers up to the very sums."""

from __future__ import annotations

import numpy as np

from sightline.ir.encoding import Encoding
from sightline.ir.graph import Node
from sightline.ir.ops.arithmetic import Mul
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.quantization import EXACT_IN_FLOAT, Dequantize, storage_of
from sightline.passes.legalize.banks import conv
from sightline.passes.legalize.coded import CannotLegalize, NotQuantized, Site
from sightline.passes.rewrite import Rewriter


def real_sums(rewriter: Rewriter, node: Node) -> str | None:
    """What exact sums stand for, in place of a bank on floats.

        r = dequantize(q)           ->  s = integer_conv(q, w, b)
        y = conv(r, scaled w, b)        y = mul(dequantize(s, scale=1), scale of each map)

    If the sums fit single precision, which then has each of them exactly.
    """
    if not isinstance(node.op, Conv):
        return None
    site = Site(rewriter, node, UNITS)
    try:
        sums = conv(site)
    except (CannotLegalize, NotQuantized):
        return None
    bits = storage_of(rewriter[sums.value].type).bits
    if bits > EXACT_IN_FLOAT:
        return None
    whole = site.emit(Dequantize(Encoding(bits, UNITS.scale)), sums.value, suffix="whole")
    return site.finish(Mul(), whole, site.constant(sums.scale.astype(np.float32), "scales"))


UNITS = Encoding(8, 1.0)
"""Integers that stand for themselves."""
