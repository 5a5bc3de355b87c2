"""Models that onnxruntime quantized: are our integers those that it computes?

python -m benchmarks.quantized [NETWORK ...]

Node by node, each quantized value is computed from those of onnxruntime before it; end to end, from
the input alone. onnxruntime runs with its graph optimizations off, where most is computed in float
and rounded, and on, where it has integer kernels; those are asked not to saturate their partial
sums, as they else do on processors without dot products of bytes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantFormat, QuantType

from sightline.backends import reference
from sightline.frontend.onnx import read
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph
from sightline.ir.ops.quantization import Dequantize
from sightline.ir.types import Array, Quant
from sightline.passes import pipeline
from sightline.passes.legalize import legalize
from sightline.passes.move_integers import move_integers
from sightline.passes.rebase_unsigned import rebase_unsigned
from tests.support.quantized_models import (
    NETWORKS,
    Form,
    float_model,
    forms,
    frames,
    quantized_model,
)

PASSES = (*pipeline.FLOAT_PASSES, rebase_unsigned, move_integers, legalize)
FRAMES = 20
"""Frames whose values are compared node by node."""

WHOLE_FRAMES = 200
"""Frames that are compared end to end."""

LEAST_EQUAL = 0.999
MOST_APART = 1
LEAST_AGREEING = 0.99

HEAD = (
    "| network | form | optimizations | values | equal | apart | output equal | apart | class |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Agreement:
    """How many of so many integers are equal, and the most that two are apart."""

    equal: int = 0
    total: int = 0
    apart: int = 0

    def __add__(self, other: Agreement) -> Agreement:
        apart = max(self.apart, other.apart)
        return Agreement(self.equal + other.equal, self.total + other.total, apart)

    @property
    def share(self) -> float:
        return self.equal / self.total

    @classmethod
    def of(cls, ours: Array, theirs: Array) -> Agreement:
        difference = np.abs(ours.astype(np.int64) - theirs.astype(np.int64))
        return cls(int((difference == 0).sum()), difference.size, int(difference.max(initial=0)))


@dataclass(frozen=True)
class Row:
    """One model, run by onnxruntime in one way, beside ours."""

    network: str
    form: str
    optimized: bool
    values: int
    nodes: Agreement
    outputs: Agreement
    classes: Agreement
    without_bar: str

    @property
    def values_are_met(self) -> bool:
        return self.nodes.share >= LEAST_EQUAL and self.nodes.apart <= MOST_APART

    @property
    def is_met(self) -> bool:
        classes_are_met = self.classes.share >= LEAST_AGREEING
        return bool(self.without_bar) or (self.values_are_met and classes_are_met)

    def __str__(self) -> str:
        mark = self.without_bar or ("" if self.is_met else "**missed**")
        cells = (
            self.network,
            self.form,
            "on" if self.optimized else "off",
            self.values,
            f"{self.nodes.share:.3%}",
            self.nodes.apart,
            f"{self.outputs.share:.1%}",
            self.outputs.apart,
            f"{self.classes.share:.1%} {mark}".rstrip(),
        )
        return f"| {' | '.join(map(str, cells))} |"


class Pair:
    """A quantized model as onnxruntime has it, and as integers of ours."""

    def __init__(self, path: Path, optimized: bool) -> None:
        imported = read(path).graph
        self.graph = pipeline.run(imported, passes=PASSES)
        model = onnx.load(path)
        self.outputs = [output.name for output in model.graph.output]
        tensors = {name for node in model.graph.node for name in node.output}
        self.theirs = {
            node.name: node.type.element
            for node in imported.operations
            if isinstance(node.type.element, Quant) and node.name in tensors
        }
        self.compared = [node.name for node in self.graph.nodes if node.name in self.theirs]
        self.plain = session(model, optimized)
        for name in self.compared:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
        self.open = session(model, optimized)

    def node_by_node(self, inputs: dict[str, Array]) -> Agreement:
        """Each of our values from theirs: theirs takes the place of ours once they are compared."""
        theirs = dict(zip(self.compared, self.open.run(self.compared, inputs), strict=True))
        found = Agreement()
        values: dict[str, Array] = {}
        for node in evaluate(self.graph, inputs, values):
            if node.name not in theirs or node.name not in values:
                continue
            own, element = values[node.name], node.type.element
            assert isinstance(element, Quant)
            rebased = element.zero_point - self.theirs[node.name].zero_point
            wide = theirs[node.name].astype(np.int64).reshape(own.shape) + rebased
            found += Agreement.of(own, wide)
            values[node.name] = wide.astype(own.dtype)
        return found

    def end_to_end(self, inputs: dict[str, Array]) -> tuple[Agreement, Agreement]:
        """The outputs, in steps of their scale, and the class of the largest."""
        ours = reference.run(self.graph, **inputs)
        theirs = dict(zip(self.outputs, self.plain.run(self.outputs, inputs), strict=True))
        steps, classes = Agreement(), Agreement()
        for label, y in ours.items():
            scale = output_scale(self.graph, label)
            steps += Agreement.of(np.rint(y / scale), np.rint(theirs[label] / scale))
            classes += Agreement.of(y.argmax(1), theirs[label].argmax(1))
        return steps, classes


def why_without_bar(form: Form, optimized: bool) -> str:
    """What keeps a row from being held to the bars, which are those of 8 bits; nothing for most."""
    if form.activations is QuantType.QInt16:
        return "16 bits, factors of 17"
    return "saturates" if saturates(form, optimized) else ""


def saturates(form: Form, optimized: bool) -> bool:
    """Whether onnxruntime has but its saturating kernels; with 7-bit weights they cannot."""
    mixed = form.weights is QuantType.QInt8 or form.per_channel  # whose weights are always int8
    return (
        form.format is QuantFormat.QOperator
        and form.activations is QuantType.QUInt8
        and mixed
        and not optimized
        and not form.reduce_range
    )


def session(model: onnx.ModelProto, optimized: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    operators = {node.op_type for node in model.graph.node}
    if optimized and not (operators & {"QLinearConv", "QGemm"} and is_signed(model)):
        # Asked of models that are int8 throughout, it fails for want of a kernel.
        options.add_session_config_entry("session.x64quantprecision", "1")
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    )
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def is_signed(model: onnx.ModelProto) -> bool:
    """Whether no tensor is of unsigned bytes."""
    return all(t.data_type != onnx.TensorProto.UINT8 for t in model.graph.initializer)


def output_scale(graph: Graph, label: str) -> float:
    """The scale of the integers that an output is made of."""
    node = graph[next(output.node for output in graph.outputs if output.label == label)]
    while not isinstance(node.op, Dequantize):
        node = graph[node.inputs[0]]
    return node.op.of.scale


def compare(
    network: str,
    form: Form,
    path: Path,
    optimized: bool,
    count: int = FRAMES,
    whole: int = WHOLE_FRAMES,
) -> Row:
    pair = Pair(path, optimized)
    (node,) = pair.graph.inputs
    nodes, outputs, classes = Agreement(), Agreement(), Agreement()
    for number, frame in enumerate(frames(node.type.shape, max(count, whole), seed=2)):
        inputs = {node.name: frame}
        if number < count:
            nodes += pair.node_by_node(inputs)
        steps, labels = pair.end_to_end(inputs)
        outputs += steps
        classes += labels
    return Row(
        network,
        str(form),
        optimized,
        len(pair.compared),
        nodes,
        outputs,
        classes,
        why_without_bar(form, optimized),
    )


def rows(networks: Sequence[str], folder: Path) -> Iterator[Row]:
    for network in networks:
        model = float_model(network)
        for form in forms():
            path = quantized_model(model, form, folder)
            for optimized in (False, True):
                yield compare(network, form, path, optimized)


def main(networks: Sequence[str]) -> int:
    """Print the table; how many rows miss their bar."""
    print(HEAD)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(networks or list(NETWORKS), Path(folder)):
            print(row, flush=True)
            missed += not row.is_met
    return missed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
