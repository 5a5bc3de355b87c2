"""The parts of a table of connections that one loop nest runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from tvm import tirx

from sightline.backends.tvm.build import Build, Expr, Tensor, dtype_of
from sightline.backends.tvm.dot_products import Dot, surplus
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.table import Block, Table


@dataclass(frozen=True)
class Bank:
    """The blocks of a table that have one fan-in: one loop nest runs them all."""

    blocks: tuple[Block, ...]

    @property
    def maps(self) -> int:
        return sum(block.maps for block in self.blocks)

    @property
    def maps_per_block(self) -> int:
        """Of every block but, perhaps, the last, which may have fewer."""
        return self.blocks[0].maps

    @property
    def fan_in(self) -> int:
        return len(self.blocks[0].inputs)

    @property
    def is_even(self) -> bool:
        """Whether all blocks have as many maps."""
        return all(block.maps == self.maps_per_block for block in self.blocks)

    def place(self, o: Expr) -> tuple[Expr, Expr]:
        """The block of a map of the bank, and which map of the block it is."""
        return tirx.floordiv(o, self.maps_per_block), tirx.floormod(o, self.maps_per_block)


def banks(table: Table) -> list[Bank]:
    """The fewest banks that make up a table: its dense, grouped and block forms are one."""
    blocks = sorted(table.blocks(), key=lambda block: len(block.inputs))
    return [Bank(tuple(group)) for _, group in groupby(blocks, lambda block: len(block.inputs))]


def planes(table: Table, build: Build, bank: Bank) -> Callable[[Expr, Expr], Expr]:
    """(block of the bank, number of the plane) -> input plane: by arithmetic, or from a table."""
    if table.groups is not None:
        return lambda block, number: block * bank.fan_in + number
    listed = build.table(np.array([block.inputs for block in bank.blocks], np.int32))
    return lambda block, number: listed(block, number)


def without_surplus(
    op: Conv | IntegerConv, build: Build, x: Tensor, weights: Tensor, dot: Dot | None
) -> Callable[[Expr, Expr], Expr]:
    """(sum, map) -> the sum, less what it is too large by for the instruction's sake."""
    sums = surplus(op.table, dtype_of(x), dot)
    if sums is None:
        return lambda total, _: total
    too_much = build.summed(weights, sums)
    return lambda total, map_: total - too_much(map_)


def first_pairs(table: Table, build: Build, bank: Bank) -> Callable[[Expr], Expr]:
    """Map of the bank -> its first weight: by arithmetic, or from a table if others lie between."""
    if bank.maps == table.maps:
        return lambda map_: map_ * bank.fan_in
    firsts = [
        block.first_pair + bank.fan_in * number
        for block in bank.blocks
        for number in range(block.maps)
    ]
    listed = build.table(np.array(firsts, np.int32))
    return lambda map_: listed(map_)
