"""Stages mean what their bodies mean, print as blocks, and hold neither constants nor stages."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from sightline.ir.build import GraphBuilder, graph_of_sample
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Output
from sightline.ir.ops.integer import IntegerAdd, IntegerMul
from sightline.ir.ops.movement import Gather
from sightline.ir.ops.stage import Stage
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.types import Int, TensorType
from sightline.ir.verify import InvalidGraph, verify
from tests.support.arrays import i8, i32

I8 = TensorType((1, 3), Int(8))


def body(outputs: int = 1, name: str = "anything") -> Graph:
    """2 x * y."""
    builder = GraphBuilder(name)
    x, y = builder.input("x0", I8), builder.input("x1", I8)
    value = builder.add(IntegerMul(20), builder.add(IntegerAdd(9), x, x), y)
    for number in range(outputs):
        builder.output(value, f"y{number}")
    return builder.finish()


def graph_of(stage: Stage) -> Graph:
    builder = GraphBuilder("net")
    operands = [builder.input(name, I8) for name in ("a", "b")]
    builder.output(builder.add(stage, *operands, name="y", instance="c1"))
    return builder.finish()


TEXT = """graph net
a = input : i8[1,3]
b = input : i8[1,3]
y = stage(a, b) : i20[1,3] in c1 {
  x0 = input : i8[1,3]
  x1 = input : i8[1,3]
  integer_add = integer_add(x0, x0, bits=9) : i9[1,3]
  integer_mul = integer_mul(integer_add, x1, bits=20) : i20[1,3]
  return y0=integer_mul
}
return y=y
"""


def test_means_what_its_body_means() -> None:
    stage = Stage(body())
    found = stage.evaluate(i8([[1, -2, 127]]), i8([[5, 100, -128]]))
    np.testing.assert_array_equal(found, i32([[10, -400, -32512]]), strict=True)


def test_macs_are_those_of_the_body() -> None:
    sample = Stage.sample(np.random.default_rng(0))
    assert isinstance(sample.op, Stage)
    [bank, *_] = sample.op.body.operations
    assert sample.op.macs(*sample.types) == sample.op.body.macs(bank) > 0


def test_the_name_of_a_body_does_not_matter() -> None:
    assert Stage(body()) == Stage(body(name="other"))
    assert hash(Stage(body())) == hash(Stage(body(name="other")))


def test_constants_within_are_refused() -> None:
    builder = GraphBuilder("body")
    two = builder.constant(i8([2]), "two")
    builder.output(builder.add(IntegerMul(20), builder.input("x0", I8), two))
    with pytest.raises(UserError, match=r"^the body of a stage has 'two', and can hold neither"):
        Stage(builder.finish())


def test_stages_within_are_refused() -> None:
    with pytest.raises(UserError, match=r"^the body of a stage has 'y', and can hold neither"):
        Stage(graph_of(Stage(body())))


@pytest.mark.parametrize("outputs", [0, 2])
def test_one_result_and_no_other_number(outputs: int) -> None:
    with pytest.raises(UserError, match=f"^a stage has one result, not {outputs}"):
        Stage(body(outputs))


@pytest.mark.parametrize(
    ("operands", "given"),
    [
        ((I8,), "i8[1,3]"),
        ((), "nothing"),
        ((I8, I8, I8), "i8[1,3], i8[1,3], i8[1,3]"),
        ((I8, TensorType((1, 3), Int(9))), "i8[1,3], i9[1,3]"),
        ((TensorType((2, 3), Int(8)), I8), "i8[2,3], i8[1,3]"),
    ],
)
def test_other_operands_are_refused(operands: tuple[TensorType, ...], given: str) -> None:
    message = f"the stage takes i8[1,3], i8[1,3], but is given {given}."
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        Stage(body()).infer(*operands)


# As text.


def test_prints_as_a_block_and_reads_back() -> None:
    graph = graph_of(Stage(body()))
    assert to_text(graph) == TEXT
    assert parse(TEXT) == graph
    assert parse(TEXT.replace("  ", "")) == graph


def test_long_lists_within_are_kept_beside_the_text() -> None:
    builder = GraphBuilder("body")
    x = builder.input("x0", I8)
    builder.output(builder.add(Gather(1, (0, 2) * 50), x), "y")
    outer = GraphBuilder("net")
    outer.output(outer.add(Stage(builder.finish()), outer.input("x", I8)))
    graph = outer.finish()
    assert len(constants_of(graph)) == 1
    assert parse(to_text(graph), constants_of(graph)) == graph


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("}\n", "", "the block of 'y' has no end '}'."),
        (
            "{\n",
            "{\ny = stage(x0) : i8[1] {\n",
            "graph text, line 5: cannot read 'y = stage(x0) : i8[1] {': blocks go one deep, and "
            "this one goes deeper.",
        ),
        (" {\n", "\n", "graph text, line 4: cannot read 'y = stage(a, b) : i20[1,3] in c1': stage "
         "lacks the attribute body."),
        ("stage(", "relu(", "graph text, line 10: cannot read '}': relu has no attribute body."),
        ("(a, b)", "(a, b, body=1)", "graph text, line 10: cannot read '}': the attribute body is "
         "given twice."),
        (" {\n", " { {\n", "graph text, line 4: cannot read 'y = stage(a, b) : i20[1,3] in c1 { "
         "{': did not expect '{'."),
        ("}\n", "} }\n", "graph text, line 10: cannot read '} }': did not expect '}'."),
        ("}\n", "}\n}\n", "graph text, line 11: cannot read '}': expected a name, found '}'."),
        ("  return y0=integer_mul\n", "", "graph text, line 9: cannot read '}': a stage has one "
         "result, not 0."),
        ("  x1 = input :", "  x1 = const [1, 2, 3] :", "graph text, line 10: cannot read '}': the "
         "body of a stage has 'x1', and can hold neither constants nor other stages."),
        ("  x0 = input", "  graph x0\nx0 = input", "graph text, line 5: cannot read 'graph x0': "
         "expected '=', found 'x0'."),
    ],
)  # fmt: skip
def test_broken_blocks_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        parse(TEXT.replace(old, new, 1))


# Verified.


def mutant(**changes: object) -> Graph:
    """A graph whose stage has another body."""
    return graph_of_body(replace(body(), **changes))  # type: ignore[arg-type]


def graph_of_body(changed: Graph) -> Graph:
    graph = graph_of(Stage(body()))
    node = replace(graph["y"], op=Stage(changed))
    return replace(graph, nodes=(*graph.nodes[:2], node))


def test_bodies_are_verified() -> None:
    verify(graph_of(Stage(body())))
    verify(graph_of_sample(Stage.sample(np.random.default_rng(0))))
    x0, x1, add, mul = body().nodes
    mutants = [
        (mutant(outputs=(Output("y", "gone"),)), "body: output 'y' reads 'gone', which no node"),
        (mutant(nodes=(x0, add, mul)), "body: 'integer_mul' reads 'x1', which no earlier node"),
        (mutant(nodes=(x0, x1, mul, add)), "body: 'integer_mul' reads 'integer_add', which no"),
        (mutant(nodes=(x0, x1, replace(add, type=I8), mul)), "body: 'integer_add' is declared"),
    ]
    for graph, message in mutants:
        with pytest.raises(InvalidGraph, match=f"^net: within 'y': {re.escape(message)}") as found:
            verify(graph)
        assert found.value.node == graph["y"]


def test_bodies_that_do_not_fit_the_operands_are_found() -> None:
    x0, x1, add, mul = body().nodes
    wide = TensorType((1, 3), Int(10))
    other = replace(x1, type=wide, op=replace(x1.op, type=wide))  # type: ignore[type-var]
    with pytest.raises(InvalidGraph, match=r"^net: 'y' is ill-typed: the stage takes i8\[1,3\], i"):
        verify(mutant(nodes=(x0, other, add, mul)))
