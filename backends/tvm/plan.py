"""What a compiled graph does when it runs: calls of kernels on places in memory. Plain data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sightline.backends.tvm.layout import Packing, Sums
from sightline.ir.types import Shape

Lifetime = tuple[int, int]
"""The first and the last call at which a value must be there, both included."""


@dataclass(frozen=True)
class Argument:
    """An array that a kernel reads or writes: a node's value, or a table, under some shape."""

    kind: str
    """"value" (in memory that the plan places), "constant" (of the graph) or "table"."""

    name: str
    shape: Shape
    dtype: str

    packing: Packing | Sums | None = None
    """The order that a constant is brought into, or what is made of it."""

    @classmethod
    def of(
        cls, kind: str, name: str, buffer: Any, packing: Packing | Sums | None = None
    ) -> Argument:
        """As TVM's buffer or tensor says."""
        return cls(kind, name, tuple(map(int, buffer.shape)), str(buffer.dtype), packing)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Argument:
        return cls(
            str(fields["kind"]),
            str(fields["name"]),
            tuple(map(int, fields["shape"])),
            str(fields["dtype"]),
            _packing(fields["packing"]) if fields["packing"] else None,
        )


def _packing(fields: Mapping[str, Any]) -> Packing | Sums:
    return (Sums if "factor" in fields else Packing).from_json(fields)


@dataclass(frozen=True)
class Call:
    """One run of a kernel, for nodes of the graph; the last argument is the last one's result."""

    nodes: tuple[str, ...]
    kernel: str
    arguments: tuple[Argument, ...]

    @property
    def label(self) -> str:
        """What it does, for people: `conv1 + relu1`; what a stage holds has its name."""
        last = self.nodes[-1]
        outer = [name for name in self.nodes[:-1] if not name.startswith(f"{last}.")]
        return " + ".join([*outer, last])

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Call:
        arguments = tuple(map(Argument.from_json, fields["arguments"]))
        return cls(tuple(map(str, fields["nodes"])), str(fields["kernel"]), arguments)


@dataclass(frozen=True)
class Plan:
    """The calls in order, and where values lie.

    `buffers` are sizes in bytes; `places` says in which of them each value lies, and `renamed` of
    which node a node is but another name.
    """

    calls: tuple[Call, ...]
    buffers: tuple[int, ...]
    places: Mapping[str, int]
    renamed: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Plan:
        return cls(
            tuple(map(Call.from_json, fields["calls"])),
            tuple(map(int, fields["buffers"])),
            {str(name): int(place) for name, place in fields["places"].items()},
            {str(name): str(node) for name, node in fields["renamed"].items()},
        )


def lifetimes(
    calls: Sequence[Call], inputs: Iterable[str], outputs: Iterable[str]
) -> dict[str, Lifetime]:
    """When each value is written and last read. Inputs come first, outputs outlast every call."""
    lives = dict.fromkeys(inputs, (-1, -1))
    for number, call in enumerate(calls):
        *operands, result = call.arguments
        for operand in operands:
            if operand.kind == "value":
                lives[operand.name] = (lives[operand.name][0], number)
        lives[result.name] = (number, number)
    for name in outputs:
        lives[name] = (lives[name][0], len(calls))
    return lives


def place(
    sizes: Mapping[str, int], lives: Mapping[str, Lifetime]
) -> tuple[tuple[int, ...], dict[str, int]]:
    """Buffers that values share when their lives do not meet, and the buffer of each value."""
    births = sorted(lives, key=lambda name: lives[name][0])
    return share(sizes, births, lambda old, new: lives[old][1] < lives[new][0])


def share(
    sizes: Mapping[str, int], births: Iterable[str], is_over: Callable[[str, str], bool]
) -> tuple[tuple[int, ...], dict[str, int]]:
    """Buffers, and the buffer of each value, which one takes after another that is over by then.

    Each value, in the order of their births, takes the free buffer that is nearest to its size, and
    the buffer grows if it must.
    """
    buffers: list[int] = []
    held: list[str] = []
    places: dict[str, int] = {}
    for name in births:
        size = sizes[name]
        free = [number for number, old in enumerate(held) if is_over(old, name)]
        if free:
            # One that fits, if any, and the least waste; else the one that must grow least.
            best = min(
                free, key=lambda number: (buffers[number] < size, abs(buffers[number] - size))
            )
        else:
            best = len(buffers)
            buffers.append(0)
            held.append(name)
        buffers[best] = max(buffers[best], size)
        held[best] = name
        places[name] = best
    return tuple(buffers), places


def dumps(fields: Mapping[str, Any]) -> str:
    """A JSON object with one line for each element of a list, so that people can read it."""

    def text(value: Any) -> str:
        if not isinstance(value, list | tuple) or not value:
            return json.dumps(value)
        return "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"

    lines = [f"  {json.dumps(key)}: {text(value)}" for key, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"
