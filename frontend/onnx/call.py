"""One node of the file on its way into the graph: its attributes, operands and results."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import NodeProto

from sightline.frontend.onnx.attributes import Attributes
from sightline.frontend.onnx.codes import Codes
from sightline.frontend.onnx.load import INSTANCE_KEY
from sightline.frontend.onnx.sorting import describe, label
from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Node
from sightline.ir.op import Op
from sightline.ir.ops.quantization import ScaledWeights
from sightline.ir.types import Array, Quant, Shape, TensorType, type_of

MAX_ELEMENTS = 1 << 28
"""No value of a graph has more: 1 GiB of floats. Larger claims are mistakes, or malice.

The constants that are computed while reading have no more in all.
"""


@dataclass(frozen=True, eq=False)
class Known:
    """A value that is known while reading: an initializer, or what was computed of those.

    `codes` are the integers and scales that it is made of, if the file quantizes it.
    """

    array: Array
    name: str
    codes: Codes | None = None


@dataclass
class Spent:
    """How many elements the constants have that were computed while reading this file."""

    elements: int = 0


Value = str | Known
"""A node of the graph under construction, by its name there, or an array."""


class Call(Attributes):
    """What a reader of one operator works with."""

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
        super().__init__(node, file.parent)
        self.opset = opset
        self.name = label(node)
        self.where = f"{file.name}, {describe(node)}"
        self.instance = _instance(node)
        self.results_used = results_used
        self.operands = operands
        self._builder = builder
        self._spent = spent

    def on(self, *operands: Value) -> Call:
        """The same node on other operands: the op on real numbers within a quantized operator.

        Its result has a name beside that of the quantized one.
        """
        inner = copy.copy(self)
        inner.operands = operands
        if self.name == self.node.output[0]:
            inner.name = f"{self.name}.real"
        return inner

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

    def node_of(self, value: str) -> Node:
        return self._builder[value]

    # Results

    def emit(self, op: Op, *operands: Value, part: str = "") -> Value:
        """The op on these values: a node of the graph, or an array if all of them are known.

        `part` tells the steps of one call apart; the last step bears the name of the call, or if
        it is quantized that of the tensor in the file.
        """
        name = f"{self.name}.{part}" if part else self.name
        known = [value for value in operands if isinstance(value, Known)]
        type_ = op.infer(*map(self.type, operands))
        if len(known) == len(operands):
            self.reserve(type_.size)
            codes = known[0].codes.moved(op) if known[0].codes else None
            with np.errstate(all="ignore"):
                return Known(op.evaluate(*(value.array for value in known)), name, codes)
        if isinstance(type_.element, Quant) and not part:
            name = str(self.node.output[0])
        added = self._builder.add(
            op,
            *(self.in_graph(value) for value in operands),
            name=name,
            instance=self.instance,
            where=self.where,
        )
        check_size(self._builder[added].type)
        return added

    def scaled_weights(self, integers: Array, scales: Array, value: Known) -> str:
        """Integers with a scale for each of their planes, as a node named after their value.

        Weights that several nodes share are one node.
        """
        assert value.codes is not None
        operands = (
            self.in_graph(Known(integers, value.codes.name)),
            self.in_graph(Known(scales, f"{value.codes.name}.scales")),
        )
        if value.name in self._builder:
            made = self._builder[value.name]
            if made.op == ScaledWeights() and made.inputs == operands:
                return value.name
        return self._builder.add(
            ScaledWeights(), *operands, name=value.name, instance=self.instance, where=self.where
        )

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
