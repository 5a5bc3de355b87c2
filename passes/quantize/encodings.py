"""From what the values of each group were seen to be, to the encoding that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Const, Graph
from sightline.ir.types import Array
from sightline.passes.legalize.rounding import applied
from sightline.passes.quantize.regions import Group, Regions, Use
from sightline.passes.ranges import Method, MinMax, Range, encoding_of, least_error, range_of
from sightline.passes.statistics import BINS, Statistics, merged, statistics_of


@dataclass(frozen=True)
class Encodings:
    """Of values by name; and of what tables are indexed by, where a function has one of its own."""

    values: Mapping[str, Encoding]
    indices: Mapping[str, Encoding] = field(default_factory=dict)


def find_encodings(
    graph: Graph, regions: Regions, statistics: Mapping[str, Statistics], method: Method
) -> Encodings:
    """The encoding of each value that is kept as integers, and of each function's own index."""

    def found(group: Group) -> Encoding:
        seen = [_seen(graph, statistics, member) for member in group.members]
        return encoding_of_group(group, merged(*seen), method)

    indices = {function: found(group) for function, group in regions.indices.items()}
    encodings: dict[str, Encoding] = {}
    for value, group in regions.groups.items():
        if value not in encodings:
            encodings |= dict.fromkeys(group.members, found(group))
    return Encodings(encodings, indices)


def encoding_of_group(group: Group, seen: Statistics, method: Method) -> Encoding:
    """By the method; what a table is indexed by, so that the errors of its results are least."""
    fixed_scale = group.precision.scale
    if fixed_scale is not None:
        return Encoding(group.bits, fixed_scale)
    if group.use is Use.INDEX and not isinstance(method, MinMax):
        ends = _index_range(group, seen)
    else:
        ends = range_of(seen, method, group.bits, group.symmetric)
    return encoding_of(*ends, group.bits, symmetric=group.symmetric)


def _index_range(group: Group, seen: Statistics) -> Range:
    """The range for which the functions of rounded numbers are nearest to those of the numbers.

    Where a function is flat, as tanh is far from 0, a wider range is no use, and a finer step is.
    """
    numbers, counts = _spread(seen)
    wanted = [applied(chain, numbers) for chain in group.functions]

    def error(ends: Range) -> float:
        encoding = encoding_of(*ends, group.bits)
        rounded = _rounded(encoding, numbers)
        return sum(
            float((counts * (applied(chain, rounded) - exact) ** 2).sum())
            for chain, exact in zip(group.functions, wanted, strict=True)
        )

    return least_error(error, (min(seen.low, 0.0), max(seen.high, 0.0)))


def _spread(seen: Statistics) -> tuple[Array, Array]:
    """Numbers spread evenly over what was seen, and how many each of them stands for.

    Several to a bin where few bins are filled, as when some numbers lie far from all others: a step
    that fits the middles of wide bins would seem to lose nothing.
    """
    histogram = seen.histogram
    filled = np.flatnonzero(histogram.counts)
    each = -(-BINS // len(filled))
    places = (np.arange(each) + 0.5) / each
    numbers = (histogram.first + filled[:, None] + places) * histogram.width
    counts = np.repeat(histogram.counts[filled] / each, each)
    return np.clip(numbers.ravel(), seen.low, seen.high), counts


def _rounded(encoding: Encoding, numbers: Array) -> Array:
    integers = fixed.quantize(numbers, encoding.scale, encoding.zero_point, encoding.storage)
    return (integers - encoding.zero_point) * encoding.scale


def _seen(graph: Graph, statistics: Mapping[str, Statistics], value: str) -> Statistics:
    op = graph[value].op
    if isinstance(op, Const):
        return statistics_of(op.value.array)
    return statistics[value]
