"""A 1x1 filter bank over a concatenation becomes a sum of banks, one for each part."""

from __future__ import annotations

import numpy as np

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.checks import positive_axis
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Concat
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.passes.bank import bank_of, emit_bank
from sightline.passes.rewrite import Rewriter, rewrite
from sightline.passes.simplify import concat_parts


def split_concat(graph: Graph) -> Graph:
    """Filter each part of a concatenation by itself, and add.

        c = concat(f, g, h)             ->  y.0 = conv(f, w[of f], b)
        y = conv(c, w, b, 1x1)              y.1 = conv(g, w[of g])
                                            y.2 = conv(h, w[of h])
                                            y.sum = add(y.0, y.1)
                                            y = add(y.sum, y.2)

    Only if nothing else reads the concatenation, and if no block of the table is left without
    inputs in a part that other blocks see; a part that no block sees is left out. Repeated, since
    a concatenation that another one read may be a bank's own once that one is gone.
    """
    after = rewrite(graph, split)
    return after if after == graph else split_concat(after)


def split(rewriter: Rewriter, node: Node) -> str | None:
    """The sum in place of a bank over a concatenation of channels."""
    bank = bank_of(rewriter, node)
    if bank is None or not isinstance(node.op, Conv) or node.op.window.taps != 1:
        return None
    source = rewriter[bank.x]
    if not isinstance(source.op, Concat) or not rewriter.only_use(bank.x):
        return None
    if positive_axis(source.op.axis, source.type.rank) != 1:
        return None
    parts = concat_parts(rewriter, source, axis=1)
    split = split_table(
        node.op.table, bank.weights, [rewriter[part].type.shape[1] for part in parts]
    )
    if split is None:
        return None
    terms: list[str] = []
    for number, (table, weights) in split.items():
        op, bias = Conv(node.op.window, table), None if terms else bank.bias
        name = node.name if len(split) == 1 else f"{node.name}.{number}"
        terms.append(emit_bank(rewriter, bank, op, parts[number], weights, bias, name))
    return _sum(rewriter, terms, node.name)


def _sum(rewriter: Rewriter, terms: list[str], name: str) -> str:
    """The terms added one by one; the last sum bears the name."""
    total = terms[0]
    for number, term in enumerate(terms[1:], 2):
        own = name if number == len(terms) else f"{name}.sum"
        total = rewriter.emit(Add(), total, term, name=own)
    return total


def split_table(
    table: Table, weights: Array, sizes: list[int]
) -> dict[int, tuple[Table, Array]] | None:
    """The table and weights of each part, by its number; None where a part's has empty blocks."""
    split: dict[int, tuple[Table, Array]] = {}
    first = 0
    for number, size in enumerate(sizes):
        inputs: list[tuple[int, ...]] = []
        kernels: list[Array] = []
        for block in table.blocks():
            seen = [i for i, channel in enumerate(block.inputs) if first <= channel < first + size]
            inputs.append(tuple(block.inputs[i] - first for i in seen))
            grid = weights[block.pairs].reshape(block.maps, -1, *weights.shape[1:])
            kernels.append(grid[:, seen].reshape(-1, *weights.shape[1:]))
        if all(inputs):
            part = Table(size, table.maps, table.block, tuple(inputs))
            split[number] = part, np.concatenate(kernels)
        elif any(inputs):
            return None
        first += size
    return split
