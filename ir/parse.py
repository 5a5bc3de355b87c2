"""Reading the text form of a graph back; the grammar is what `ir.text` writes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from sightline.ir.attribute import Attribute
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Input, Node, Output
from sightline.ir.op import OPS, Op
from sightline.ir.text import unpack_numbers
from sightline.ir.types import FLOAT32, Element, Int, Quant, TensorType

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<hash>@[0-9a-f]+)
      | (?P<word>[+-]?[\w./]+(?:[+-]\d+)?)
      | (?P<mark>[=(),:\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)


def parse(text: str, constants: Mapping[str, Constant] | None = None) -> Graph:
    """The graph that a text describes. `constants` holds what the text names by hash."""
    reader = _GraphReader(constants or {})
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                reader.read(_Line(line))
            except (UserError, ValueError, TypeError) as error:
                raise UserError(
                    f"cannot read {_clip(line.strip(), 90)!r}: {_clip(str(error), 300)}",
                    where=f"graph text, line {number}",
                ) from error
    return reader.finish()


class _Line:
    """A cursor over the tokens of one line."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                position += len(text[position:]) - len(text[position:].lstrip())
                raise UserError(f"column {position + 1} holds {text[position]!r}")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if not token or (wanted and token not in wanted):
            expected = " or ".join(repr(w) for w in wanted) or "something"
            found = repr(token) if token else "the end of the line"
            raise UserError(f"expected {expected}, found {found}")
        self.at += 1
        return token

    def accept(self, wanted: str) -> bool:
        if self.peek() == wanted:
            self.at += 1
            return True
        return False

    def name(self) -> str:
        kind = self.tokens[self.at][0] if self.peek() else "nothing"
        token = self.take()
        if kind not in ("string", "word"):
            raise UserError(f"expected a name, found {token!r}")
        return str(json.loads(token)) if kind == "string" else token

    def integer(self) -> int:
        token = self.take()
        if not _INTEGER.fullmatch(token):
            raise UserError(f"expected a whole number, found {token!r}")
        return int(token)

    def end(self) -> None:
        if self.peek():
            raise UserError(f"did not expect {self.peek()!r}")


class _GraphReader:
    def __init__(self, constants: Mapping[str, Constant]) -> None:
        self.constants = constants
        self.title: str | None = None
        self.nodes: list[Node] = []
        self.outputs: list[Output] = []

    def read(self, line: _Line) -> None:
        if line.peek() == "graph" and self.title is None:
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
            self.nodes.append(self._node(line))
        line.end()

    def finish(self) -> Graph:
        if self.title is None:
            raise UserError("the text has no line 'graph NAME'")
        return Graph(self.title, tuple(self.nodes), tuple(self.outputs))

    def _node(self, line: _Line) -> Node:
        name = line.name()
        line.take("=")
        kind = line.take()
        if kind == "input":
            type_, instance = self._tail(line)
            return Node(name, Input(type_), (), type_, instance)
        if kind == "const":
            elements = self._value(line)
            type_, instance = self._tail(line)
            return Node(name, Const(_constant(elements, type_)), (), type_, instance)
        if kind not in OPS:
            raise UserError(f"no op is named {kind!r}")
        inputs, attributes = self._operands(line)
        type_, instance = self._tail(line)
        return Node(name, _op(OPS[kind], attributes), inputs, type_, instance)

    def _operands(self, line: _Line) -> tuple[tuple[str, ...], dict[str, Any]]:
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

    def _value(self, line: _Line, depth: int = 0) -> Any:
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
        return int(token) if _INTEGER.fullmatch(token) else float(token)

    def _tail(self, line: _Line) -> tuple[TensorType, str]:
        line.take(":")
        element = _element(line)
        line.take("[")
        shape = []
        while not line.accept("]"):
            shape.append(line.integer())
            line.accept(",")
        instance = line.name() if line.accept("in") else ""
        return TensorType(tuple(shape), element), instance


def _clip(text: str, length: int) -> str:
    """The beginning of a text that may be very long."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _element(line: _Line) -> Element:
    token = line.take()
    if token == "f32":
        return FLOAT32
    if token == "quant":
        line.take("(")
        storage = _int(line.take())
        line.take(",")
        scale = _hex_float(line.take())
        line.take(",")
        zero_point = line.integer()
        line.take(")")
        return Quant(storage, scale, zero_point)
    return _int(token)


def _hex_float(token: str) -> float:
    try:
        return float.fromhex(token)
    except (ValueError, OverflowError):
        raise UserError(f"{token!r} is no hexadecimal number of double precision") from None


def _int(token: str) -> Int:
    if not re.fullmatch(r"[iu]\d{1,2}", token):
        raise UserError(f"{token!r} is no element type")
    return Int(int(token[1:]), token[0] == "i")


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
