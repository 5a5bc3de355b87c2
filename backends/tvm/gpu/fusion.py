"""Which ops one kernel of a GPU computes: the groups of `fusion`, joined where that costs nothing.

    x ─┬─ rows of sums ──┬──── spread ───────────┐          one kernel: each number of each of
       │                 └── square ─┐           ×── y      these is one thread's, which keeps it
       └─ rows of sums ── energy ─── variance ── root       in a register

    x ── pad ── stuff ── bank ── y                          one kernel: the bank asks of each
                                                            pixel that it loads where that lies

A group joins the group that alone reads its result. There its numbers are computed once, each at
the place of the result that it is for, if all behind it is done number by number. What only says
where numbers lie, or is one sum or product of a value and a constant, or its square, is computed
where it is loaded instead, and by all groups that read it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sightline.backends.tvm.fusion import BANKS, BY_NUMBER, POOLS, Group, loaded
from sightline.backends.tvm.fusion import groups as small_groups
from sightline.backends.tvm.gpu.tiles import LAUNCH
from sightline.backends.tvm.narrow_sums import cycles
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.integer import IntegerAdd, IntegerMul, IntegerSub
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerSumPool
from sightline.ir.ops.movement import Pad, Slice, Stuff
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from sightline.ir.ops.resize import ResizeBilinear, ResizeNearest

FRAMES = (Pad, Slice, Stuff)
"""Ops that say of each number where it comes from, by arithmetic alone."""

MOVES = (*FRAMES, ResizeNearest)
"""Ops whose numbers are each one of their operand's, or are known."""

PER_NUMBER = (
    *BY_NUMBER,
    *POOLS,
    *MOVES,
    IntegerBilinear,
    PyramidDown,
    PyramidUp,
    ResizeBilinear,
)
"""Ops whose numbers a thread computes each by itself, in one kernel."""

SINGLE = (IntegerAdd, IntegerSub, IntegerMul)
"""Ops of one instruction, or two."""


def groups(graph: Graph) -> Iterator[Group]:
    """Every op in a group, in an order in which these can be computed."""
    parts = list(small_groups(graph))
    readers = _readers(graph)
    order = {node.name: number for number, node in enumerate(graph.nodes)}
    within = {node.name: {number} for number, part in enumerate(parts) for node in part.nodes}
    gone = set()
    # From the end, so that all who read a result have come together where they can.
    for number, part in reversed(list(enumerate(parts))):
        reading = readers[part.result.name]
        into = {each for node in reading for each in within[node.name]}
        light = _is_light(graph, part)
        if not into or (len(into) > 1 and not light):
            continue
        if all(
            _is_at_its_place(part, parts[each], node)
            or (light and _is_at_the_load(part, parts[each], node))
            for node in reading
            for each in within[node.name]
        ):
            for each in into:
                nodes = [*part.nodes, *parts[each].nodes]
                parts[each].nodes = sorted(nodes, key=lambda node: order[node.name])
            within |= {node.name: into for node in part.nodes}
            gone.add(number)
    yield from (part for number, part in enumerate(parts) if number not in gone)


def _readers(graph: Graph) -> dict[str, list[Node]]:
    """The ops that read a value; none if the caller does too."""
    found: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
    for node in graph.operations:
        for name in dict.fromkeys(node.inputs):
            found[name].append(node)
    return found | {output.node: [] for output in graph.outputs}


def _is_light(graph: Graph, part: Group) -> bool:
    """Whether a group is but a condition of what it reads, or a product of it."""
    if all(isinstance(node.op, FRAMES) for node in part.nodes):
        return True
    [node, *others] = part.nodes
    computed = {name for name in node.inputs if not isinstance(graph[name].op, Const)}
    return isinstance(node.op, SINGLE) and len(computed) == 1 and not others


def _is_at_its_place(part: Group, reader: Group, node: Node) -> bool:
    """Whether each number is needed for the one at the same place of the result, and no other.

    A thread has many numbers of a filter bank in its registers, and room for no more sums.
    """
    has_bank = any(isinstance(each.op, BANKS) for each in reader.nodes)
    kinds = MOVES if has_bank else PER_NUMBER
    return (
        isinstance(node.op, BY_NUMBER)
        and node.name not in loaded(reader.nodes)
        and node.type.shape == part.result.type.shape
        and all(isinstance(each.op, kinds) for each in part.nodes)
        and all(isinstance(each.op, PER_NUMBER + BANKS) for each in reader.nodes)
    )


def _is_at_the_load(part: Group, reader: Group, node: Node) -> bool:
    """Whether a light group costs no more where an op loads its numbers, each for several sums."""
    value = part.result.name
    if isinstance(part.result.op, FRAMES):
        takes = (*BANKS, *POOLS, *FRAMES)
        return isinstance(node.op, takes) and node.inputs[0] == value not in node.inputs[1:]
    if isinstance(node.op, IntegerSumPool):
        return cycles(node.type, node.op.window.taps) < LAUNCH
    return isinstance(node.op, SINGLE) and node.name in loaded(reader.nodes)
