"""How far the integers of a quantized network are from its floats: layer by layer, and at its end.

Two ratios of signal to noise for each layer. The first is of what it gives in the network, with all
that went wrong before it. The second is its own: of what it makes of the integers that it is given,
against what the float layer makes of the same; the layer in which that is lowest loses most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sightline.frontend.model import Model
from sightline.ir import fixed
from sightline.ir.errors import UserError
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph, Input, Node, Output
from sightline.ir.ops.quantization import Quantize
from sightline.ir.progress import Report, silent
from sightline.ir.types import Array, Quant
from sightline.passes.move_integers import MOVES
from sightline.remedy import remedy


@dataclass
class Ratio:
    """Of the power of a signal to that of what differs from it, over all frames."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, wanted: Array, found: Array) -> None:
        exact = wanted.astype(np.float64)
        self.signal += float(np.square(exact).sum())
        self.noise += float(np.square(found - exact).sum())

    @property
    def decibels(self) -> float:
        """Infinite without noise."""
        if not self.noise:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf


@dataclass
class Layer:
    """A value that is kept as integers, and the ratios of its signal to its noise.

    `remedy` is what to ask for at the next quantization, for 16 bits where there are fewer.
    """

    name: str
    kind: str
    element: Quant
    remedy: tuple[str, ...] = ()
    whole: Ratio = field(default_factory=Ratio)
    own: Ratio = field(default_factory=Ratio)


@dataclass
class Result:
    """An output of the network. Of scores, the largest along axis 1 is compared as well."""

    label: str
    ratio: Ratio = field(default_factory=Ratio)
    alike: int = 0
    compared: int = 0

    def compare(self, wanted: Array, found: Array) -> None:
        self.ratio.add(wanted, found)
        if wanted.ndim > 1 and wanted.shape[1] > 1 and wanted.dtype.kind == "f":
            wanted, found = wanted.argmax(1), found.argmax(1)
        if wanted.dtype.kind != "f":
            self.alike += int((wanted == found).sum())
            self.compared += wanted.size

    @property
    def agreement(self) -> float | None:
        """Of labels, or of the largest scores; None if there are neither."""
        return self.alike / self.compared if self.compared else None


@dataclass(frozen=True)
class Accuracy:
    """What quantization lost, over some frames."""

    frames: int
    layers: tuple[Layer, ...]
    results: tuple[Result, ...]

    @property
    def worst(self) -> Layer | None:
        """The layer that loses most of its own; None if nothing is lost."""
        lossy = (layer for layer in self.layers if layer.own.noise)
        return min(lossy, key=lambda layer: layer.own.decibels, default=None)

    def to_dict(self) -> dict[str, Any]:
        worst = self.worst
        return {
            "frames": self.frames,
            "layers": [
                {
                    "name": layer.name,
                    "op": layer.kind,
                    "bits": layer.element.storage.bits,
                    "scale": layer.element.scale,
                    "zero_point": layer.element.zero_point,
                    "snr_db": finite(layer.whole.decibels),
                    "own_snr_db": finite(layer.own.decibels),
                }
                for layer in self.layers
            ],
            "outputs": [
                {
                    "name": result.label,
                    "snr_db": finite(result.ratio.decibels),
                    "argmax_agreement": result.agreement,
                }
                for result in self.results
            ],
            "loses_most": worst.name if worst else None,
            "try": list(worst.remedy) if worst else [],
        }


def finite(decibels: float) -> float | None:
    """None for what JSON has no number for: no noise at all."""
    return decibels if math.isfinite(decibels) else None


def require_folder(artifact: str) -> None:
    """Refuse what is no folder, and so not what `sightline quantize` wrote."""
    if not Path(artifact).is_dir():
        raise UserError(
            f"'{artifact}' is no artifact's folder, and accuracy is of what was quantized",
            fix="First write one with 'sightline quantize MODEL FRAMES -o DIR', then name DIR.",
        )


def require_original(model: Model) -> Graph:
    """The float graph that a model was quantized from."""
    if model.original is None:
        raise UserError(
            "the artifact does not hold the float network that it was made of",
            fix="Name what 'sightline quantize', or 'compile --calibrate', has written.",
        )
    return model.original


def measure(
    original: Graph,
    quantized: Graph,
    frames: Iterable[Mapping[str, Array]],
    report: Report = silent,
) -> Accuracy:
    """Both graphs on the same frames; what goes by the same name in both is compared."""
    pairs = list(_pairs(original, quantized))
    results = [Result(output.label) for output in quantized.outputs]
    wanted_by = {output.label: output.node for output in original.outputs}
    exact_names = {pair.layer.name for pair in pairs} | set(wanted_by.values())
    names = {pair.layer.name for pair in pairs} | {output.node for output in quantized.outputs}
    names |= {value for pair in pairs for value in pair.operands}
    total = len(frames) if isinstance(frames, Sized) else None
    count = 0
    for count, frame in enumerate(frames, 1):
        report("comparing", count - 1, count if total is None else total)
        wanted, found = _values(original, frame, exact_names), _values(quantized, frame, names)
        for pair in pairs:
            pair.compare(wanted, found)
        for result, output in zip(results, quantized.outputs, strict=True):
            result.compare(wanted[wanted_by[output.label]], found[output.node])
    if not count:
        raise UserError("there are no frames to compare on", fix="Give one or more.")
    report("comparing", count, count)
    return Accuracy(count, tuple(pair.layer for pair in pairs), tuple(results))


def _values(graph: Graph, frame: Mapping[str, Array], names: set[str]) -> dict[str, Array]:
    """The values of these names on a frame; the others are let go of as soon as they can be."""
    found: dict[str, Array] = {}
    values: dict[str, Array] = {}
    for node in evaluate(graph, frame, values):
        if node.name in names:
            found[node.name] = values[node.name]
    return found


@dataclass(frozen=True)
class _Pair:
    """A layer in integers, and the part of the float graph that it stands for.

    `operands` are the integers that the layer is given, and the float values that they stand for;
    there is no part if they do not stand for all that the float layer is made of.
    """

    layer: Layer
    operands: Mapping[str, str]
    elements: Mapping[str, Quant]
    part: Graph | None

    def compare(self, wanted: Mapping[str, Array], found: Mapping[str, Array]) -> None:
        name = self.layer.name
        real = dequantized(found[name], self.layer.element)
        self.layer.whole.add(wanted[name], real)
        if self.part is not None:
            given = {
                value: dequantized(found[operand], self.elements[operand])
                for operand, value in self.operands.items()
            }
            self.layer.own.add(_values(self.part, given, {name})[name], real)


def dequantized(integers: Array, element: Quant) -> Array:
    return fixed.dequantize(integers, element.scale, element.zero_point)


def _pairs(original: Graph, quantized: Graph) -> Iterator[_Pair]:
    for node in quantized.operations:
        element = node.type.element
        if not isinstance(element, Quant) or isinstance(node.op, (*MOVES, Quantize)):
            continue
        if node.name not in original.by_name or original[node.name].type.shape != node.type.shape:
            continue
        operands = dict(_operands(original, quantized, node))
        elements = {o: e for o in operands if isinstance(e := quantized[o].type.element, Quant)}
        made = _made(original, node.name, set(operands.values()))
        layer = Layer(node.name, node.op.kind, element, remedy(original, made, node))
        yield _Pair(layer, operands, elements, _part(original, node.name, made))


def _operands(original: Graph, quantized: Graph, node: Node) -> Iterator[tuple[str, str]]:
    """The nearest values above a node that stand for values of the float graph, and those."""
    left, seen = list(node.inputs), set()
    while left:
        value = quantized[left.pop()]
        if value.name in seen:
            continue
        seen.add(value.name)
        name = value.name
        if isinstance(value.op, Quantize) and name not in original.by_name:
            name = value.inputs[0]  # of an input of the network, or of what stays in float
        known = name in original.by_name and original[name].type.shape == value.type.shape
        if isinstance(value.type.element, Quant) and known:
            yield value.name, name
        else:
            left += value.inputs


def _made(original: Graph, name: str, given: set[str]) -> list[Node]:
    """What a float value is made of, from given ones; inputs of the graph among them."""
    needed, left = set(), [name]
    while left:
        value = left.pop()
        if value not in needed and (value == name or value not in given):
            needed.add(value)
            left += original[value].inputs
    return [node for node in original.nodes if node.name in needed]


def _part(original: Graph, name: str, made: Sequence[Node]) -> Graph | None:
    """The float graph of what a value is made of; None if inputs of the network are among that."""
    if any(isinstance(node.op, Input) for node in made):
        return None
    within = {node.name for node in made}
    read = dict.fromkeys(value for node in made for value in node.inputs if value not in within)
    inputs = (Node(value, Input(type_ := original[value].type), (), type_) for value in read)
    return Graph(original.name, (*inputs, *made), (Output(name, name),))
