"""What an accelerator computes, as plain data: filter banks at their scales, and what follows.

    Source ─ Bank ─ Bank ─ … ─ Bank ─────────────────┐
    Source ─ Bank ─ Bank ─ … ─ Bank ─ Enlarged ─ Sum ─ Labels

A `Bank` is a filter bank with its rounding at one scale: what an engine computes row by row. The
`Layer` is what it has in common with the same bank at other scales: its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sightline.ir.table import Block
from sightline.ir.types import Array


@dataclass(frozen=True)
class Source:
    """A picture of integers that enters from outside. `name` is the value in the graph."""

    name: str
    channels: int
    height: int
    width: int
    bits: int

    @property
    def values(self) -> int:
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class Rounding:
    """floor(x * multiplier / 2^shift + 1/2) + zero point, held within low and high.

    Multipliers and shifts are one each for all maps, or one for each.
    """

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    zero_point: int
    low: int
    high: int
    bits: int


@dataclass(frozen=True, eq=False)
class Layer:
    """The numbers of a filter bank: what it multiplies, adds, and how it rounds.

    `weights` are `[pairs, kernel rows, kernel columns]` as `blocks` say; the rounded sum is the
    result, or an index into `table`, counted from the lowest integer.
    """

    name: str
    channels: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    blocks: tuple[Block, ...]
    weights: Array
    biases: tuple[int, ...]
    rounding: Rounding
    table: Array | None
    sum_bits: int
    data_bits: int
    weight_bits: int
    bits: int

    @property
    def maps(self) -> int:
        return self.blocks[-1].last

    @cached_property
    def planes(self) -> int:
        """Pairs of an input and an output map."""
        return sum(block.maps * len(block.inputs) for block in self.blocks)


@dataclass(frozen=True, eq=False)
class Bank:
    """A layer at one scale: it reads `source`, pads with `fill`, and pools in windows of `pool`.

    `pads` are the rows above and the columns to the left; `sums` is the size of the sums before
    pooling, so that the last windows of a pooling may be cut short by it.
    """

    name: str
    layer: Layer
    source: str
    where: str
    height: int
    width: int
    pads: tuple[int, int]
    fill: int
    sums: tuple[int, int]
    pool: tuple[int, int]
    pool_strides: tuple[int, int]
    rows: int
    columns: int

    @property
    def weights(self) -> int:
        """How many there are; absent planes have none."""
        return self.layer.planes * self.layer.kernel[0] * self.layer.kernel[1]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a frame; those of padding count, absent planes do not.

        Nor do sums that no pool window sees.
        """
        ends = (
            (count - 1) * stride + pool
            for count, stride, pool in zip(
                (self.rows, self.columns), self.pool_strides, self.pool, strict=True
            )
        )
        rows, columns = (min(size, end) for size, end in zip(self.sums, ends, strict=True))
        return self.weights * rows * columns


@dataclass(frozen=True)
class Enlarged:
    """`source` with each pixel repeated `factor` times in each row and column."""

    name: str
    source: str
    factor: int


@dataclass(frozen=True)
class Sum:
    """Two values added and rounded."""

    name: str
    left: str
    right: str
    rounding: Rounding


@dataclass(frozen=True)
class Labels:
    """The index of the largest map at each pixel, the lowest of those that tie."""

    name: str
    source: str


Follower = Enlarged | Sum | Labels


@dataclass(frozen=True)
class Shape:
    """The size of a value, and the bits of its integers."""

    maps: int
    rows: int
    columns: int
    bits: int

    @property
    def values(self) -> int:
        return self.maps * self.rows * self.columns


@dataclass(frozen=True, eq=False)
class Network:
    """All of it, each after what it reads. `outputs` are the values that leave."""

    name: str
    sources: tuple[Source, ...]
    banks: tuple[Bank, ...]
    followers: tuple[Follower, ...]
    outputs: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, Source | Bank | Follower]:
        return {each.name: each for each in (*self.sources, *self.banks, *self.followers)}

    @property
    def macs(self) -> int:
        return sum(bank.macs for bank in self.banks)

    def shape(self, name: str) -> Shape:
        """The size of a value."""
        match self.by_name[name]:
            case Source(_, channels, height, width, bits):
                return Shape(channels, height, width, bits)
            case Bank() as bank:
                return Shape(bank.layer.maps, bank.rows, bank.columns, bank.layer.bits)
            case Enlarged(_, source, factor):
                small = self.shape(source)
                return Shape(small.maps, small.rows * factor, small.columns * factor, small.bits)
            case Sum(_, left, _, rounding):
                whole = self.shape(left)
                return Shape(whole.maps, whole.rows, whole.columns, rounding.bits)
            case Labels(_, source):
                scores = self.shape(source)
                return Shape(1, scores.rows, scores.columns, max(1, (scores.maps - 1).bit_length()))

    def depth(self, bank: Bank) -> int:
        """How many banks lie before this one."""
        before = self.by_name[bank.source]
        return 1 + self.depth(before) if isinstance(before, Bank) else 0
