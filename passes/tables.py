"""Connection tables name what is multiplied and no more, in blocks as large as they can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import gcd

import numpy as np

from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.passes.map_order import ELEMENTWISE, Order, channel_axis, settled_orders
from sightline.passes.rewrite import Rewriter, rewrite

Seen = tuple[int, ...]
"""The input maps that an output map sees."""

Row = tuple[Seen, Array]
"""What an output map sees, in ascending order, and its weights [inputs, *kernel] for that."""


def tables(graph: Graph) -> Graph:
    """Planes of zeros leave the tables of filter banks, and maps that see the same stand together.

        y = integer_conv(x, w, maps=[2, 4])    maps 0 and 2 have weights of input 0 alone,
        z = integer_conv(y, v, maps=[4, 8])    maps 1 and 3 of input 1

     -> y = integer_conv(x, w', maps=[2, 4], block=2, inputs=[[0], [1]])    maps 0, 2, 1, 3
        z = integer_conv(y, v', maps=[4, 8])

    Maps come in another order where that makes blocks larger, and whatever reads them follows:
    constants for each map, weights and tables of the banks below. Where the order would show in an
    output, or reach an op that mixes channels, it stays as it is. Every sum is the same integer.
    """
    slim = rewrite(graph, drop_zero_planes)
    orders = settled_orders(slim, _wished_orders(slim))

    def reorder(rewriter: Rewriter, node: Node) -> str | None:
        inputs = slim[node.name].inputs
        if isinstance(node.op, IntegerConv):
            above, own = orders.get(inputs[0]), orders.get(node.name)
            return _bank_in_order(rewriter, node, above, own) if above or own else None
        if isinstance(node.op, ELEMENTWISE) and node.name in orders:
            return _constants_in_order(rewriter, node, orders[node.name])
        return None

    return rewrite(slim, reorder)


def drop_zero_planes(rewriter: Rewriter, node: Node) -> str | None:
    """The bank without planes that add nothing; what has no others keeps its first.

    Planes leave whole blocks, so that these stay as large as they are. Single maps lose theirs if
    so many are of zeros that it is worth the smaller blocks.
    """
    if not isinstance(node.op, IntegerConv):
        return None
    weights = rewriter.array(node.inputs[1])
    if weights is None:
        return None
    rows = list(_rows(node.op.table, weights))
    of_maps = _used([row] for row in rows)
    of_blocks = _used(list(block) for _, block in groupby(rows, key=lambda row: row[0]))
    worth = _pairs(of_maps) <= SPARSE * _pairs(of_blocks)
    return _emit(rewriter, node, of_maps if worth else of_blocks)


SPARSE = 0.75
"""The part of its planes that a bank has left when smaller blocks are worth their while."""


def _used(groups: Iterable[Sequence[Row]]) -> list[Row]:
    """Maps, in groups that see the same, without planes that are of zeros in all of a group."""
    rows: list[Row] = []
    for group in groups:
        seen = group[0][0]
        every = np.stack([planes for _, planes in group])
        kept = every.any(axis=(0, *range(2, every.ndim)))
        places = np.flatnonzero(kept).tolist() or [0]
        rows += [(tuple(seen[place] for place in places), planes[places]) for _, planes in group]
    return rows


def _pairs(rows: Iterable[Row]) -> int:
    return sum(len(seen) for seen, _ in rows)


def _rows(table: Table, weights: Array) -> Iterator[Row]:
    for block in table.blocks():
        order = np.argsort(block.inputs)
        seen = tuple(sorted(block.inputs))
        for planes in weights[block.pairs].reshape(block.maps, len(seen), *weights.shape[1:]):
            yield seen, planes[order]


def _emit(
    rewriter: Rewriter, node: Node, rows: Sequence[Row], own: Order | None = None
) -> str | None:
    """The bank of these maps, whose bias takes the order `own`; None if it is what was there."""
    op = node.op
    assert isinstance(op, IntegerConv)
    every = [seen for seen, _ in rows]
    block = _largest_block(every)
    table = Table(op.table.channels, op.table.maps, block, tuple(every[::block]))
    weights = np.concatenate([planes for _, planes in rows])
    inputs = [node.inputs[0], _like(rewriter, node.inputs[1], weights)]
    for value in node.inputs[2:]:
        bias = rewriter.array(value)
        inputs.append(
            value if own is None or bias is None else _like(rewriter, value, bias[[*own]])
        )
    if table == op.table and tuple(inputs) == node.inputs:
        return None
    return rewriter.emit(IntegerConv(op.window, table, op.bits, op.fill), *inputs)


def _like(rewriter: Rewriter, value: str, array: Array) -> str:
    """A constant of the same element as another: that one, if it is the same."""
    old = rewriter[value].op
    assert isinstance(old, Const)
    constant = Constant(array, old.value.element)
    return value if constant == old.value else rewriter.constant(constant, like=rewriter[value])


def _largest_block(every: Sequence[Seen]) -> int:
    """Maps of a block, of which all see the same; the last one may be smaller."""
    runs = [len(list(run)) for _, run in groupby(every)]
    return gcd(*runs[:-1]) or len(every)


def _wished_orders(graph: Graph) -> dict[str, Order]:
    """The order of maps in which a bank's blocks would be larger, for each that has one."""
    orders: dict[str, Order] = {}
    for node in graph.operations:
        if isinstance(node.op, IntegerConv) and _has_constants(graph, node):
            every = [block.inputs for block in node.op.table.blocks() for _ in range(block.maps)]
            order = _gathered(every)
            if _largest_block([every[place] for place in order]) > _largest_block(every):
                orders[node.name] = order
    return orders


def _has_constants(graph: Graph, node: Node) -> bool:
    return all(isinstance(graph[value].op, Const) for value in node.inputs[1:])


def _gathered(every: Sequence[Seen]) -> Order:
    """Maps that see the same one after the other; last those that would make blocks smaller."""
    groups: dict[Seen, list[int]] = {}
    for place, seen in enumerate(every):
        groups.setdefault(seen, []).append(place)
    lengths = Counter(map(len, groups.values()))

    def block_without(length: int) -> int:
        return gcd(*(lengths - Counter([length]))) or len(every)

    length = max(lengths, key=block_without)
    last = next(seen for seen in reversed(groups) if len(groups[seen]) == length)
    places = groups.pop(last)
    return (*(place for group in groups.values() for place in group), *places)


def _bank_in_order(
    rewriter: Rewriter, node: Node, above: Order | None, own: Order | None
) -> str | None:
    """A bank on maps that come in the order `above`, giving its own in the order `own`."""
    op, weights = node.op, rewriter.array(node.inputs[1])
    assert isinstance(op, IntegerConv)
    assert weights is not None
    rows = list(_rows(op.table, weights))
    if own is not None:
        rows = [rows[place] for place in own]
    if above is not None:
        now_at = np.argsort(above)
        rows = [_sorted(now_at[list(seen)], planes) for seen, planes in rows]
    return _emit(rewriter, node, rows, own)


def _sorted(seen: Array, planes: Array) -> Row:
    order = np.argsort(seen)
    return tuple(seen[order].tolist()), planes[order]


def _constants_in_order(rewriter: Rewriter, node: Node, order: Order) -> str:
    """An op on numbers of one place, whose constants for each channel take an order."""
    inputs = []
    for value in node.inputs:
        array, axis = rewriter.array(value), channel_axis(rewriter[value].type, node.type)
        if array is not None and axis is not None:
            value = _like(rewriter, value, np.take(array, order, axis))
        inputs.append(value)
    return rewriter.emit(node.op, *inputs)
