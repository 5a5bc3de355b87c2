"""One node of the file on its way into the graph: its attributes, operands and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto

from sightline.frontend.onnx.load import INSTANCE_KEY
from sightline.frontend.onnx.sorting import describe, label
from sightline.frontend.onnx.tensors import shortest, to_array
from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const
from sightline.ir.op import Op
from sightline.ir.types import Array, Shape, TensorType, type_of

MAX_ELEMENTS = 1 << 28
"""No value of a graph has more: 1 GiB of floats. Larger claims are mistakes, or malice.

The constants that are computed while reading have no more in all.
"""


@dataclass(frozen=True, eq=False)
class Known:
    """A value that is known while reading: an initializer, or what was computed of those."""

    array: Array
    name: str


@dataclass
class Spent:
    """How many elements the constants have that were computed while reading this file."""

    elements: int = 0


Value = str | Known
"""A node of the graph under construction, by its name there, or an array."""


class Call:
    """What a reader of one operator works with.

    Every attribute that the file gives must be asked for, or `finish` refuses it by name: so a
    reader cannot overlook one.
    """

    def __init__(
        self,
        node: NodeProto,
        opset: int,
        operands: Sequence[Value | None],
        results_used: Sequence[bool],
        builder: GraphBuilder,
        spent: Spent,
        file: Path,
    ) -> None:
        self.node = node
        self.opset = opset
        self.name = label(node)
        self.where = f"{file.name}, {describe(node)}"
        self.instance = _instance(node)
        self.results_used = results_used
        self.operands = operands
        self._builder = builder
        self._spent = spent
        self._folder = file.parent
        self._attributes = {attribute.name: attribute for attribute in node.attribute}
        self._asked: set[str] = set()

    # Attributes

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

    # Operands

    def has(self, index: int) -> bool:
        return index < len(self.operands) and self.operands[index] is not None

    def value(self, index: int) -> Value:
        value = self.operands[index] if index < len(self.operands) else None
        if value is None:
            raise UserError(f"{self.node.op_type} needs its input number {index + 1}, left out")
        return value

    def values(self) -> list[Value]:
        return [self.value(index) for index in range(len(self.operands))]

    def array(self, index: int, what: str) -> Array:
        """An operand that must be known while reading."""
        value = self.value(index)
        if not isinstance(value, Known):
            raise UserError(
                f"{what} must be a constant, but '{value}' is computed when the network runs",
                fix="Export the model with it as an initializer, and with static shapes.",
            )
        return value.array

    def optional_array(self, index: int, what: str) -> Array | None:
        return self.array(index, what) if self.has(index) else None

    def weights(self, index: int, what: str) -> Known:
        """A constant operand in single precision, with its name."""
        array = self.array(index, what)
        if array.dtype != np.float32:
            raise UserError(f"{what} must be in float32, but is in {array.dtype}")
        value = self.value(index)
        assert isinstance(value, Known)
        return value

    def whole_numbers(self, index: int, what: str) -> Shape | None:
        """A constant operand that lists integers, such as axes; None if it is left out."""
        array = self.optional_array(index, what)
        if array is None:
            return None
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise UserError(
                f"{what} must be a list of integers, but is {array.dtype}{list(array.shape)}"
            )
        return tuple(array.ravel().tolist())

    def type(self, value: Value) -> TensorType:
        return self._builder[value].type if isinstance(value, str) else known_type(value)

    def shape(self, value: Value) -> Shape:
        return value.array.shape if isinstance(value, Known) else self._builder[value].type.shape

    # Results

    def emit(self, op: Op, *operands: Value, part: str = "") -> Value:
        """The op on these values: a node of the graph, or an array if all of them are known.

        `part` tells the steps of one call apart; the last step bears the name of the call.
        """
        name = f"{self.name}.{part}" if part else self.name
        known = [value for value in operands if isinstance(value, Known)]
        if len(known) == len(operands):
            self.reserve(op.infer(*map(known_type, known)).size)
            with np.errstate(all="ignore"):
                return Known(op.evaluate(*(value.array for value in known)), name)
        added = self._builder.add(
            op,
            *(self.in_graph(value) for value in operands),
            name=name,
            instance=self.instance,
            where=self.where,
        )
        check_size(self._builder[added].type)
        return added

    def known(self, array: Array, part: str = "") -> Known:
        """A constant that the call makes."""
        return Known(array, f"{self.name}.{part}" if part else self.name)

    def reserve(self, elements: int) -> None:
        """Called before a constant of that many elements is computed."""
        self._spent.elements += elements
        if self._spent.elements > MAX_ELEMENTS:
            raise UserError(
                f"the constants that are computed up to here have {self._spent.elements} elements, "
                f"more than the {MAX_ELEMENTS} that are supported"
            )

    def in_graph(self, value: Value) -> str:
        return place(self._builder, value, self.instance, self.where)


Reader = Callable[[Call], Value | tuple[Value, ...]]
"""From a call to its result, or its first results in the order of the file."""


def place(builder: GraphBuilder, value: Value, instance: str = "", where: str = "") -> str:
    """The value as a node of the graph; an array that is read twice is one constant there."""
    if isinstance(value, str):
        return value
    known_type(value)
    constant = Constant(value.array)
    attempt, suffix = value.name, 0
    while attempt in builder:
        if builder[attempt].op == Const(constant):
            return attempt
        suffix += 1
        attempt = f"{value.name}_{suffix}"
    return builder.constant(constant, attempt, instance=instance, where=where)


def known_type(value: Known) -> TensorType:
    """The type that an array has in a graph; empty ones and odd elements have none.

    Networks run in single precision: a constant in half or double precision is refused unless the
    file itself casts it, since what would be computed with it is not what is computed here.
    """
    array = value.array
    if array.dtype != np.float32 and array.dtype.kind not in "iu":
        raise UserError(
            f"the constant '{value.name}' is in {array.dtype}, but networks run in float32 here",
            fix="Export the model in float32.",
        )
    if 0 in array.shape:
        raise UserError(f"the constant '{value.name}' of shape {list(array.shape)} is empty")
    return type_of(array)


def check_size(type_: TensorType) -> None:
    if type_.size > MAX_ELEMENTS:
        raise UserError(
            f"the result {type_} has {type_.size} elements, more than the {MAX_ELEMENTS} that are "
            "supported"
        )


def _instance(node: NodeProto) -> str:
    return next((str(e.value) for e in node.metadata_props if e.key == INSTANCE_KEY), "")


def _attribute_type(number: int) -> str:
    names = {value: name for name, value in onnx.AttributeProto.AttributeType.items()}
    return str(names.get(number, f"number {number}"))
