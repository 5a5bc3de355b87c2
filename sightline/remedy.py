"""What to ask for where a layer loses most: 16 bits for all that it is made of."""

from __future__ import annotations

from collections.abc import Iterable

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.quantization import storage_of
from sightline.ir.ops.stage import Stage
from sightline.passes.move_integers import MOVES
from sightline.passes.precision import INT16


def remedy(original: Graph, made: Iterable[Node], layer: Node) -> tuple[str, ...]:
    """The precisions that give a layer 16 bits; none where it has them.

    `made` are the nodes of the float graph that the layer stands for: a bank and what follows it,
    each with bits of its own. Where weights are shared, their modules are named, and so all that
    share them.
    """
    made = [node for node in made if not node.is_leaf and not isinstance(node.op, MOVES)]
    banks = [node for node in made if isinstance(node.op, Conv)]
    if _bits(layer, with_weights=bool(banks)) >= INT16.bits:
        return ()
    shared = any(
        bank.inputs[1:] == node.inputs[1:]
        for bank in banks
        for node in original.operations
        if node.name != bank.name
    )
    names = dict.fromkeys((node.instance if shared else "") or node.name for node in made)
    return tuple(f"{name}={INT16.name}" for name in names)


def _bits(layer: Node, *, with_weights: bool) -> int:
    """The fewest that a layer's results have, or its weights."""
    widths = [storage_of(layer.type).bits]
    if with_weights and isinstance(layer.op, Stage):
        body = layer.op.body
        banks = (each for each in body.operations if isinstance(each.op, IntegerConv))
        widths += [storage_of(body[bank.inputs[1]].type).bits for bank in banks]
    return min(widths)
