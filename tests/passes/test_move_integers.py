"""Data moves as integers, the very ones that moving real numbers would have given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.op import OPS, Op, Sample
from sightline.ir.ops.movement import Pad
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.text import to_text
from sightline.ir.types import FLOAT32
from sightline.passes import move_integers as module
from sightline.passes.move_integers import MOVES, move_integers
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_stays, check_pass, graph_of

CODE = Encoding(8, 0.03125, 20)
OTHER = Encoding(8, 0.0625, -3)
SPELLED = "bits=8, scale=0.03125, zero_point=20"
QUANT = "quant(i8,0x1.0p-5,20)"


def check(graph: Graph, seed: int = 0) -> Graph:
    return check_pass(move_integers, graph, seed=seed, tolerance=0)


def moved(sample: Sample, *, before: bool, after: bool) -> Graph:
    """A movement of numbers that are rounded before it, after it, or both, to the same."""
    builder = GraphBuilder("net")
    values = []
    for number, type_ in enumerate(sample.types):
        value = builder.input(f"x{number}", type_)
        if before:
            value = builder.add(Dequantize(CODE), builder.add(Quantize(CODE), value))
        values.append(value)
    y = builder.add(sample.op, *values, name="m")
    if after:
        y = builder.add(Dequantize(CODE), builder.add(Quantize(CODE), y, name="q"))
    builder.output(y, "y")
    return builder.finish()


def types_of_moves(graph: Graph) -> list[bool]:
    """Whether each movement is of real numbers."""
    return [node.type.element == FLOAT32 for node in graph.nodes if isinstance(node.op, MOVES)]


@pytest.mark.parametrize("op", MOVES)
@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True), (True, True)])
def test_every_movement_is_of_integers(op: type[Op], before: bool, after: bool) -> None:
    rng = np.random.default_rng(0)
    for seed in range(4):
        sample = op.sample(rng)
        if any(type_.element != FLOAT32 for type_ in sample.types):
            continue
        assert not any(types_of_moves(check(moved(sample, before=before, after=after), seed)))


@examples(100)
@given(st.sampled_from([*OPS.values()]), st.booleans(), st.booleans(), st.integers(0, 10**6))
def test_any_op_between_roundings_keeps_its_integers(
    op: type[Op], before: bool, after: bool, seed: int
) -> None:
    sample = op.sample(np.random.default_rng(seed))
    if all(t.element == FLOAT32 for t in sample.types):
        graph = moved(sample, before=before, after=False)
        if after and graph[graph.outputs[0].node].type.element == FLOAT32:
            graph = moved(sample, before=before, after=True)
        check(graph, seed % 100)


def test_rounding_goes_above_and_becoming_real_goes_below(golden: Golden) -> None:
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        m = max_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]
        p = pad(m, pads=[0, 0, 1, 0, 0, 0, 0, 0], value=1.0) : f32[1,1,3,2]
        q = quantize(p, {SPELLED}) : {QUANT}[1,1,3,2]
        r = dequantize(q, {SPELLED}) : f32[1,1,3,2]
        f = flatten(r) : f32[1,6]
        return y=f
    """)
    golden(to_text(check(graph)))


def test_concat_rounds_each_of_its_operands() -> None:
    graph = graph_of(f"""
        x = input : f32[1,1,2,2]
        z = input : f32[1,2,2,2]
        c = concat(x, z, axis=1) : f32[1,3,2,2]
        q = quantize(c, {SPELLED}) : {QUANT}[1,3,2,2]
        y = dequantize(q, {SPELLED}) : f32[1,3,2,2]
        return y=y
    """)
    after = check(graph)
    assert [n.op.kind for n in after.operations] == ["quantize", "quantize", "concat", "dequantize"]


def concat_of(first: Encoding, second: Encoding, last: Encoding | None = None) -> Graph:
    """Numbers of two encodings, side by side, then rounded to a third."""
    builder = GraphBuilder("net")
    sample = OPS["identity"].sample(np.random.default_rng(0))
    values = []
    for name, encoding in (("a", first), ("b", second)):
        x = builder.input(name, sample.types[0])
        values.append(builder.add(Dequantize(encoding), builder.add(Quantize(encoding), x)))
    y = builder.add(OPS["concat"](axis=0), *values, name="c")  # type: ignore[call-arg]
    if last is not None:
        y = builder.add(Dequantize(last), builder.add(Quantize(last), y))
    builder.output(y, "y")
    return builder.finish()


def test_concat_of_one_encoding_becomes_real_after_it() -> None:
    assert types_of_moves(check(concat_of(CODE, CODE))) == [False]


def test_concat_of_two_encodings_stays_real() -> None:
    assert_stays(move_integers, concat_of(CODE, OTHER))


def test_concat_of_two_encodings_is_rounded_to_the_third() -> None:
    after = check(concat_of(CODE, OTHER, CODE))
    assert types_of_moves(after) == [False]
    assert [node.op.kind for node in after.operations].count("quantize") == 3


def test_a_value_read_in_float_too_stays_right() -> None:
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        m = max_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]
        q = quantize(m, {SPELLED}) : {QUANT}[1,1,2,2]
        t = tanh(m) : f32[1,1,2,2]
        return q=q, t=t
    """)
    check(graph)


def test_padding_that_is_not_filled_in_integers_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "on_integers", lambda op, encoding: op)
    pad = Sample(Pad((1, 1, 1, 1), value=2.0), (np.zeros((2, 2), np.float32),))
    with pytest.raises(AssertionError):
        check(moved(pad, before=False, after=True))
