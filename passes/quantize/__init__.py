"""A float graph with its roundings in it: Quantize and Dequantize where integers will be.

    x → conv → tanh → y    ⇒    x → Quantize → Dequantize → conv, with ScaledWeights
                                  → Quantize (index) → Dequantize → tanh → Quantize → Dequantize → y

It still computes in float, and prints as any graph does; `legalize` makes integers of it. Models
that were quantized elsewhere come in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Input, Node
from sightline.ir.op import Op
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.quantization import Dequantize, InFloat, Quantize, ScaledWeights
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.passes.bias_correction import bias_correction
from sightline.passes.legalize.coded import EXACT
from sightline.passes.move_integers import on_integers
from sightline.passes.precision import Precisions
from sightline.passes.quantize.encodings import Encodings
from sightline.passes.quantize.regions import Regions
from sightline.passes.quantize.roles import Role
from sightline.passes.quantize.weights import QuantizedWeights, quantized_weights


def quantize(
    graph: Graph,
    regions: Regions,
    encodings: Encodings,
    precisions: Precisions,
    means: Mapping[str, Array] | None = None,
) -> Graph:
    """The graph that rounds the values of `regions`, as their encodings say.

    `means` of the channels of values, if given, correct biases for what rounded weights lose.
    """
    return _Quantizer(graph, regions, encodings, precisions, means or {}).run()


class _Quantizer:
    def __init__(
        self,
        graph: Graph,
        regions: Regions,
        encodings: Encodings,
        precisions: Precisions,
        means: Mapping[str, Array],
    ) -> None:
        self.graph = graph
        self.regions = regions
        self.encodings = encodings.values
        self.indices = encodings.indices
        self.precisions = precisions
        self.means = means
        self.builder = GraphBuilder(graph.name)
        # By their name in the float graph: values as they are computed, their integers, and what
        # those stand for.
        self.reals: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.decoded: dict[str, str] = {}
        self.constants: dict[Constant, str] = {}
        self.scaled: dict[tuple[str, str], str] = {}
        self.reader = {value: node.name for node in graph.operations for value in node.inputs}
        # What the banks read that share their weights.
        self.read: dict[tuple[Table, tuple[str, ...]], list[str]] = {}
        for node in graph.operations:
            if isinstance(node.op, Conv) and regions.roles[node.name] is Role.EXACT:
                key = node.op.table, node.inputs[1:]
                self.read.setdefault(key, []).append(node.inputs[0])

    def run(self) -> Graph:
        for node in self.graph.inputs:  # first, so that they keep their names
            self.reals[node.name] = self.builder.keep(node, ())
        for node in self.graph.nodes:
            self._visit(node)
        for output in self.graph.outputs:
            given = isinstance(self.graph[output.node].op, Input)
            value = self.reals[output.node] if given else self._real(output.node)
            self.builder.output(value, output.label)
        return self.builder.finish()

    def _visit(self, node: Node) -> None:
        name, role = node.name, self.regions.roles[node.name]
        if node.is_leaf and name not in self.encodings:
            return  # there already, or made where it is read: integers take the place of most
        if role is Role.LABEL and node.inputs[0] in self.encodings:
            self.reals[name] = self.builder.keep(node, (self.codes[node.inputs[0]],))
            return
        if role is Role.MOVE and name in self.encodings:
            op = on_integers(node.op, self.encodings[name])
            moved = tuple(self.codes[value] for value in node.inputs)
            self.codes[name] = self.builder.keep(replace(node, op=op), moved)
            return
        if isinstance(node.op, Conv) and role is Role.EXACT:
            operands = self._bank(node, node.op)
        elif name in self.indices:
            operands = (self._index(node),)
        else:
            operands = tuple(map(self._real, node.inputs))
        if name not in self.encodings:
            self.reals[name] = self.builder.keep(node, operands)
            return
        if name not in self.reals:
            exact = node if node.is_leaf else replace(node, name=name + EXACT)
            self.reals[name] = self.builder.keep(exact, operands)
        if role is Role.FLOAT and not node.is_leaf:
            self.reals[name] = self._add(node, InFloat(), self.reals[name], suffix=".float")
        self.codes[name] = self._add(
            node, Quantize(self.encodings[name]), self.reals[name], suffix=".q" * node.is_leaf
        )

    def _real(self, value: str) -> str:
        """What readers in float see: the numbers that integers stand for, where there are any."""
        if value not in self.codes:
            if value not in self.reals:
                self.reals[value] = self.builder.keep(self.graph[value], ())
            return self.reals[value]
        if value not in self.decoded:
            node, code = self.graph[value], self.codes[value]
            self.decoded[value] = self._add(node, Dequantize(self.encodings[value]), code, ".real")
        return self.decoded[value]

    def _index(self, function: Node) -> str:
        """An operand rounded to what a table is indexed by."""
        encoding, real = self.indices[function.name], self._real(function.inputs[0])
        index = self._add(function, Quantize(encoding), real, suffix=".index")
        return self._add(function, Dequantize(encoding), index, suffix=".index.real")

    def _bank(self, node: Node, op: Conv) -> tuple[str, ...]:
        """The operands of a filter bank, with integer weights."""
        arrays = [self._array(value) for value in node.inputs[1:]]
        for array, value in zip(arrays, node.inputs[1:], strict=True):
            if not np.isfinite(array).all():
                raise UserError(
                    f"'{value}' holds numbers that are not finite", node=node.name, where=node.where
                )
        weights, bias = arrays[0], arrays[1] if len(arrays) > 1 else None
        x, step = self.encodings[node.inputs[0]], self._step(node)
        precision = self.precisions.of(node)
        quantized = quantized_weights(op, weights, bias, precision, x.scale, step)
        operands = [self._real(node.inputs[0]), self._scaled(node, quantized)]
        means = [self.means[x] for x in self.read[op.table, node.inputs[1:]] if x in self.means]
        if means:
            # Banks that share weights share what corrects their bias: it is that of their average.
            change = bias_correction(op.table, weights, quantized.real, np.mean(means, axis=0))
            bias = (change if bias is None else bias + change).astype(np.float32)
        if bias is not None:
            name = node.inputs[2] if len(node.inputs) > 2 else f"{node.name}.bias"
            operands.append(self._constant(Constant(bias), name, node))
        return tuple(operands)

    def _step(self, node: Node) -> float:
        """What the results of a bank are rounded to, behind the limits that alone read them."""
        name = node.name
        while name not in self.encodings:
            name = self.reader[name]
        return self.encodings[name].scale

    def _scaled(self, node: Node, weights: QuantizedWeights) -> str:
        name = node.inputs[1]
        integers = self._constant(Constant(weights.integers, weights.element), name, node)
        scales = self._constant(Constant(weights.scales), f"{name}.scales", node)
        if (integers, scales) not in self.scaled:
            self.scaled[integers, scales] = self.builder.add(
                ScaledWeights(),
                integers,
                scales,
                name=f"{integers}.real",
                instance=node.instance,
                where=node.where,
            )
        return self.scaled[integers, scales]

    def _constant(self, constant: Constant, name: str, node: Node) -> str:
        """A constant, once for all that share it."""
        if constant not in self.constants:
            self.constants[constant] = self.builder.constant(
                constant, name, node.instance, node.where
            )
        return self.constants[constant]

    def _array(self, value: str) -> Array:
        op = self.graph[value].op
        assert isinstance(op, Const)
        return op.value.array

    def _add(self, node: Node, op: Op, value: str, suffix: str) -> str:
        return self.builder.add(
            op, value, name=node.name + suffix, instance=node.instance, where=node.where
        )
