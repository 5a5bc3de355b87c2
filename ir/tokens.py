"""The words of a graph's text, one line at a time, and the types that they spell."""

from __future__ import annotations

import json
import re

from sightline.ir.errors import UserError
from sightline.ir.types import FLOAT32, Element, Int, Quant, TensorType

INTEGER = re.compile(r"[+-]?\d+", re.ASCII)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<hash>@[0-9a-f]+)
      | (?P<word>[+-]?[\w./]+(?:[+-]\d+)?)
      | (?P<mark>[=(),:\[\]{}])
    )""",
    re.VERBOSE | re.ASCII,
)


class Line:
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
        if not INTEGER.fullmatch(token):
            raise UserError(f"expected a whole number, found {token!r}")
        return int(token)

    def end(self) -> None:
        if self.peek():
            raise UserError(f"did not expect {self.peek()!r}")


def read_type(line: Line) -> TensorType:
    """An element and a shape: `i8[1,3,240,320]`."""
    element = _element(line)
    line.take("[")
    shape = []
    while not line.accept("]"):
        shape.append(line.integer())
        line.accept(",")
    return TensorType(tuple(shape), element)


def parse_element(text: str) -> Element:
    """The element that a text spells: `f32`, `i9`, `quant(i8,0x1.8p-3,-7)`."""
    line = Line(text)
    try:
        element = _element(line)
    except ValueError as error:
        raise UserError(str(error)) from error
    line.end()
    return element


def _element(line: Line) -> Element:
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
