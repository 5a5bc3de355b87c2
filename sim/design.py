"""What a simulation needs to know of an accelerator: its Verilog, and what to watch in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from sightline.ir.types import Array


def key(name: str) -> str:
    """A name as files and lines of results have it: one word without slashes."""
    return re.sub(r"[^\w.@-]", "_", name, flags=re.ASCII)


@dataclass(frozen=True)
class Input:
    """A picture that enters by AXI4-Stream, one pixel per beat, row by row.

    In a beat channels lie side by side, channel 0 lowest, each in `bits` bits: 8 or 16. The ports
    are NAME__tdata, NAME__tvalid, NAME__tready and NAME__tlast.
    """

    name: str
    channels: int
    rows: int
    columns: int
    bits: int

    @property
    def width(self) -> int:
        return self.channels * self.bits

    @property
    def beats(self) -> int:
        return self.rows * self.columns


@dataclass(frozen=True)
class Row:
    """One row of a stage's result, in the order of columns, and in each of channels."""

    stage: str
    row: int
    columns: int
    channels: int

    @property
    def values(self) -> int:
        return self.columns * self.channels


class Place(NamedTuple):
    """Where a value lies in a stage's result."""

    stage: str
    row: int
    column: int
    channel: int


@dataclass(frozen=True)
class Order:
    """The rows that pass at one point of the accelerator for one frame, first to last.

    An engine that computes several stages, or one at several scales, has their rows interleaved.
    """

    rows: tuple[Row, ...]

    @cached_property
    def ends(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """How many values have passed after each row."""
        return np.array(list(accumulate(row.values for row in self.rows)), np.int64)

    @property
    def values(self) -> int:
        return int(self.ends[-1]) if self.rows else 0

    def place(self, index: int) -> Place:
        """The place of the value that passes as number `index` of its frame."""
        at = int(np.searchsorted(self.ends, index, side="right"))
        row = self.rows[at]
        column, channel = divmod(index - int(self.ends[at]) + row.values, row.channels)
        return Place(row.stage, row.row, column, channel)

    def flatten(self, results: Mapping[str, Array], frame: int) -> Array:
        """The values of a frame as they pass, from whole results of stages, [frame, c, i, j]."""
        rows = [results[row.stage][frame, :, row.row, :].T.reshape(-1) for row in self.rows]
        return np.concatenate(rows)


def raster(stage: str, shape: tuple[int, int, int]) -> Order:
    """One stage of channels, rows, columns alone, row by row."""
    channels, rows, columns = shape
    return Order(tuple(Row(stage, row, columns, channels) for row in range(rows)))


@dataclass(frozen=True)
class Output:
    """A result that leaves by AXI4-Stream, one value of `bits` bits per beat."""

    name: str
    bits: int
    order: Order


@dataclass(frozen=True)
class Probe:
    """A point inside the accelerator where values of stages pass.

    `valid`, `data` and `ready` are paths of Verilog below the top. A value passes in each cycle in
    which valid is high, and ready, where there is one.
    """

    name: str
    bits: int
    order: Order
    valid: str
    data: str
    ready: str = ""


@dataclass(frozen=True)
class Gauge:
    """A buffer inside the accelerator: the path of its level, its depth, and its output."""

    name: str
    bits: int
    depth: int
    level: str
    valid: str
    ready: str


@dataclass(frozen=True)
class Design:
    """An accelerator in Verilog, whose ports besides those named here are `clk` and `rst`."""

    verilog: str
    top: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    probes: tuple[Probe, ...] = ()
    gauges: tuple[Gauge, ...] = ()

    def __post_init__(self) -> None:
        sizes = {each.name: (each.width, each.beats) for each in self.inputs}
        sizes |= {each.name: (each.bits, each.order.values) for each in self.checked}
        for name, (bits, values) in sizes.items():
            if bits < 1 or values < 1:
                raise ValueError(f"stream '{name}' has {values} values of {bits} bits")
        if not self.inputs or not self.outputs:
            raise ValueError(f"{len(self.inputs)} inputs and {len(self.outputs)} outputs")
        names = [key(each.name) for each in (*self.inputs, *self.checked, *self.gauges)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"streams and gauges share the names {sorted(twice)}")

    @property
    def checked(self) -> tuple[Output | Probe, ...]:
        """What is compared, from the inside out."""
        return (*self.probes, *self.outputs)
