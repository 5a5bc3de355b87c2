"""Connection tables: which input maps each output map of a filter bank sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from sightline.ir.attribute import Attribute, whole_numbers
from sightline.ir.errors import UserError
from sightline.ir.types import Array

MAX_MAPS = 1 << 20
"""No filter bank has more maps, on either side."""


class Block(NamedTuple):
    """Output maps `first` up to `last` (exclusive), the inputs they see, and their first weight."""

    first: int
    last: int
    inputs: tuple[int, ...]
    first_pair: int

    @property
    def maps(self) -> int:
        return self.last - self.first

    @property
    def pairs(self) -> slice:
        """Where this block's weights lie, map by map, in `weights[pairs, *kernel]`."""
        return slice(self.first_pair, self.first_pair + self.maps * len(self.inputs))


@dataclass(frozen=True)
class Table(Attribute):
    """`channels` input maps to `maps` output maps, in blocks of `block` maps that see the same.

    `inputs[b]` are the inputs of output maps `b * block` up to `(b + 1) * block`; the last block
    may be smaller. Weights are `[pairs, *kernel]`: output by output, its inputs in this order.
    Dense, grouped and depthwise filter banks are tables as well, and planes that a table does not
    name are never multiplied.
    """

    channels: int
    maps: int
    block: int
    inputs: tuple[tuple[int, ...], ...]

    KEYS: ClassVar[tuple[str, ...]] = ("maps", "groups", "block", "inputs")

    def __post_init__(self) -> None:
        sizes = whole_numbers("a table's sizes", (self.channels, self.maps, self.block))
        for key, size in zip(("channels", "maps", "block"), sizes, strict=True):
            object.__setattr__(self, key, size)
        rows = tuple(whole_numbers("a table's inputs", row) for row in self.inputs)
        object.__setattr__(self, "inputs", rows)
        if min(self.channels, self.maps, self.block) < 1:
            raise UserError(
                f"a table of {self.channels} inputs, {self.maps} maps and blocks of {self.block} "
                "is empty"
            )
        needed = -(-self.maps // self.block)
        if len(self.inputs) != needed:
            raise UserError(
                f"{self.maps} maps in blocks of {self.block} are {needed} blocks, but the table "
                f"lists inputs for {len(self.inputs)}"
            )
        for number, inputs in enumerate(self.inputs):
            if not inputs or len(set(inputs)) != len(inputs):
                raise UserError(f"block {number} of the table sees {list(inputs)}: empty or twice")
            if min(inputs) < 0 or max(inputs) >= self.channels:
                raise UserError(
                    f"block {number} of the table sees {list(inputs)}, but inputs run from 0 to "
                    f"{self.channels - 1}"
                )

    @classmethod
    def dense(cls, channels: int, maps: int) -> Table:
        return cls.grouped(channels, maps, 1)

    @classmethod
    def grouped(cls, channels: int, maps: int, groups: int) -> Table:
        """Group g of the outputs sees group g of the inputs; `groups == channels` is depthwise."""
        if max(channels, maps) > MAX_MAPS:
            raise UserError(
                f"a filter bank of {channels} input and {maps} output maps is too large: "
                f"{MAX_MAPS} are supported"
            )
        if groups < 1 or channels % groups or maps % groups:
            raise UserError(
                f"{groups} groups do not divide {channels} input and {maps} output maps"
            )
        fan_in = channels // groups
        inputs = tuple(tuple(range(g * fan_in, (g + 1) * fan_in)) for g in range(groups))
        return cls(channels, maps, maps // groups, inputs)

    @cached_property
    def groups(self) -> int | None:
        """The number of groups if this is a plain grouped (or dense) table, else None."""
        count = len(self.inputs)
        if self.maps % count or self.channels % count:
            return None
        return count if self == Table.grouped(self.channels, self.maps, count) else None

    @cached_property
    def pairs(self) -> int:
        """Number of (input, output) planes, one kernel each."""
        return sum(block.maps * len(block.inputs) for block in self.blocks())

    def blocks(self) -> Iterator[Block]:
        first_pair = 0
        for number, inputs in enumerate(self.inputs):
            first = number * self.block
            block = Block(first, min(first + self.block, self.maps), inputs, first_pair)
            yield block
            first_pair = block.pairs.stop

    def runs(self) -> Iterator[list[Block]]:
        """Neighbouring blocks of equal size and fan-in: each run is one grouped filter bank."""
        run: list[Block] = []
        for block in self.blocks():
            if run and (block.maps, len(block.inputs)) != (run[0].maps, len(run[0].inputs)):
                yield run
                run = []
            run.append(block)
        yield run

    def dense_weights(self, weights: Array) -> Array:
        """`weights[pairs, *kernel]` as `[maps, channels, *kernel]`: zeros where nothing is seen."""
        kernel = weights.shape[1:]
        dense = np.zeros((self.maps, self.channels, *kernel), weights.dtype)
        for block in self.blocks():
            seen = weights[block.pairs].reshape(block.maps, len(block.inputs), *kernel)
            dense[block.first : block.last, list(block.inputs)] = seen
        return dense

    def to_attributes(self) -> dict[str, Any]:
        maps = {"maps": (self.channels, self.maps)}
        if self.groups is not None:
            return maps if self.groups == 1 else maps | {"groups": self.groups}
        return maps | {"block": self.block, "inputs": self.inputs}

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> Self:
        if "maps" not in attributes or ("inputs" in attributes) != ("block" in attributes):
            raise UserError(f"a table is maps, and groups or block and inputs: found {attributes}")
        channels, maps = whole_numbers("maps", attributes["maps"])
        if "inputs" in attributes:
            return cls(channels, maps, attributes["block"], attributes["inputs"])
        plain = Table.grouped(channels, maps, attributes.get("groups", 1))
        return cls(plain.channels, plain.maps, plain.block, plain.inputs)
