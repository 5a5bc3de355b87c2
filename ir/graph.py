"""The one data structure: an immutable graph of single-output nodes, in topological order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

from sightline.ir.constant import Constant
from sightline.ir.op import Op
from sightline.ir.types import TensorType


@dataclass(frozen=True)
class Input(Op):
    """A value that the caller gives."""

    type: TensorType

    def infer(self) -> TensorType:
        return self.type


@dataclass(frozen=True)
class Const(Op):
    """A value known at compile time: weights, tables."""

    value: Constant

    def infer(self) -> TensorType:
        return self.value.type


@dataclass(frozen=True)
class Node:
    """One operation and its result, which bears the node's name.

    `instance` is the path of the module it came from, the same for every use of a shared module;
    `where` is the place in the user's model, told in errors and left out of equality.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    type: TensorType
    instance: str = ""
    where: str = field(default="", compare=False)

    @property
    def is_leaf(self) -> bool:
        return isinstance(self.op, Input | Const)


class Nested(Op):
    """An op that means what its `body` does: the operands are the inputs of that graph, in order.

    Text form prints the body as a block, and the verifier looks into it.
    """

    body: Graph


@dataclass(frozen=True)
class Output:
    """A result under the name the user knows it by, and the node that computes it."""

    label: str
    node: str


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which every input comes before its use; see `ir.verify`."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, name: str) -> Node:
        return self.by_name[name]

    @property
    def inputs(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if isinstance(node.op, Input))

    @property
    def operations(self) -> tuple[Node, ...]:
        """The nodes that compute something."""
        return tuple(node for node in self.nodes if not node.is_leaf)

    @cached_property
    def uses(self) -> Counter[str]:
        """How often each node is read, by other nodes and by the caller."""
        counts = Counter(name for node in self.nodes for name in node.inputs)
        counts.update(output.node for output in self.outputs)
        return counts

    def input_types(self, node: Node) -> tuple[TensorType, ...]:
        return tuple(self.by_name[name].type for name in node.inputs)

    def macs(self, node: Node) -> int:
        return node.op.macs(*self.input_types(node))

    @property
    def total_macs(self) -> int:
        return sum(self.macs(node) for node in self.nodes)

    def parameters(self, node: Node) -> int:
        """Constant elements that a node reads; a shared constant counts at each of its readers."""
        operands = (self.by_name[name] for name in set(node.inputs))
        return sum(operand.type.size for operand in operands if isinstance(operand.op, Const))

    @property
    def total_parameters(self) -> int:
        """Constant elements of the graph; a shared constant counts once."""
        return sum(node.type.size for node in self.nodes if isinstance(node.op, Const))

    def renamed(self, name: str) -> Graph:
        return replace(self, name=name)
