"""Building graphs: every node is typed as it is added, and every name is made unique."""

from __future__ import annotations

from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Input, Node, Output
from sightline.ir.op import Op, Sample
from sightline.ir.types import Array, TensorType


class GraphBuilder:
    """Collects nodes in order; values are named by strings, as in the finished graph."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: dict[str, Node] = {}
        self._outputs: list[Output] = []
        self._last_suffix: dict[str, int] = {}

    def __getitem__(self, value: str) -> Node:
        return self._nodes[value]

    def __contains__(self, value: str) -> bool:
        return value in self._nodes

    def add(self, op: Op, *inputs: str, name: str = "", instance: str = "", where: str = "") -> str:
        """Append an op on values already added. Returns its value, a unique form of `name`."""
        wanted = name or getattr(op, "kind", "value")
        try:
            type_ = op.infer(*(self._nodes[value].type for value in inputs))
        except UserError as error:
            raise error.at(wanted, where) from None
        unique = self._unique(wanted)
        self._nodes[unique] = Node(unique, op, inputs, type_, instance, where)
        return unique

    def keep(self, node: Node, inputs: tuple[str, ...]) -> str:
        """Append a node of another graph under its own name, on new inputs."""
        return self.add(node.op, *inputs, name=node.name, instance=node.instance, where=node.where)

    def input(self, name: str, type_: TensorType, where: str = "") -> str:
        return self.add(Input(type_), name=name, where=where)

    def constant(
        self, value: Array | Constant, name: str, instance: str = "", where: str = ""
    ) -> str:
        constant = value if isinstance(value, Constant) else Constant(value)
        return self.add(Const(constant), name=name, instance=instance, where=where)

    def output(self, value: str, label: str = "") -> None:
        self._outputs.append(Output(label or value, value))

    def finish(self) -> Graph:
        return Graph(self.name, tuple(self._nodes.values()), tuple(self._outputs))

    def _unique(self, name: str) -> str:
        if name not in self._nodes:
            return name
        suffix = self._last_suffix.get(name, 0) + 1
        while f"{name}_{suffix}" in self._nodes:
            suffix += 1
        self._last_suffix[name] = suffix
        return f"{name}_{suffix}"


def graph_of_sample(sample: Sample) -> Graph:
    """The graph of one op: its data as inputs, its weights as constants, one output `y`."""
    builder = GraphBuilder(sample.op.kind)
    values = [
        builder.input(f"x{index}", type_)
        for index, type_ in enumerate(sample.types[: len(sample.data)])
    ]
    values += [builder.constant(array, f"w{index}") for index, array in enumerate(sample.weights)]
    builder.output(builder.add(sample.op, *values, name=sample.op.kind), "y")
    return builder.finish()
