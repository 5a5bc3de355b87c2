"""PyTorch on the CPU: the float network, op by op, as it runs a module that is not compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph
from sightline.ir.types import Array
from sightline.peers.peer import Form, Subject
from sightline.peers.torch_ops import Function, function_of


class PyTorch:
    """The peer `torch`. The number of its threads is one for the whole process."""

    name = "torch"

    def prepare(self, subject: Subject) -> list[Form]:
        if subject.integers:
            raise UserError("torch runs float networks alone, and this one is in integers")
        torch.set_num_threads(subject.threads)
        program = Program(subject.model.graph)
        try:
            for frame in subject.frames[:1]:
                program.run(frame)
        except RuntimeError as error:
            first = str(error).partition("\n")[0]
            raise UserError(f"torch refuses the network: {first}") from error
        return [Form("", program.run)]


@dataclass(frozen=True)
class Step:
    """One op: what computes it, the values that it reads, and those that nothing reads later."""

    name: str
    function: Function
    operands: tuple[str, ...]
    last_uses: tuple[str, ...]


class Program:
    """A float graph as calls of PyTorch, constants converted once."""

    def __init__(self, graph: Graph) -> None:
        self.outputs = [(output.label, output.node) for output in graph.outputs]
        self.constants = {
            node.name: torch.from_numpy(node.op.value.array.copy())
            for node in graph.nodes
            if isinstance(node.op, Const)
        }
        left = Counter(graph.uses)
        self.steps = []
        for node in graph.operations:
            function = function_of(node, [graph[name] for name in node.inputs])
            left.subtract(node.inputs)
            gone = dict.fromkeys(name for name in node.inputs if not left[name])
            last = tuple(name for name in gone if name not in self.constants)
            self.steps.append(Step(node.name, function, node.inputs, last))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        with torch.inference_mode():
            given = {name: torch.from_numpy(array) for name, array in inputs.items()}
            return {label: value.numpy() for label, value in self.compute(given).items()}

    def compute(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same on tensors."""
        values = self.constants | dict(inputs)
        for step in self.steps:
            operands = (values[name] for name in step.operands)
            values[step.name] = step.function(*operands)
            for name in step.last_uses:
                del values[name]
        return {label: values[name] for label, name in self.outputs}


PEER = PyTorch()
