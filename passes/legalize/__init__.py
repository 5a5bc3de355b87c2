"""Quantized values between float ops become integers all the way.

    Dequantize → op → clips, or another pointwise op → Quantize
        ⇒  exact integer primitives → Requantize or Lookup

What is rounded, and how, is in `rounding`; each family of ops has a file. Whatever is not between
quantized values stays in float: the edges of the graph.
"""

from __future__ import annotations

from collections.abc import Callable

from sightline.ir.graph import Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.ops.quantization import Dequantize, InFloat, Quantize
from sightline.passes.legalize import (
    arithmetic,
    banks,
    lp_pool,
    normalization,
    pooling,
    resampling,
    torch_normalization,
)
from sightline.passes.legalize.coded import CannotLegalize, Coded, NotQuantized, Site, refusal
from sightline.passes.legalize.edges import real_sums
from sightline.passes.legalize.rounding import rounded
from sightline.passes.refusal import Refusal
from sightline.passes.rewrite import Rewriter, RuleError, first_of, rewrite

LEGAL: dict[type[Op], Callable[[Site], Coded]] = {
    Conv: banks.conv,
    **arithmetic.LEGAL,
    **pooling.LEGAL,
    **lp_pool.LEGAL,
    **normalization.LEGAL,
    **torch_normalization.LEGAL,
    **resampling.LEGAL,
}
"""How each op becomes exact integers; pointwise ops of one operand become tables or limits."""


def legalize(graph: Graph) -> Graph:
    """The graph with integers between its quantized values.

    An op that has none is a user's mistake, told with its place in the model. What has operands
    that are not quantized stays in float, and so does what the user wants so; a filter bank whose
    result nobody rounds gives what its exact sums stand for.
    """
    try:
        return rewrite(rewrite(graph, _quantized), first_of(_unmarked, real_sums))
    except RuleError as error:
        if isinstance(error.__cause__, Refusal):
            raise error.__cause__ from None
        raise


def _quantized(rewriter: Rewriter, node: Node) -> str | None:
    if not isinstance(node.op, Quantize):
        return None
    functions, source = _functions(rewriter, node.inputs[0])
    site = Site(rewriter, source, node.op.to)
    try:
        if isinstance(source.op, Dequantize):
            return rounded(site, site.coded(source.name), functions)
        if type(source.op) in LEGAL:
            return rounded(site, LEGAL[type(source.op)](site), functions)
    except CannotLegalize as error:
        raise refusal(source, str(error), node.op.to.bits) from error
    except NotQuantized:
        pass
    return None


def _unmarked(rewriter: Rewriter, node: Node) -> str | None:
    """Without the marks of what is to stay in float."""
    return node.inputs[0] if isinstance(node.op, InFloat) else None


def _functions(rewriter: Rewriter, value: str) -> tuple[list[Pointwise], Node]:
    """The pointwise functions that lead to a value, in order, and what they start from."""
    functions: list[Pointwise] = []
    node = rewriter[value]
    while isinstance(node.op, Pointwise) and node.op.arity == 1:
        functions.insert(0, node.op)
        node = rewriter[node.inputs[0]]
    return functions, node
