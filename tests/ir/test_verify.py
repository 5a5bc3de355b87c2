"""The contract of a valid graph: each clause has a mutant that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph, Node, Output
from sightline.ir.ops.conv import Linear
from sightline.ir.ops.movement import Transpose
from sightline.ir.ops.pointwise import Relu
from sightline.ir.types import Int, TensorType
from sightline.ir.verify import InvalidGraph, verify


def valid() -> Graph:
    net = GraphBuilder("net")
    x = net.input("x", TensorType((2, 3)))
    w = net.constant(np.zeros((4, 3), np.float32), "w")
    y = net.add(Linear(), x, w, name="fc")
    net.output(net.add(Relu(), y, name="act"), "scores")
    return net.finish()


def change(which: str, /, **fields: object) -> Callable[[Graph], Graph]:
    """The mutant in which one node has other fields."""

    def mutate(graph: Graph) -> Graph:
        nodes = (
            replace(node, **fields) if node.name == which else node  # type: ignore[arg-type]
            for node in graph.nodes
        )
        return replace(graph, nodes=tuple(nodes))

    return mutate


def outputs(*outputs: Output) -> Callable[[Graph], Graph]:
    return lambda graph: replace(graph, outputs=outputs)


def test_a_valid_graph_passes() -> None:
    verify(valid())


MUTANTS: list[tuple[Callable[[Graph], Graph], str, str]] = [
    (change("act", name=""), "a node of Relu has no name", ""),
    (change("act", name="fc"), "two nodes are named 'fc'", "fc"),
    (change("act", op="relu"), "'act' holds 'relu', which is no op", "act"),
    (change("act", inputs=("z",)), "'act' reads 'z', which no earlier node computes", "act"),
    (change("act", inputs=("act",)), "'act' reads 'act', which no earlier node computes", "act"),
    (change("fc", inputs=("x", "act")), "'fc' reads 'act', which no earlier node computes", "fc"),
    (
        lambda graph: replace(graph, nodes=tuple(reversed(graph.nodes))),
        "'act' reads 'fc', which no earlier node computes",
        "act",
    ),
    (
        change("act", type=TensorType((2, 5))),
        "'act' is declared f32[2,5], but its op gives f32[2,4]",
        "act",
    ),
    (
        change("act", type=TensorType((2, 4), Int(8))),
        "'act' is declared i8[2,4], but its op gives f32[2,4]",
        "act",
    ),
    (
        change("w", type=TensorType((3, 4))),
        "'w' is declared f32[3,4], but its op gives f32[4,3]",
        "w",
    ),
    (
        change("fc", inputs=("w", "w", "w")),
        "'fc' is ill-typed: the bias must be of shape [4], found [4, 3].",
        "fc",
    ),
    (change("act", inputs=("fc", "fc")), "'act' is ill-typed: relu takes 1 operands, not 2", "act"),
    (
        change("fc", inputs=("x",)),
        "'fc' is ill-typed: Linear.infer() missing 1 required positional argument: 'weights'",
        "fc",
    ),
    (
        change("act", op=Transpose((0, 2))),
        "'act' is ill-typed: [0, 2] does not order the 2 axes of f32[2,4].",
        "act",
    ),
    (outputs(), "the graph has no output", ""),
    (outputs(Output("y", "z")), "output 'y' reads 'z', which no node computes", ""),
    (outputs(Output("", "fc")), "the label '' is empty or used twice", ""),
    (
        outputs(Output("y", "fc"), Output("y", "act")),
        "the label 'y' is empty or used twice",
        "",
    ),
]


@pytest.mark.parametrize(("mutate", "problem", "node"), MUTANTS, ids=[m[1] for m in MUTANTS])
def test_a_mutant_is_found(mutate: Callable[[Graph], Graph], problem: str, node: str) -> None:
    with pytest.raises(InvalidGraph, match=f"^net: {re.escape(problem)}$") as caught:
        verify(mutate(valid()))
    found = caught.value.node
    assert (found.name if isinstance(found, Node) else "") == node


def test_an_invalid_graph_is_not_the_users_mistake() -> None:
    assert InvalidGraph.__mro__[1] is Exception
