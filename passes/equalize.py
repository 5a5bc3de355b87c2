"""Maps that are much smaller or larger than others of their value are scaled until they match."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Identity, Pad, Reshape, Slice, Stuff, Transpose
from sightline.ir.ops.pointwise import Abs, Clip, LeakyRelu, Relu
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool,
    SumPool,
)
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest
from sightline.ir.types import Array
from sightline.passes.bank import pair_inputs, pair_maps

SWEEPS = 32
"""Pairs are gone through no more often; a few times are enough in practice."""

MapByMap = (
    Identity
    | Relu
    | LeakyRelu
    | Abs
    | MaxPool
    | AveragePool
    | SumPool
    | GlobalAveragePool
    | GlobalMaxPool
    | ResizeNearest
    | ResizeBilinear
    | PyramidDown
    | PyramidUp
)
"""f(s x) = s f(x) for every s > 0, and each map by itself, whatever the attributes."""


def equalize(graph: Graph) -> Graph:
    """Scale the maps between two filter banks, so that the numbers around each are as large.

        a = conv(x, w, b)                 a = conv(x, w / s, b / s)
        r = relu(a)                   ->  r = relu(a)
        y = conv(r, v, c)                 y = conv(r, v s, c)

    with s the power of two nearest to sqrt(largest of |w|, |b| / largest |v|), for each map and for
    all such pairs of banks in turn, until every s is 1 (Nagel et al. 2019; that a bias counts keeps
    maps of small weights from growing with theirs). Powers of two change no float but in its
    exponent, so the graph computes the very same numbers. A map stays whose weights are all 0 on
    either side, or would be rounded.

    Between the banks there may be what keeps maps apart and scales with them: ReLU, pooling,
    resizing, movement of pixels; not tanh, nor a ReLU with a ceiling. Everything has one reader.
    """
    pairs = [pair for node in graph.nodes if (pair := _pair(graph, node))]
    parts = [part for pair in pairs for part in (*pair.makers, pair.reader)]
    arrays = {part.name: _array(graph, part.name) for part in parts}
    for _ in range(SWEEPS):
        changes = [_balance(pair, arrays) for pair in pairs]
        if not any(changes):
            break
    return replace(graph, nodes=tuple(_with_array(node, arrays) for node in graph.nodes))


class Part(NamedTuple):
    """A constant around the maps of a pair; `map_of` is the map of each of its planes."""

    name: str
    map_of: Array


@dataclass(frozen=True)
class Pair:
    """Weights, and the bias if there is one, that make maps, and weights that read them."""

    maps: int
    makers: tuple[Part, ...]
    reader: Part


def _pair(graph: Graph, node: Node) -> Pair | None:
    """The pair whose second bank a node is, if it is one."""
    if not isinstance(node.op, Conv) or not _is_own(graph, node.inputs[1]):
        return None
    above = graph[node.inputs[0]]
    while graph.uses[above.name] == 1 and _scales(graph, above):
        above = graph[above.inputs[0]]
    if graph.uses[above.name] != 1 or not isinstance(above.op, Conv):
        return None
    if not all(_is_own(graph, name) for name in above.inputs[1:]):
        return None
    table = above.op.table
    map_of = (pair_maps(table), np.arange(table.maps))
    makers = tuple(Part(*each) for each in zip(above.inputs[1:], map_of, strict=False))
    return Pair(table.maps, makers, Part(node.inputs[1], pair_inputs(node.op.table)))


def _is_own(graph: Graph, name: str) -> bool:
    """Whether a value is a constant that nothing else reads."""
    return isinstance(graph[name].op, Const) and graph.uses[name] == 1


def _scales(graph: Graph, node: Node) -> bool:
    """Whether a node keeps its maps apart, in their order, and scales with each."""
    match node.op:
        case Clip(low, high):
            return low in (0.0, -math.inf) and high == math.inf
        case Pad(mode=mode, value=value) as pad:
            return not any(pad.pairs[1]) and (mode != "constant" or value == 0)
        case Stuff(value=value):
            return value == 0
        case Slice(starts, stops, steps):
            size = graph[node.inputs[0]].type.shape[1]
            return (starts[1], stops[1], steps[1]) == (0, size, 1)
        case Reshape(shape):
            return shape[:2] == graph[node.inputs[0]].type.shape[:2]
        case Transpose(order):
            return order[:2] == (0, 1)
    return isinstance(node.op, MapByMap)


def _balance(pair: Pair, arrays: dict[str, Array]) -> bool:
    """Scale the maps of a pair; whether any needed it."""
    weights, reader = pair.makers[0], pair.reader
    made = np.max([_largest(arrays, part, pair.maps) for part in pair.makers], axis=0)
    read = _largest(arrays, reader, pair.maps)
    alive = (_largest(arrays, weights, pair.maps) > 0) & (read > 0)
    alive &= np.isfinite(made) & np.isfinite(read)
    exponents = np.zeros(pair.maps, np.int64)
    exponents[alive] = np.rint((np.log2(made[alive]) - np.log2(read[alive])) / 2)
    signs = [*((part, -1) for part in pair.makers), (reader, 1)]
    for part, sign in signs:
        shifts = sign * exponents[part.map_of]
        planes, scaled = arrays[part.name], _scaled(arrays[part.name], shifts)
        rounded = (_scaled(scaled, -shifts) != planes).reshape(len(planes), -1).any(axis=1)
        exponents[part.map_of[rounded]] = 0
    for part, sign in signs:
        arrays[part.name] = _scaled(arrays[part.name], sign * exponents[part.map_of])
    return bool(exponents.any())


def _largest(arrays: dict[str, Array], part: Part, maps: int) -> Array:
    """The largest absolute number at each map, in double precision; 0 where there is none."""
    planes = arrays[part.name]
    largest = np.zeros(maps)
    np.maximum.at(largest, part.map_of, np.abs(planes).reshape(len(planes), -1).max(axis=1))
    return largest


def _scaled(planes: Array, shifts: Array) -> Array:
    """Each plane times 2 to the power of its shift."""
    with np.errstate(over="ignore", under="ignore"):
        scaled: Array = np.ldexp(planes, shifts.reshape(-1, *(1,) * (planes.ndim - 1)))
    return scaled


def _array(graph: Graph, name: str) -> Array:
    op = graph[name].op
    assert isinstance(op, Const)
    return op.value.array


def _with_array(node: Node, arrays: dict[str, Array]) -> Node:
    """The node, with its new array if it is a constant that has one."""
    if node.name not in arrays:
        return node
    return replace(node, op=Const(Constant(arrays[node.name])))
