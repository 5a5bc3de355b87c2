"""What is kept as integers: which values of a float graph, and which of them in one encoding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.normalization import BoxNorm, TorchNorm
from sightline.ir.ops.pointwise import Clip, Pointwise, Relu
from sightline.ir.ops.pooling import LPPool
from sightline.passes.precision import Precision, Precisions
from sightline.passes.quantize.roles import Role, find_roles


class Use(Enum):
    """What values are read for, which says how many bits they need."""

    PLAIN = "as operands"
    INDEX = "by tables alone"
    SCORE = "as scores: added, compared, or given to the caller"
    WIDE = "before any filter bank, and not by one"


@dataclass(frozen=True)
class Group:
    """Values of one encoding. `functions` are those whose tables they index."""

    members: tuple[str, ...]
    use: Use
    precision: Precision
    symmetric: bool
    functions: tuple[tuple[Pointwise, ...], ...] = ()

    @property
    def bits(self) -> int:
        match self.use:
            case Use.INDEX:
                return self.precision.index_bits
            case Use.SCORE | Use.WIDE:
                return max(SCORE_BITS, self.precision.bits)
        return self.precision.bits


SCORE_BITS = 16
"""Of what is added up and compared at the end, and of what is made of pictures at the start."""

AROUND_ZERO = (Mul, LPPool, BoxNorm, TorchNorm)
"""Ops whose operands are centered: they have their zero point at 0."""


@dataclass(frozen=True)
class Regions:
    """The role of each node, and the group of each value that is kept as integers.

    The results of other nodes stay real: in float, or exact until a function that reads them.
    `indices` are of functions whose operand, which others read too, has more bits than a table is
    indexed by: it is rounded once more for them.
    """

    roles: dict[str, Role]
    groups: dict[str, Group]
    indices: dict[str, Group]


def find_regions(graph: Graph, precisions: Precisions) -> Regions:
    """What is rounded where.

        conv → relu               one rounding, whose limits are the ReLU
        conv → max pool → tanh    rounded to the index of a table after conv; the pool moves it
        conv → add ← resize       scores have one encoding, so that they are summed as they are

    So have the terms of sums and differences before any filter bank, where bits are cheap.
    Ops that share weights, and what follows each alike, share encodings: a network that is applied
    at several scales has its constants once.
    """
    return _Finder(graph, precisions).regions()


class _Finder:
    def __init__(self, graph: Graph, precisions: Precisions) -> None:
        self.graph = graph
        self.precisions = precisions
        self.roles = find_roles(graph, precisions)
        self.readers: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
        for node in graph.nodes:
            for value in dict.fromkeys(node.inputs):
                self.readers[value].append(node)
        self.outputs = {output.node for output in graph.outputs}
        self.joined = {node.name for node in graph.nodes if self._joins(node)}
        self.coded = [node.name for node in graph.nodes if self._is_coded(node)]
        self.after_bank = _reached(graph)

    def regions(self) -> Regions:
        classes = _Classes(self.coded)
        scores = self._scores()
        for node in self.graph.operations:
            alike = [value for value in (*node.inputs, node.name) if value in classes.parents]
            moved = self.roles[node.name] is Role.MOVE and node.name in classes.parents
            added = isinstance(node.op, Add) and node.name in scores
            if moved or (added and scores.issuperset(alike)):
                classes.join(alike)
            elif isinstance(node.op, Add | Sub) and node.name not in self.after_bank:
                classes.join(value for value in node.inputs if value in classes.parents)
        for twins in self._twins():
            classes.join(value for value in twins if value in classes.parents)
        groups = {
            value: group
            for members in classes.members()
            for group in [self._group(members, scores)]
            for value in members
        }
        return Regions(self.roles, groups, dict(self._indices(groups)))

    def _indices(self, groups: dict[str, Group]) -> Iterator[tuple[str, Group]]:
        for node in self.graph.operations:
            group = groups.get(node.inputs[0]) if node.inputs else None
            if self.roles[node.name] is not Role.FUNCTION or group is None:
                continue
            chain = self._chain(node)
            limits = all(isinstance(function, Relu | Clip) for function in chain)
            if not limits and group.bits > group.precision.index_bits:
                members = (node.inputs[0],)
                yield node.name, Group(members, Use.INDEX, group.precision, False, (chain,))

    def _joins(self, node: Node) -> bool:
        """Whether a value is read by one function alone, together with which it is rounded."""
        readers = self.readers[node.name]
        if len(readers) != 1 or node.name in self.outputs:
            return False
        (reader,) = readers
        if self.roles[reader.name] is not Role.FUNCTION:
            return False
        match self.roles[node.name]:
            case Role.EXACT:
                return isinstance(reader.op, Relu | Clip)
            case Role.FUNCTION:
                limits = isinstance(node.op, Relu | Clip) and self._follows_exact(node)
                return not limits or isinstance(reader.op, Relu | Clip)
        return False

    def _follows_exact(self, node: Node) -> bool:
        """Whether a function is but a limit of what is rounded."""
        source = self.graph[node.inputs[0]]
        if not self._joins(source):
            return False
        return self.roles[source.name] is Role.EXACT or self._follows_exact(source)

    def _is_coded(self, node: Node) -> bool:
        if node.name in self.joined:
            return False
        readers = [self.roles[reader.name] for reader in self.readers[node.name]]
        if isinstance(node.op, Const):
            return Role.MOVE in readers
        if self.roles[node.name] in (Role.EXACT, Role.FUNCTION, Role.MOVE):
            return True
        return self.roles[node.name] is Role.FLOAT and any(r is not Role.FLOAT for r in readers)

    def _scores(self) -> set[str]:
        """Values that are only moved, added, compared, and given to the caller."""
        scores: set[str] = set()
        for node in reversed(self.graph.nodes):
            readers = self.readers[node.name]
            read = bool(readers) or node.name in self.outputs
            if read and all(self._keeps_scores(reader, scores) for reader in readers):
                scores.add(node.name)
        return scores

    def _keeps_scores(self, reader: Node, scores: set[str]) -> bool:
        if self.roles[reader.name] is Role.FLOAT or isinstance(reader.op, ArgMax):
            return True
        sums = self.roles[reader.name] is Role.MOVE or isinstance(reader.op, Add)
        return sums and reader.name in scores

    def _twins(self) -> Iterator[list[str]]:
        """Results, and operands, of ops that share weights or follow such ops alike."""
        keys: dict[str, tuple[object, ...]] = {}
        twins: dict[tuple[object, ...], list[str]] = {}
        for node in self.graph.operations:
            if isinstance(node.op, Conv) and self.roles[node.name] is Role.EXACT:
                keys[node.name] = ("bank", node.op, node.inputs[1:])
                twins.setdefault(("read by", keys[node.name]), []).append(node.inputs[0])
            elif len(node.inputs) == 1 and node.inputs[0] in keys:
                keys[node.name] = (node.op.kind, keys[node.inputs[0]])
            if node.name in keys:
                twins.setdefault(keys[node.name], []).append(node.name)
        yield from (values for values in twins.values() if len(values) > 1)

    def _group(self, members: tuple[str, ...], scores: set[str]) -> Group:
        inside = set(members)
        readers = [
            reader
            for member in members
            for reader in self.readers[member]
            if reader.name not in inside and self.roles[reader.name] is not Role.FLOAT
        ]
        functions = tuple(
            self._chain(reader) for reader in readers if self.roles[reader.name] is Role.FUNCTION
        )
        banked = any(isinstance(reader.op, Conv) for reader in readers)
        if inside <= scores:
            use = Use.SCORE
        elif functions and len(functions) == len(readers) and not self.outputs & inside:
            use = Use.INDEX
        elif not banked and not inside & self.after_bank:
            use = Use.WIDE
        else:
            use = Use.PLAIN
        centered = any(isinstance(reader.op, AROUND_ZERO) for reader in readers)
        symmetric = use is Use.SCORE or centered
        precision = self._precision(members, readers)
        return Group(members, use, precision, symmetric, functions if use is Use.INDEX else ())

    def _chain(self, first: Node) -> tuple[Pointwise, ...]:
        """The functions that one table holds."""
        assert isinstance(first.op, Pointwise)
        chain, last = [first.op], first
        while last.name in self.joined:
            (last,) = self.readers[last.name]
            assert isinstance(last.op, Pointwise)
            chain.append(last.op)
        return tuple(chain)

    def _precision(self, members: Iterable[str], readers: Iterable[Node]) -> Precision:
        """The finest of those that make the values; of float ones, of those that read them."""
        makers = [self.graph[m] for m in members if self.roles[m] is not Role.FLOAT]
        return max(map(self.precisions.of, makers or readers), key=lambda p: p.bits)


def _reached(graph: Graph) -> set[str]:
    """Values that a filter bank has a part in."""
    reached: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, Conv) or not reached.isdisjoint(node.inputs):
            reached.add(node.name)
    return reached


class _Classes:
    """Which values belong together: sets that are joined."""

    def __init__(self, values: Iterable[str]) -> None:
        self.parents = {value: value for value in values}

    def root(self, value: str) -> str:
        while self.parents[value] != value:
            value = self.parents[value]
        return value

    def join(self, values: Iterable[str]) -> None:
        roots = [self.root(value) for value in values]
        for root in roots:
            self.parents[root] = roots[0]

    def members(self) -> list[tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for value in self.parents:
            found.setdefault(self.root(value), []).append(value)
        return [tuple(values) for values in found.values()]
