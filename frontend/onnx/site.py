"""The place where one op of a graph is written as ONNX nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onnx import helper

from sightline.frontend.onnx.custom import attributes_of
from sightline.frontend.onnx.emitter import Emitter
from sightline.frontend.onnx.load import OWN_DOMAIN
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Node
from sightline.ir.types import Array, TensorType


@dataclass(frozen=True)
class Site:
    """Where an op is written: the emitter, the node, the nodes it reads and their values.

    With `dense`, planes that a connection table leaves out are written as zeros.
    """

    emitter: Emitter
    node: Node
    operands: tuple[Node, ...]
    values: dict[str, str]
    dense: bool = False

    def emit(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        return self.emitter.emit(op_type, *inputs, **attributes)

    def call(self) -> str:
        """A call of our own function for the op, on the same operands."""
        op = self.node.op
        name = type(op).__name__
        result = self.emitter.name(f"{self.node.name}/{name}")
        node = helper.make_node(name, self.all_values(), [result], name=result, domain=OWN_DOMAIN)
        node.attribute.extend(attributes_of(op))
        self.emitter.nodes.append(node)
        return result

    def constant(self, value: Any, name: str) -> str:
        return self.emitter.constant(value, name)

    def value(self, index: int) -> str:
        """The operand of that number; a constant becomes an initializer when it is first read."""
        operand = self.operands[index]
        if isinstance(operand.op, Const):
            return self.emitter.weights(operand.op.value.array, operand.name)
        return self.values[operand.name]

    def all_values(self) -> list[str]:
        return [self.value(index) for index in range(len(self.operands))]

    def type(self, index: int) -> TensorType:
        return self.operands[index].type

    def weights(self, index: int) -> Array:
        """A constant operand, as it is needed in another form than the graph's."""
        operand = self.operands[index]
        if not isinstance(operand.op, Const):
            raise UserError(
                f"the operand '{operand.name}' of {self.node.op.kind} is computed, and ONNX export "
                "needs a constant"
            )
        return operand.op.value.array
