"""The attributes of one node of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import AttributeProto, NodeProto

from sightline.frontend.onnx.tensors import shortest, to_array
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Shape


class Attributes:
    """Every attribute that the file gives must be asked for, or `finish` refuses it by name.

    So a reader cannot overlook one. `folder` is where the data of its tensors lies.
    """

    def __init__(self, node: NodeProto, folder: Path) -> None:
        self.node = node
        self._folder = folder
        self._attributes = {attribute.name: attribute for attribute in node.attribute}
        self._asked: set[str] = set()

    def given(self, name: str) -> bool:
        return name in self._attributes

    def integer(self, name: str, default: int) -> int:
        return int(self._get(name, AttributeProto.INT, default))

    def flag(self, name: str, default: bool = False) -> bool:
        number = self.integer(name, int(default))
        if number not in (0, 1):
            raise UserError(f"the attribute '{name}' is 0 or 1, not {number}")
        return bool(number)

    def integers(self, name: str) -> Shape | None:
        found = self._get(name, AttributeProto.INTS, None)
        return None if found is None else tuple(map(int, found))

    def number(self, name: str, default: float) -> float:
        return float(self._get(name, AttributeProto.FLOAT, default))

    def numbers(self, name: str) -> tuple[float, ...]:
        return tuple(map(shortest, self._get(name, AttributeProto.FLOATS, ())))

    def text(self, name: str, default: str) -> str:
        return str(self._get(name, AttributeProto.STRING, default))

    def tensor(self, name: str) -> Array:
        return to_array(self._get(name, AttributeProto.TENSOR, onnx.TensorProto()), self._folder)

    def without_effect(self, *names: str) -> None:
        """Attributes that change nothing once a network is trained."""
        self._asked.update(names)

    def finish(self) -> None:
        """Refuse what no reader asked for."""
        for name in self._attributes.keys() - self._asked:
            raise UserError(
                f"the attribute '{name}' of {self.node.op_type} is not supported",
                fix="Export the model without it.",
            )

    def _get(self, name: str, kind: int, default: Any) -> Any:
        self._asked.add(name)
        attribute = self._attributes.get(name)
        if attribute is None:
            return default
        if attribute.type != kind:
            wanted, found = (_attribute_type(number) for number in (kind, attribute.type))
            raise UserError(
                f"the attribute '{name}' must be of type {wanted}, but is of type {found}",
                fix="Export the model again.",
            )
        if kind == AttributeProto.FLOAT:
            return shortest(attribute.f)
        if kind == AttributeProto.STRING:
            return attribute.s.decode("utf-8", errors="replace")
        return {
            AttributeProto.INT: attribute.i,
            AttributeProto.INTS: attribute.ints,
            AttributeProto.FLOATS: attribute.floats,
            AttributeProto.TENSOR: attribute.t,
        }[kind]


def _attribute_type(number: int) -> str:
    names = {value: name for name, value in onnx.AttributeProto.AttributeType.items()}
    return str(names.get(number, f"number {number}"))
