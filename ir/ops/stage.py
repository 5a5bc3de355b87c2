"""A group of ops as one: what a kernel, or a hardware engine, does in one go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.errors import UserError
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Const, Graph, Nested
from sightline.ir.op import Sample, op
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.quantization import Lookup, Requantize
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType, type_of
from sightline.ir.window import Window

BODY = "body"
"""The name of every body, so that stages that do the same are equal."""


@op
@dataclass(frozen=True)
class Stage(Nested):
    """What its body computes, in one go: a filter bank, its rounding, its table.

    The operands are the inputs of the body in their order. Constants are operands too, so that
    weights which several stages share stay one constant; a body holds none, and no other stage.
    """

    body: Graph

    def __post_init__(self) -> None:
        super().__post_init__()
        for node in self.body.nodes:
            if isinstance(node.op, Const | Nested):
                raise UserError(
                    f"the body of a stage has '{node.name}', and can hold neither constants nor "
                    "other stages"
                )
        if len(self.body.outputs) != 1:
            raise UserError(f"a stage has one result, not {len(self.body.outputs)}")
        object.__setattr__(self, "body", self.body.renamed(BODY))

    @property
    def result(self) -> str:
        """The node of the body that computes the result."""
        return self.body.outputs[0].node

    def infer(self, *operands: TensorType) -> TensorType:
        wanted = tuple(node.type for node in self.body.inputs)
        if operands != wanted:
            raise UserError(f"the stage takes {_list(wanted)}, but is given {_list(operands)}")
        return self.body[self.result].type

    def evaluate(self, *operands: Array) -> Array:
        names = (node.name for node in self.body.inputs)
        values: dict[str, Array] = {}
        for _ in evaluate(self.body, dict(zip(names, operands, strict=True)), values):
            pass
        return values[self.result]

    def macs(self, *operands: TensorType) -> int:
        return self.body.total_macs

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Sample:
        table = Table.dense(2, int(rng.integers(1, 4)))
        data = rng.integers(-128, 128, (1, 2, 5, 6)).astype(np.int8)
        constants = (
            rng.integers(-127, 128, (table.pairs, 2, 2)).astype(np.int8),
            rng.integers(1, 1 << 16, (1, table.maps, 1, 1)).astype(np.int32),
            rng.integers(20, 25, (1, table.maps, 1, 1)).astype(np.int8),
            rng.integers(-128, 128, 256).astype(np.int8),
        )
        to, fill = Encoding(8, 0.5), int(rng.integers(-128, 128))
        body = GraphBuilder(BODY)
        types = [type_of(array) for array in (data, *constants)]
        x, weights, *factors, entries = [body.input(f"x{n}", t) for n, t in enumerate(types)]
        bank = IntegerConv(Window((2, 2), pads=(1, 0, 0, 1)), table, 20, fill)
        y = body.add(bank, x, weights)
        y = body.add(Requantize(to, -128, 127), y, *factors)
        body.output(body.add(Lookup(to), y, entries), "y")
        return Sample(cls(body.finish()), (data,), constants)


def _list(types: tuple[TensorType, ...]) -> str:
    return ", ".join(map(str, types)) or "nothing"
