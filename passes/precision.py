"""How precisely a network is computed: bits of activations, weights and table indices, by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Node


@dataclass(frozen=True)
class Precision:
    """Bits of a layer's results and weights, and of what a table is indexed by.

    `scale` is one for all values and weights; without, each has what its range asks for.
    """

    name: str
    bits: int
    weight_bits: int
    index_bits: int
    scale: float | None = None


INT8 = Precision("int8", 8, 8, 10)
INT16 = Precision("int16", 16, 16, 12)
Q8_8 = Precision("q8.8", 16, 16, 12, scale=2.0**-8)
FLOAT = Precision("float", 0, 0, 0)
PRECISIONS = {precision.name: precision for precision in (INT8, INT16, Q8_8, FLOAT)}


@dataclass(frozen=True)
class Precisions:
    """One for the network, and others for some layers: the last that names a layer holds.

    A layer is named by its node, or by the module it came from, which may hold others.
    """

    default: Precision
    layers: tuple[tuple[str, Precision], ...] = ()

    def of(self, node: Node) -> Precision:
        found = self.default
        for name, precision in self.layers:
            if _names(name, node):
                found = precision
        return found

    @classmethod
    def parse(cls, words: str | Sequence[str]) -> Precisions:
        """`int8`, or several words of which others are `LAYER=int16`."""
        default, layers = None, []
        for word in (words,) if isinstance(words, str) else words:
            layer, equals, name = word.rpartition("=")
            if name not in PRECISIONS:
                raise UserError(
                    f"there is no precision '{name}'",
                    fix=f"Choose from {', '.join(PRECISIONS)}, or LAYER=PRECISION for one layer.",
                )
            if equals:
                layers.append((layer, PRECISIONS[name]))
            elif default not in (None, PRECISIONS[name]):
                raise UserError(
                    f"the network is to have the precisions {default.name} and {name}",
                    fix="Give one for all of it, and others as LAYER=PRECISION.",
                )
            else:
                default = PRECISIONS[name]
        return cls(default or INT8, tuple(layers))

    def require_layers(self, graph: Graph) -> None:
        """Refuse names that no layer of the graph has."""
        for name, _ in self.layers:
            if not any(_names(name, node) for node in graph.operations):
                known = dict.fromkeys(
                    part for node in graph.operations for part in (node.instance, node.name) if part
                )
                close = get_close_matches(name, known, n=3)
                guess = f"Did you mean {' or '.join(close)}? " if close else ""
                raise UserError(
                    f"a precision is given for '{name}', which is no layer of {graph.name}",
                    fix=f"{guess}'sightline inspect --optimized' lists the layers.",
                )

    def __str__(self) -> str:
        return ",".join([self.default.name, *(f"{n}={p.name}" for n, p in self.layers)])


def _names(name: str, node: Node) -> bool:
    """Whether a name is that of a node, or of a module that it is part of."""
    paths = (node.name, node.instance)
    return bool(name) and any(path == name or path.startswith(f"{name}.") for path in paths)
