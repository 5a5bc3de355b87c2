"""The rewriter: one forward walk that rebuilds a graph, offering each node to a rule.

A rule is a function of the rewriter and a node. The node's inputs name values of the NEW graph, so
that what the rule sees above it is rewritten already, and a chain collapses in one walk. The rule
returns a value to put in the node's place, or None to keep the node; Python's `match` on the ops is
the pattern language:

    def drop_identity(rewriter: Rewriter, node: Node) -> str | None:
        match node.op:
            case Identity():
                return node.inputs[0]
        return None

Use counts stay true during the walk: they are of the readers that are alive, in the new graph and
still to come in the old one, and of the caller. Ask for them before emitting: what a rule emits
reads too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.graph import Const, Graph, Input, Node, Output
from sightline.ir.op import Op
from sightline.ir.types import Array

Pass = Callable[[Graph], Graph]
"""A valid graph in, a valid graph out, of the same inputs, output labels and meaning."""


class RuleError(Exception):
    """A rule failed at a node; the cause is chained."""

    def __init__(self, node: Node, problem: str) -> None:
        super().__init__(f"at '{node.name}': {problem}")
        self.node = node
        self.problem = problem


class Rewriter:
    """The new graph while it grows."""

    def __init__(self, graph: Graph) -> None:
        self._builder = GraphBuilder(graph.name)
        self._reads: Counter[str] = Counter()
        self._values: list[str] = []
        self._wanted: dict[str, str] = {}
        self._kept: set[str] = set()
        self._dead: set[str] = set()
        self._made_constants: dict[Constant, str] = {}
        self._node: Node

    def __getitem__(self, value: str) -> Node:
        """The node that computes a value."""
        return self._builder[value]

    def op(self, value: str) -> Op:
        """The op that computes a value."""
        return self._builder[value].op

    def name(self, node: Node) -> str:
        """The name of the node at hand, or the one that a node of the new graph will bear."""
        return node.name if node is self._node else self._wanted[node.name]

    def only_use(self, value: str) -> bool:
        """Whether a value is read once, so that whoever reads it may change it."""
        return self._reads[value] == 1

    def chain(self, value: str, belongs: Callable[[Node], bool]) -> tuple[list[Node], str]:
        """Nodes one above the other that belong, each read by the one below alone, the last first.

        And what the uppermost of them makes its first operand; the value itself, if there is none.
        """
        chain: list[Node] = []
        while self.only_use(value) and belongs(self[value]):
            chain.append(self[value])
            value = self[value].inputs[0]
        return chain, value

    def below(self, chain: Sequence[Node], value: str) -> str:
        """The ops of a chain, the last first, on another value; their other operands stay."""
        for node in reversed(chain):
            value = self.emit(node.op, value, *node.inputs[1:], like=node)
        return value

    def array(self, value: str) -> Array | None:
        """The array of a constant; None for what is computed."""
        op = self._builder[value].op
        return op.value.array if isinstance(op, Const) else None

    def arrays(self, values: Sequence[str]) -> list[Array] | None:
        """The arrays of constants; None if one of them is computed."""
        found = [array for value in values if (array := self.array(value)) is not None]
        return found if len(found) == len(values) else None

    def emit(self, op: Op, *inputs: str, like: Node | None = None, name: str = "") -> str:
        """Append a node with the name, instance and place of `like`, or of the node at hand."""
        like = like or self._node
        return self._add(op, inputs, name or self.name(like), like)

    def constant(self, value: Array | Constant, *, like: Node | None = None, name: str = "") -> str:
        """A constant; equal ones that rules make are one, so that shared weights stay shared."""
        constant = value if isinstance(value, Constant) else Constant(value)
        if constant not in self._made_constants:
            made = self.emit(Const(constant), like=like, name=name)
            self._made_constants[constant] = made
        return self._made_constants[constant]

    def visit(self, node: Node, rule: Rule, reads: int) -> str:
        """The value that stands for an old node, whose inputs are new values already."""
        self._node = node
        first_made = len(self._values)
        value = None if node.is_leaf else self._apply(rule, node)
        if value is None:
            value = self._add(node.op, node.inputs, node.name, node)
            self._kept.add(value)
        self._reads[value] += reads
        self._release(node.inputs)
        self._bury(self._values[first_made:])
        return value

    def finish(self, outputs: tuple[Output, ...]) -> Graph:
        """The graph of what is read, and of all inputs."""
        alive = [self._builder[value] for value in self._values if self._is_alive(value)]
        names = self._names([node.name for node in alive])
        nodes = tuple(
            replace(node, name=names[node.name], inputs=tuple(names[v] for v in node.inputs))
            for node in alive
        )
        return Graph(
            self._builder.name,
            nodes,
            tuple(Output(output.label, names[output.node]) for output in outputs),
        )

    def _apply(self, rule: Rule, node: Node) -> str | None:
        try:
            value = rule(self, node)
        except Exception as error:
            raise RuleError(node, f"{type(error).__name__}: {error}") from error
        if value is not None and self[value].type != node.type:
            raise RuleError(
                node, f"a value of {node.type} was replaced by one of {self[value].type}"
            )
        return value

    def _add(self, op: Op, inputs: tuple[str, ...], name: str, like: Node) -> str:
        value = self._builder.add(op, *inputs, name=name, instance=like.instance, where=like.where)
        self._values.append(value)
        self._wanted[value] = name
        self._reads.update(inputs)
        return value

    def _release(self, values: tuple[str, ...]) -> None:
        """A reader of these values is gone."""
        self._reads.subtract(values)
        self._bury(list(values))

    def _bury(self, values: list[str]) -> None:
        """Those of the values that nobody reads are dead, and read nothing any more."""
        while values:
            value = values.pop()
            if value not in self._dead and not self._reads[value]:
                self._dead.add(value)
                inputs = self._builder[value].inputs
                self._reads.subtract(inputs)
                values += inputs

    def _is_alive(self, value: str) -> bool:
        return self._reads[value] > 0 or isinstance(self._builder[value].op, Input)

    def _names(self, values: list[str]) -> dict[str, str]:
        """Names for the living: a kept node has its own, the rest the next that is free."""
        names = {value: self._wanted[value] for value in values if value in self._kept}
        taken = set(names.values())
        suffixes: Counter[str] = Counter()
        for value in values:
            if value in names:
                continue
            name = wanted = self._wanted[value]
            while name in taken:
                suffixes[wanted] += 1
                name = f"{wanted}_{suffixes[wanted]}"
            taken.add(name)
            names[value] = name
        return names


Rule = Callable[[Rewriter, Node], str | None]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """The graph after a rule has seen every node that is read, in order. Dead nodes go.

    Inputs stay even if nothing reads them, and outputs keep their labels.
    """
    reads = _live_reads(graph)
    rewriter = Rewriter(graph)
    new: dict[str, str] = {}
    for node in graph.nodes:
        if reads[node.name] or isinstance(node.op, Input):
            moved = replace(node, inputs=tuple(new[value] for value in node.inputs))
            new[node.name] = rewriter.visit(moved, rule, reads[node.name])
    return rewriter.finish(tuple(replace(out, node=new[out.node]) for out in graph.outputs))


def first_of(*rules: Rule) -> Rule:
    """The rule that tries these in turn."""

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        for each in rules:
            value = each(rewriter, node)
            if value is not None:
                return value
        return None

    return rule


def _live_reads(graph: Graph) -> Counter[str]:
    """How often each node is read, by the caller and by nodes that are themselves read."""
    reads = Counter(output.node for output in graph.outputs)
    for node in reversed(graph.nodes):
        if reads[node.name]:
            reads.update(node.inputs)
    return reads
