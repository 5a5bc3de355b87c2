"""Filter banks as passes see them: a Conv or Linear with constant weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.graph import Node
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.passes.rewrite import Rewriter


@dataclass(frozen=True)
class Bank:
    """A Conv or Linear whose weights, and bias if it has one, are constants."""

    node: Node
    weights: Array
    bias: Array | None

    @property
    def x(self) -> str:
        return self.node.inputs[0]

    @property
    def maps(self) -> int:
        """Output maps, or features."""
        return self.node.type.shape[1]


def bank_of(rewriter: Rewriter, node: Node) -> Bank | None:
    """The bank that a node is, if it is one."""
    if not isinstance(node.op, Conv | Linear):
        return None
    arrays = rewriter.arrays(node.inputs[1:])
    if arrays is None:
        return None
    return Bank(node, arrays[0], arrays[1] if len(arrays) > 1 else None)


def emit_bank(
    rewriter: Rewriter,
    like: Bank,
    op: Op,
    x: str,
    weights: Array,
    bias: Array | None,
    name: str = "",
) -> str:
    """A bank in the place of another, its constants named after those of the other."""
    node = like.node
    inputs = [x, rewriter.constant(weights, like=rewriter[node.inputs[1]])]
    if bias is not None:
        if like.bias is not None:
            inputs.append(rewriter.constant(bias, like=rewriter[node.inputs[2]]))
        else:
            inputs.append(rewriter.constant(bias, like=node, name=f"{rewriter.name(node)}.bias"))
    return rewriter.emit(op, *inputs, like=node, name=name)


def pair_maps(table: Table) -> Array:
    """The output map of each pair, in the order of the weights."""
    fan_ins = [len(block.inputs) for block in table.blocks() for _ in range(block.maps)]
    return np.repeat(np.arange(table.maps), fan_ins)


def pair_inputs(table: Table) -> Array:
    """The input map of each pair, in the order of the weights."""
    return np.concatenate([np.tile(block.inputs, block.maps) for block in table.blocks()])
