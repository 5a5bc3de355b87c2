"""Reading the text form of a graph back; the grammar is what `ir.text` writes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from sightline.ir.attribute import Attribute
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Input, Node, Output
from sightline.ir.op import OPS, Op
from sightline.ir.text import unpack_numbers
from sightline.ir.tokens import INTEGER, Line, read_type
from sightline.ir.types import TensorType


def parse(text: str, constants: Mapping[str, Constant] | None = None) -> Graph:
    """The graph that a text describes. `constants` holds what the text names by hash."""
    reader = _GraphReader(constants or {})
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                reader.read(Line(line))
            except (UserError, ValueError, TypeError) as error:
                raise UserError(
                    f"cannot read {_clip(line.strip(), 90)!r}: {_clip(str(error), 300)}",
                    where=f"graph text, line {number}",
                ) from error
    return reader.finish()


@dataclass(frozen=True)
class _Opened:
    """A node whose body is read line by line."""

    name: str
    cls: type[Op]
    inputs: tuple[str, ...]
    attributes: dict[str, Any]
    type: TensorType
    instance: str
    body: _GraphReader

    def closed(self) -> Node:
        if "body" in self.attributes:
            raise UserError("the attribute body is given twice")
        op = _op(self.cls, self.attributes | {"body": self.body.finish()})
        return Node(self.name, op, self.inputs, self.type, self.instance)


class _GraphReader:
    def __init__(self, constants: Mapping[str, Constant], title: str | None = None) -> None:
        self.constants = constants
        self.is_body = title is not None
        self.title = title
        self.nodes: list[Node] = []
        self.outputs: list[Output] = []
        self.opened: _Opened | None = None

    def read(self, line: Line) -> None:
        if self.opened is not None and line.peek() != "}":
            self.opened.body.read(line)
            return
        if self.opened is not None:
            line.take()
            self.nodes.append(self.opened.closed())
            self.opened = None
        elif line.peek() == "graph" and self.title is None:
            line.take()
            self.title = line.name()
        elif line.peek() == "return" and line.peek(1) != "=":
            line.take()
            while True:
                label = line.name()
                line.take("=")
                self.outputs.append(Output(label, line.name()))
                if not line.accept(","):
                    break
        else:
            self._read_node(line)
        line.end()

    def finish(self) -> Graph:
        if self.title is None:
            raise UserError("the text has no line 'graph NAME'")
        if self.opened is not None:
            raise UserError(f"the block of '{self.opened.name}' has no end '}}'")
        return Graph(self.title, tuple(self.nodes), tuple(self.outputs))

    def _read_node(self, line: Line) -> None:
        name = line.name()
        line.take("=")
        kind = line.take()
        if kind == "input":
            type_, instance = self._tail(line)
            self.nodes.append(Node(name, Input(type_), (), type_, instance))
        elif kind == "const":
            elements = self._value(line)
            type_, instance = self._tail(line)
            const = Const(_constant(elements, type_))
            self.nodes.append(Node(name, const, (), type_, instance))
        elif kind in OPS:
            inputs, attributes = self._operands(line)
            type_, instance = self._tail(line)
            if line.accept("{"):
                body = self._body()
                cls = OPS[kind]
                self.opened = _Opened(name, cls, inputs, attributes, type_, instance, body)
            else:
                op = _op(OPS[kind], attributes)
                self.nodes.append(Node(name, op, inputs, type_, instance))
        else:
            raise UserError(f"no op is named {kind!r}")

    def _body(self) -> _GraphReader:
        if self.is_body:
            raise UserError("blocks go one deep, and this one goes deeper")
        return _GraphReader(self.constants, "body")

    def _operands(self, line: Line) -> tuple[tuple[str, ...], dict[str, Any]]:
        inputs: list[str] = []
        attributes: dict[str, Any] = {}
        line.take("(")
        while not line.accept(")"):
            if line.peek(1) == "=":
                key = line.take()
                line.take("=")
                if key in attributes:
                    raise UserError(f"the attribute {key} is given twice")
                value = self._value(line)
                attributes[key] = unpack_numbers(value) if isinstance(value, Constant) else value
            else:
                inputs.append(line.name())
            if line.peek() != ")":
                line.take(",")
        return tuple(inputs), attributes

    def _value(self, line: Line, depth: int = 0) -> Any:
        token = line.take()
        if token == "[":
            if depth == 2:
                raise UserError("lists go two deep, and this one goes deeper")
            items = []
            while not line.accept("]"):
                items.append(self._value(line, depth + 1))
                if line.peek() != "]":
                    line.take(",")
            return tuple(items)
        if token.startswith("@"):
            if token[1:] not in self.constants:
                raise UserError(f"the constant {token} is not among those given")
            return self.constants[token[1:]]
        if token.startswith('"'):
            return json.loads(token)
        if token in ("true", "false"):
            return token == "true"
        return int(token) if INTEGER.fullmatch(token) else float(token)

    def _tail(self, line: Line) -> tuple[TensorType, str]:
        line.take(":")
        type_ = read_type(line)
        return type_, line.name() if line.accept("in") else ""


def _clip(text: str, length: int) -> str:
    """The beginning of a text that may be very long."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _constant(elements: Any, type_: TensorType) -> Constant:
    if isinstance(elements, Constant):
        if elements.type != type_:
            raise UserError(f"the constant @{elements.key} is {elements.type}, not {type_}")
        return elements
    if not isinstance(elements, tuple) or len(elements) != type_.size:
        raise UserError(f"the listed elements do not fill {type_}")
    for number in elements:
        if not _fits(number, float) or not type_.element.holds(number):
            raise UserError(f"{number!r} is no element of {type_}")
    array = np.array(elements, type_.element.dtype)
    return Constant(array.reshape(type_.shape), type_.element)


def _op(cls: type[Op], attributes: dict[str, Any]) -> Op:
    """An op from its listed attributes; those of a Window or a Table go to it."""
    arguments: dict[str, Any] = {}
    left = dict(attributes)
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, Attribute):
            own = {key: left.pop(key) for key in hint.KEYS if key in left}
            arguments[field.name] = hint.from_attributes(own)
        elif field.name in left:
            value = arguments[field.name] = left.pop(field.name)
            if not _fits(value, hint):
                raise UserError(f"{cls.kind} cannot have {field.name}={value!r}")
        elif field.default is dataclasses.MISSING:
            raise UserError(f"{cls.kind} lacks the attribute {field.name}")
    if left:
        raise UserError(f"{cls.kind} has no attribute {', '.join(left)}")
    return cls(**arguments)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of a field: a number, a string, or a tuple of them."""
    if get_origin(hint) is tuple:
        (of, _) = get_args(hint)
        return isinstance(value, tuple) and all(_fits(item, of) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint
