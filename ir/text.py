"""Graphs as text that reads well and parses back equal.

    graph lenet5
    image = input : f32[1,1,32,32]
    c1.weight = const @3fa9c1d2e3f4a5b6 : f32[6,5,5]
    c1.bias = const [0.5, -0.25, 0.125, 0.0, 0.0, 1.0] : f32[6]
    c1 = conv(image, c1.weight, c1.bias, kernel=[5, 5], maps=[1, 6]) : f32[1,6,28,28] in c1
    return scores=c1

One node a line: name, op, operands, attributes that are not default, type, and the module that
the node came from. Up to 16 elements of a constant stand inline; larger arrays and long attribute
lists are named by 64 bits of their SHA-256 and kept beside the text (`constants_of`).

What an op does by a graph of its own stands in a block, whose inputs are the operands in order:

    y = stage(x, factors) : i20[1,6] {
      x0 = input : i8[1,6]
      x1 = input : i16[1,6]
      integer_mul = integer_mul(x0, x1, bits=20) : i20[1,6]
      return y=integer_mul
    }
"""

from __future__ import annotations

import dataclasses
import json
import re
from numbers import Integral
from typing import Any

import numpy as np

from sightline.ir.attribute import Attribute
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Input, Nested, Node
from sightline.ir.op import Op

INLINE_ELEMENTS = 16
INLINE_NUMBERS = 64

_BARE_NAME = re.compile(r"[\w./]+", re.ASCII)


def to_text(graph: Graph) -> str:
    """The text of a graph; what it names by hash is in `constants_of(graph)`."""
    return "\n".join([f"graph {_name(graph.name)}", *_lines(graph)]) + "\n"


def constants_of(graph: Graph) -> dict[str, Constant]:
    """Everything that the text of a graph names by hash, by that name."""
    found: dict[str, Constant] = {}
    for node in graph.nodes:
        if isinstance(node.op, Const):
            if not _is_inline(node.op.value):
                found[node.op.value.key] = node.op.value
            continue
        if isinstance(node.op, Nested):
            found |= constants_of(node.op.body)
        for value in attributes(node.op).values():
            if _is_packed(value):
                packed = pack_numbers(value)
                found[packed.key] = packed
    return found


def attributes(op: Op) -> dict[str, Any]:
    """The attributes of an op that differ from its defaults, as text form lists them.

    A body is not among them.
    """
    listed: dict[str, Any] = {}
    for field in dataclasses.fields(op):  # type: ignore[arg-type]
        value = getattr(op, field.name)
        if isinstance(value, Attribute):
            listed |= value.to_attributes()
        elif not isinstance(value, Graph) and value != field.default:
            listed[field.name] = value
    return listed


def pack_numbers(value: tuple[Any, ...]) -> Constant:
    """A long list of integers, or of lists of integers, as a constant: (row, number) pairs then."""
    if isinstance(value[0], tuple):
        return Constant(np.array([(r, n) for r, row in enumerate(value) for n in row], np.int32))
    return Constant(np.array(value, np.int32))


def unpack_numbers(constant: Constant) -> tuple[Any, ...]:
    """The inverse of `pack_numbers`."""
    numbers = constant.array
    if numbers.dtype != np.int32 or not numbers.ndim or numbers.shape[1:] not in ((), (2,)):
        raise UserError(f"the constant @{constant.key} of {constant.type} is no list of integers")
    if numbers.ndim == 1:
        return tuple(numbers.tolist())
    rows: list[list[int]] = []
    for row, number in numbers.tolist():
        if row == len(rows):
            rows.append([])
        if not 0 <= row == len(rows) - 1:
            raise UserError(f"the constant @{constant.key} has row {row} after {len(rows) - 1}")
        rows[row].append(number)
    return tuple(tuple(row) for row in rows)


def _lines(graph: Graph) -> list[str]:
    """The lines of a graph after its title."""
    lines = [line for node in graph.nodes for line in _node(node)]
    results = (f"{_name(out.label)}={_name(out.node)}" for out in graph.outputs)
    return [*lines, "return " + ", ".join(results)]


def _node(node: Node) -> list[str]:
    match node.op:
        case Input():
            body = "input"
        case Const(value):
            body = f"const {_array(value)}"
        case op:
            operands = [_name(value) for value in node.inputs]
            operands += [f"{key}={_value(value)}" for key, value in attributes(op).items()]
            body = f"{op.kind}({', '.join(operands)})"
    instance = f" in {_name(node.instance)}" if node.instance else ""
    line = f"{_name(node.name)} = {body} : {node.type}{instance}"
    if isinstance(node.op, Nested):
        return [f"{line} {{", *(f"  {inner}" for inner in _lines(node.op.body)), "}"]
    return [line]


def _is_inline(constant: Constant) -> bool:
    return constant.array.size <= INLINE_ELEMENTS and bool(np.isfinite(constant.array).all())


def _array(constant: Constant) -> str:
    if not _is_inline(constant):
        return f"@{constant.key}"
    return "[" + ", ".join(str(number) for number in constant.array.ravel()) + "]"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if _is_packed(value):
        return f"@{pack_numbers(value).key}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value.item() if isinstance(value, np.generic) else value)


def _is_packed(value: Any) -> bool:
    """Whether a list is too long to stand in the text: tables of hundreds of connections."""
    if not isinstance(value, tuple):
        return False
    numbers = [n for item in value for n in (item if isinstance(item, tuple) else (item,))]
    return len(numbers) > INLINE_NUMBERS and all(isinstance(number, Integral) for number in numbers)


def _name(name: str) -> str:
    return name if _BARE_NAME.fullmatch(name) else json.dumps(name)
