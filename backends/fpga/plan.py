"""The plan of an accelerator: plain data, found before any gateware is made.

Plan ─┬─ EnginePlan ── its array, its banks, the order of their rows, the depths behind it
      ├─ Link ── a FIFO between a source or an engine and who reads it, and its depth
      └─ Prediction ── cycles of a frame and of its way through, found from the same numbers
"""

from __future__ import annotations

from dataclasses import dataclass

from sightline.backends.fpga.program import Array
from sightline.backends.fpga.resources import Resources


@dataclass(frozen=True)
class Row:
    """A job: row `row` of the results of a bank."""

    bank: str
    row: int


@dataclass(frozen=True)
class EnginePlan:
    """An engine: what it multiplies with, and which rows it computes in which order.

    `kind` is how its products are made (see hw/mac_array.py), `slots` how many rows of each
    picture its window memories keep. The weights of the last `in_luts` steps lie in LUTs.
    """

    name: str
    array: Array
    kind: str
    data_bits: int
    slots: int
    in_luts: int
    banks: tuple[str, ...]
    order: tuple[Row, ...]


UNBOUNDED = 1 << 20
"""The depth of a FIFO whose depth is yet to be found."""


@dataclass(frozen=True)
class Link:
    """A FIFO of `depth` values (pixels, behind a source) that `name` is written to."""

    name: str
    bits: int
    depth: int


@dataclass(frozen=True)
class Offer:
    """When the pixels of a source come: the first of a frame at `start`, all in `period` cycles."""

    source: str
    start: int
    period: int


@dataclass(frozen=True)
class Prediction:
    """Cycles between the ends of two frames, and from a frame's first pixel to its last result."""

    interval: int
    latency: int


@dataclass(frozen=True)
class Part:
    """What a part of the accelerator is estimated to take."""

    name: str
    resources: Resources


@dataclass(frozen=True)
class Plan:
    """All of it."""

    device: str
    clock_mhz: float
    objective: str
    engines: tuple[EnginePlan, ...]
    links: tuple[Link, ...]
    offers: tuple[Offer, ...]
    prediction: Prediction
    macs: int
    parts: tuple[Part, ...]

    @property
    def multipliers(self) -> int:
        return sum(engine.array.products for engine in self.engines)

    @property
    def utilization(self) -> float:
        """Multiply-accumulates of a frame over what the multipliers could do in its interval."""
        return self.macs / (self.multipliers * self.prediction.interval)

    def link(self, name: str) -> Link:
        return next(link for link in self.links if link.name == name)

    def offer(self, source: str) -> Offer:
        return next(offer for offer in self.offers if offer.source == source)
