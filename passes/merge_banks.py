"""Filter banks that read the same maps and are concatenated become one bank with a joint table."""

from __future__ import annotations

import itertools
import math

import numpy as np

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Concat
from sightline.ir.table import Table
from sightline.ir.window import Window
from sightline.passes.bank import Bank, bank_of
from sightline.passes.rewrite import Rewriter, rewrite


def merge_banks(graph: Graph) -> Graph:
    """Join neighbours in a concatenation of channels that have the same input and window.

        c0 = conv(x, w0, b0, block=2, inputs=[[0, 1], [1, 2]])   ->  y = conv(x, [w0, w1], [b0, b1],
        c1 = conv(x, w1, b1, block=2, inputs=[[0, 1, 2]])                block=2, inputs=
        y = concat(c0, c1)                                              [[0, 1], [1, 2], [0, 1, 2]])

    Only banks that nothing else reads. A table has one size of block, so the joint one is the
    greatest that divides all, and blocks that all see the same are one. Together with
    `absorb_gathers` this reads our own ONNX export of a table (gathers, grouped convolutions and a
    concatenation) back as the table it was.
    """
    return rewrite(graph, merge)


def merge(rewriter: Rewriter, node: Node) -> str | None:
    """The concatenation of what is left when neighbours are joined."""
    if not isinstance(node.op, Concat) or positive_axis(node.op.axis, node.type.rank) != 1:
        return None
    banks = {value: _mergeable(rewriter, value) for value in node.inputs}

    def key(value: str) -> tuple[str, Window] | str:
        bank = banks[value]
        return value if bank is None else (bank.x, _conv(bank).window)

    runs = [list(run) for _, run in itertools.groupby(node.inputs, key)]
    if len(runs) == len(node.inputs):
        return None
    parts: list[str] = []
    for run in runs:
        joined = [bank for value in run if (bank := banks[value]) is not None]
        parts += [_join(rewriter, node, joined)] if len(joined) > 1 else run
    return parts[0] if len(parts) == 1 else rewriter.emit(node.op, *parts)


def joint_table(tables: list[Table]) -> Table:
    """The table whose outputs are those of all tables in turn. Its weights are theirs in turn."""
    blocks = [block for table in tables for block in table.blocks()]
    size = math.gcd(*(block.maps for block in blocks[:-1]))  # the last may be smaller
    inputs = [block.inputs for block in blocks for _ in range(-(-block.maps // size))]
    maps = sum(table.maps for table in tables)
    if len(set(inputs)) == 1:
        return Table(tables[0].channels, maps, maps, (inputs[0],))
    return Table(tables[0].channels, maps, size, tuple(inputs))


def _mergeable(rewriter: Rewriter, value: str) -> Bank | None:
    """The filter bank that computes a value, if it may be changed."""
    bank = bank_of(rewriter, rewriter[value])
    if bank is None or not isinstance(bank.node.op, Conv) or not rewriter.only_use(value):
        return None
    return bank


def _join(rewriter: Rewriter, node: Node, banks: list[Bank]) -> str:
    """One bank for several. It bears the concatenation's name, if it is all of it."""
    maps = sum(bank.maps for bank in banks)
    name = node.name if maps == node.type.shape[1] else rewriter.name(banks[0].node)
    weights = np.concatenate([bank.weights for bank in banks])
    inputs = [banks[0].x, rewriter.constant(weights, name=f"{name}.weight")]
    if any(bank.bias is not None for bank in banks):
        biases = [np.zeros(b.maps, np.float32) if b.bias is None else b.bias for b in banks]
        inputs.append(rewriter.constant(np.concatenate(biases), name=f"{name}.bias"))
    op = Conv(_conv(banks[0]).window, joint_table([_conv(bank).table for bank in banks]))
    return rewriter.emit(op, *inputs, like=banks[0].node, name=name)


def _conv(bank: Bank) -> Conv:
    assert isinstance(bank.node.op, Conv)
    return bank.node.op
