"""A 1x1 filter bank sees each pixel by itself: it filters before pixels are repeated, not after."""

from __future__ import annotations

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.resize import ResizeNearest
from sightline.passes.rewrite import Rewriter, rewrite


def upsample_last(graph: Graph) -> Graph:
    """A 1x1 bank commutes with nearest upsampling by whole blocks.

        u = resize_nearest(x, size=2x)  ->  y = conv(x, w, b, 1x1)
        y = conv(u, w, b, 1x1)              u = resize_nearest(y, size=2x)

    Only if nothing else reads what is upsampled, and if the bank has stride 1 and no padding.
    """
    return rewrite(graph, filter_first)


def filter_first(rewriter: Rewriter, node: Node) -> str | None:
    """The upsampling in place of a bank above which it stood."""
    if not isinstance(node.op, Conv) or not _is_per_pixel(node.op):
        return None
    upsamplings, x = rewriter.chain(node.inputs[0], lambda above: _repeats_pixels(rewriter, above))
    if not upsamplings:
        return None
    return rewriter.below(upsamplings, rewriter.emit(node.op, x, *node.inputs[1:]))


def _is_per_pixel(op: Conv) -> bool:
    window = op.window
    return window.taps == 1 and not any(window.pads) and max(window.strides) == 1


def _repeats_pixels(rewriter: Rewriter, node: Node) -> bool:
    match node.op:
        case ResizeNearest():
            return node.op.factors(rewriter[node.inputs[0]].type) is not None
    return False
