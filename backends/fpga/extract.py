"""From a graph of integers to what the accelerator computes of it.

    host            accelerator                              host
    quantize ─────▶ stages of filter banks ─ sums ─ arg_max ─▶ dequantize, shapes

It begins at integers that the user names, or else where the inputs of the graph are quantized. What
lies before, and what only scales and shapes its results, is left to the host; any other stage that
it does not take is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sightline.backends.fpga.names import require_distinct
from sightline.backends.fpga.network import (
    Bank,
    Enlarged,
    Follower,
    Labels,
    Layer,
    Network,
    Source,
    Sum,
)
from sightline.backends.fpga.readers import require_readers
from sightline.backends.fpga.refusals import beginnings, stage_refusal
from sightline.backends.fpga.taken import (
    TO_HOST,
    bits_of,
    integers_of,
    is_chain,
    is_known,
    pair,
    require_supported,
    rounding_of,
)
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.integer import IntegerAdd
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Dequantize, Lookup, Quantize, Requantize
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.ops.stage import Stage
from sightline.ir.types import Array, Float32
from sightline.ir.window import Window


def extract(graph: Graph, begin: Sequence[str] = ()) -> Network:
    """What the accelerator computes of a graph, from the values named, or from its first integers.

    `begin` are names of integer values; they may also be given with commas between.
    """
    names = [name for each in begin for name in each.split(",") if name]
    if begin and not names:
        raise UserError("the accelerator is to begin at no value", fix="Name one behind --from.")
    return _Extraction(graph, names or first_integers(graph)).network()


def first_integers(graph: Graph) -> list[str]:
    """What the inputs become before anything is computed."""
    begins = []
    for node in graph.inputs:
        readers = [reader for reader in graph.nodes if node.name in reader.inputs]
        rounded = [each.name for each in readers if isinstance(each.op, Quantize)]
        if not readers:
            continue
        if isinstance(node.type.element, Float32) and len(rounded) != len(readers):
            unrounded = next(each for each in readers if each.name not in rounded)
            raise UserError(
                f"the accelerator computes with integers, but the network computes "
                f"{unrounded.op.kind} of {node.type} in float",
                fix=(
                    "Let it be quantized too, or begin behind it, with --from."
                    if any(isinstance(node.op, Quantize) for node in graph.operations)
                    else "Quantize it: add --calibrate FRAMES."
                ),
                node=unrounded.name,
                where=unrounded.where,
            )
        begins += rounded or [node.name]
    return begins


class _Extraction:
    """Walks the graph once, in its order, and keeps what it made of each node."""

    def __init__(self, graph: Graph, begins: list[str]) -> None:
        self.graph = graph
        self.sources = [self.source(name) for name in begins]
        self.inside: dict[str, Source | Bank | Follower] = {s.name: s for s in self.sources}
        self.outside: set[str] = set()  # results that are the host's again
        self.layers: dict[tuple[object, ...], Layer] = {}

    def network(self) -> Network:
        for node in self.graph.operations:
            if node.name not in self.inside and any(map(self.depends, node.inputs)):
                self.take(node)
        banks = tuple(each for each in self.inside.values() if isinstance(each, Bank))
        followers = tuple(
            each for each in self.inside.values() if isinstance(each, Enlarged | Sum | Labels)
        )
        if not banks:
            raise UserError(
                f"the accelerator would compute nothing: no filter bank follows "
                f"{', '.join(s.name for s in self.sources) or 'the inputs'}"
            )
        require_distinct(self.inside)
        outputs = self.outputs()
        network = Network(self.graph.name, tuple(self.sources), banks, followers, outputs)
        require_readers(self.graph, network)
        return network

    def source(self, name: str) -> Source:
        if name not in self.graph.by_name:
            raise UserError(
                f"the accelerator cannot begin at '{name}': the graph has no such value",
                fix="'sightline inspect DIR' lists them.",
            )
        type_ = self.graph[name].type
        storage = integers_of(type_)
        if storage is None or not storage.signed or storage.bits not in (8, 16):
            later = ",".join(beginnings(self.graph))
            raise UserError(
                f"the accelerator cannot begin at '{name}', which is {type_}: it takes signed "
                "integers of 8 or 16 bits",
                fix=f"Begin with --from {later}." if later else "Name values in such integers.",
            )
        if type_.rank != 4 or type_.shape[0] != 1:
            raise UserError(
                f"the accelerator takes one picture a frame, [1,C,H,W], but '{name}' is {type_}"
            )
        _, channels, height, width = type_.shape
        return Source(name, channels, height, width, storage.bits)

    def depends(self, name: str) -> bool:
        return name in self.inside or name in self.outside

    def take(self, node: Node) -> None:
        """Make of a node what the accelerator computes, or leave it to the host."""
        op = node.op
        if isinstance(op, ArgMax) and op.axis in (1, -3) and len(node.type.shape) == 3:
            scores = self.behind_scale(node.inputs[0])
            if scores:
                self.inside[node.name] = Labels(node.name, scores)
                return
        if isinstance(op, TO_HOST) or any(name in self.outside for name in node.inputs):
            self.outside.add(node.name)
            return
        made = self.bank(node) or self.sum(node) or self.enlarged(node)
        if made is None:
            raise stage_refusal(self.graph, node)
        self.inside[node.name] = made

    def behind_scale(self, name: str) -> str | None:
        """The integers that a value scales: the largest of one is the largest of the other."""
        node = self.graph[name]
        if isinstance(node.op, Dequantize):
            name = node.inputs[0]
        return name if name in self.inside else None

    def outputs(self) -> tuple[str, ...]:
        """Values that the host, or whoever reads the graph's outputs, wants."""
        wanted = {out.node for out in self.graph.outputs}
        for node in self.graph.operations:
            if node.name in self.outside and self.needed(node.name):
                wanted |= set(node.inputs)
        found = tuple(
            name
            for name, each in self.inside.items()
            if name in wanted and not isinstance(each, Source)
        )
        missing = [out for out in self.graph.outputs if not self.depends(out.node)]
        if missing or not found:
            label = missing[0].label if missing else self.graph.outputs[0].label
            raise UserError(
                f"the output '{label}' does not depend on where the accelerator begins, "
                f"{', '.join(s.name for s in self.sources)}"
            )
        return found

    def needed(self, name: str) -> bool:
        """Whether an output of the graph is, or reads, this value of the host."""
        if any(out.node == name for out in self.graph.outputs):
            return True
        readers = [node for node in self.graph.operations if name in node.inputs]
        return any(each.name in self.outside and self.needed(each.name) for each in readers)

    def bank(self, node: Node) -> Bank | None:
        """A stage of filter bank, rounding, [max pooling], [table]; None if it is another."""
        if not isinstance(node.op, Stage) or node.inputs[0] not in self.inside:
            return None
        if not is_chain(node.op) or not is_known(node):
            return None
        ops = [each.op for each in node.op.body.operations]
        bank = next((op for op in ops if isinstance(op, IntegerConv)), None)
        requantize = next(op for op in ops if isinstance(op, Requantize))
        if bank is None:
            return None
        pool = next((op for op in ops if isinstance(op, MaxPool)), MaxPool(Window((1, 1))))
        table = self.constant(node.inputs[-1]) if isinstance(ops[-1], Lookup) else None
        data = self.graph[node.inputs[0]]
        require_supported(node, bank, pool, data.type)
        layer = self.layer(node, bank, requantize, table)
        height, width = data.type.spatial
        return Bank(
            node.name,
            layer,
            data.name,
            node.where,
            height,
            width,
            (bank.window.pads[0], bank.window.pads[1]),
            bank.fill,
            pair(bank.window.slide((height, width))),
            pair(pool.window.kernel),
            pair(pool.window.strides),
            *pair(node.type.spatial),
        )

    def layer(
        self, node: Node, bank: IntegerConv, requantize: Requantize, table: Array | None
    ) -> Layer:
        """The numbers of a bank, one object for all scales that share them."""
        key = (node.inputs[1:], bank.table, bank.window.kernel, bank.window.strides, requantize)
        if key not in self.layers:
            assert isinstance(node.op, Stage)
            operands = dict(zip((n.name for n in node.op.body.inputs), node.inputs, strict=True))
            filters = next(each for each in node.op.body.operations if each.op is bank)
            factors = next(each for each in node.op.body.operations if each.op is requantize)
            weights, *biases = (self.constant(operands[name]) for name in filters.inputs[1:])
            maps = bank.table.maps
            data, result = self.graph[node.inputs[0]].type, node.type
            self.layers[key] = Layer(
                str(self.graph[operands[filters.inputs[1]]].name).removesuffix(".weight"),
                bank.table.channels,
                pair(bank.window.kernel),
                pair(bank.window.strides),
                tuple(bank.table.blocks()),
                weights,
                tuple(biases[0].tolist()) if biases else (0,) * maps,
                rounding_of(requantize, *(self.constant(operands[n]) for n in factors.inputs[1:])),
                table,
                bank.bits,
                bits_of(data),
                8 if np.abs(weights.astype(np.int64)).max() <= 128 else 16,
                bits_of(result),
            )
        return self.layers[key]

    def sum(self, node: Node) -> Sum | None:
        """A stage of two values added and rounded."""
        if not isinstance(node.op, Stage):
            return None
        ops = [each.op for each in node.op.body.operations]
        match ops:
            case [IntegerAdd(), Requantize() as requantize] if is_chain(node.op):
                pass
            case _:
                return None
        left, right = node.inputs[:2]
        if left not in self.inside or right not in self.inside or left == right:
            return None
        if self.graph[left].type.shape != self.graph[right].type.shape:
            return None
        factors = (self.constant(name) for name in node.inputs[2:4])
        return Sum(node.name, left, right, rounding_of(requantize, *factors))

    def enlarged(self, node: Node) -> Enlarged | None:
        if not isinstance(node.op, ResizeNearest):
            return None
        small, op = self.graph[node.inputs[0]].type.spatial, node.op
        factor = op.size[0] // small[0]
        if tuple(op.size) != (small[0] * factor, small[1] * factor):
            return None
        repeated = [
            np.array_equal(op.taps(a, n), np.arange(n * factor) // factor)
            for a, n in enumerate(small)
        ]
        return Enlarged(node.name, node.inputs[0], factor) if all(repeated) else None

    def constant(self, name: str) -> Array:
        op = self.graph[name].op
        assert isinstance(op, Const)
        return op.value.array
