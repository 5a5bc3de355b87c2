"""Integer ops become stages: what a kernel, or a hardware engine, does in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.op import Op
from sightline.ir.ops.integer import Clamp, Exact
from sightline.ir.ops.integer_bank import IntegerBilinear, IntegerConv, IntegerSumPool
from sightline.ir.ops.movement import Concat, Gather, Pad, Slice, Stuff
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.ir.ops.quantization import Lookup, Requantize, storage_of
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.ops.stage import BODY, Stage
from sightline.ir.types import FLOAT32, Quant

EXACT: tuple[type[Op], ...] = (Exact, IntegerConv, IntegerSumPool, IntegerBilinear)
"""What gives sums, products and roots that are not rounded."""

FINISHING: tuple[type[Op], ...] = (Requantize, Lookup, Clamp, MaxPool, GlobalMaxPool)
"""What a stage may do with its numbers after they are computed."""

MOVING: tuple[type[Op], ...] = (Slice, Pad, Stuff, Concat, Gather, ResizeNearest)
"""What moves numbers, and is within a stage only where they are exact."""

NARROW = 16
"""Bits of the widest numbers that go from stage to stage."""


def fuse(graph: Graph) -> Graph:
    """Group integer ops so that what goes from group to group is rounded.

        sums = integer_conv(x, w, b)   ->  y = stage(x, w, b, m, s, t) {
        pooled = max_pool(sums)              x0, …, x5 = input
        index = requantize(pooled, m, s)     integer_conv = integer_conv(x0, x1, x2)
        y = lookup(index, t)                 max_pool = max_pool(integer_conv)
                                             requantize = requantize(max_pool, x3, x4)
                                             lookup = lookup(requantize, x5)
                                             return y=lookup
                                           }

    An exact number is in one stage with all that read it, and so are results that part and meet
    again, as in normalization:

        x ─┬─ sum ──────┬──── spread ─────────────┐
           │            └── square ─┐             ×── requantize
           └─ squares ─── energy ─── variance ── root

    What rounds, clamps, pools or looks up a rounded number that nothing else reads is in the stage
    of that number. Where exact numbers have several results, all of them stay as they are.
    Poolings of rounded numbers that nothing else is done with are stages of their own; movement of
    rounded numbers, conversions from and to float, and float ops are in none.

    A stage has the name, instance and place of its last op. Its body has names of its own, so that
    stages that do the same are equal.
    """
    groups = _Groups(graph)
    for node in graph.operations:
        groups.join_readers(node)
    for node in graph.operations:
        groups.join_finishing(node)
    return _rebuilt(graph, groups.stages())


class _Groups:
    """Which ops are in one stage: a partition that grows coarser."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.members: dict[str, list[str]] = {}
        self.readers: defaultdict[str, set[str]] = defaultdict(set)
        self.wide: set[str] = set()
        for node in graph.operations:
            if self._is_wide(node):
                self.wide.add(node.name)
            if self._can_be_in_stage(node):
                self.members[node.name] = [node.name]
            for value in node.inputs:
                self.readers[value].add(node.name)
        for output in graph.outputs:
            self.readers[output.node].add("")  # the caller, who is in no stage

    def join_readers(self, node: Node) -> None:
        """What is exact is in one stage with those who read it, as far as they can be in one."""
        if node.name in self.wide:
            for reader in self.readers[node.name] & self.members.keys():
                self._join(node.name, reader)

    def join_finishing(self, node: Node) -> None:
        """Ops that do no more than finish what they alone read join the stage of that."""
        value = node.inputs[0] if node.inputs else ""
        if (
            node.name in self.members
            and value in self.members
            and self.graph.uses[value] == 1
            and self._results(self.members[value]) == [value]
            and self._finishes(self.members[node.name], value)
        ):
            self._join(value, node.name)

    def stages(self) -> dict[str, list[Node]]:
        """The ops of each stage, in order, by the one that computes its result."""
        place = {node.name: number for number, node in enumerate(self.graph.nodes)}
        found: dict[str, list[Node]] = {}
        for name, group in self.members.items():
            if name not in self.wide and self._results(group) == [name]:
                found[name] = [self.graph[each] for each in sorted(group, key=place.__getitem__)]
        return found

    def _finishes(self, group: list[str], value: str) -> bool:
        """Whether a group computes nothing anew, of nothing but a value and constants."""
        return all(
            isinstance(self.graph[name].op, FINISHING)
            and all(
                each == value or each in group or isinstance(self.graph[each].op, Const)
                for each in self.graph[name].inputs
            )
            for name in group
        )

    def _results(self, group: list[str]) -> list[str]:
        """Those of a group that are read by others than the group."""
        within = set(group)
        return [name for name in group if not self.readers[name] <= within]

    def _join(self, first: str, second: str) -> None:
        one, other = self.members[first], self.members[second]
        if one is not other:
            one += other
            for name in other:
                self.members[name] = one

    def _is_wide(self, node: Node) -> bool:
        """Whether a result is exact, or as wide as that."""
        element = node.type.element
        if isinstance(node.op, EXACT):
            return True
        if isinstance(element, Quant):
            return isinstance(node.op, FINISHING + MOVING) and storage_of(node.type).bits > NARROW
        return isinstance(node.op, FINISHING + MOVING) and not self.wide.isdisjoint(node.inputs)

    def _can_be_in_stage(self, node: Node) -> bool:
        if isinstance(node.op, MOVING):
            return not self.wide.isdisjoint((node.name, *node.inputs))
        if isinstance(node.op, MaxPool | GlobalMaxPool):
            return node.type.element != FLOAT32
        return isinstance(node.op, EXACT + FINISHING)


def _rebuilt(graph: Graph, stages: dict[str, list[Node]]) -> Graph:
    """The graph with a stage in place of each of the last ops."""
    inner = {node.name for group in stages.values() for node in group} - stages.keys()
    builder = GraphBuilder(graph.name)
    for node in graph.nodes:
        if node.name in stages:
            stage, operands = _stage(graph, stages[node.name], node)
            builder.add(stage, *operands, name=node.name, instance=node.instance, where=node.where)
        elif node.name not in inner:
            builder.keep(node, node.inputs)
    for output in graph.outputs:
        builder.output(output.node, output.label)
    return builder.finish()


def _stage(graph: Graph, group: Iterable[Node], last: Node) -> tuple[Stage, list[str]]:
    """The stage of some ops, and its operands: data before constants, in order of their use."""
    group = list(group)
    within = {node.name for node in group}
    read = dict.fromkeys(value for node in group for value in node.inputs if value not in within)
    operands = sorted(read, key=lambda value: isinstance(graph[value].op, Const))
    body = GraphBuilder(BODY)
    values = {
        value: body.input(f"x{number}", graph[value].type) for number, value in enumerate(operands)
    }
    for node in group:
        inputs = (values[value] for value in node.inputs)
        values[node.name] = body.add(node.op, *inputs, instance=node.instance, where=node.where)
    body.output(values[last.name], "y")
    return Stage(body.finish()), operands
