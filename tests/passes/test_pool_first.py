"""Max pooling goes before monotone nonlinearities, and only before those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.op import OPS
from sightline.ir.ops.pointwise import Math, Pointwise
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.text import to_text
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from sightline.passes.pool_first import pool_first
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = ("unary", "max_pool", "unary", "pooling", "global_pool", "upsample", "binary")
ROUNDING = 1e-6
"""NumPy's tanh and exp may round the same number differently at the end of a vector."""


@examples(50)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(pool_first, graph, seed=seed, tolerance=ROUNDING)


@examples(150)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(pool_first, graph, seed=seed, tolerance=ROUNDING)


@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if issubclass(op, Pointwise) and op.arity == 1]
)
def test_every_monotone_op_comes_after(op: type[Pointwise]) -> None:
    builder = GraphBuilder("net")
    x = builder.input("x", TensorType((2, 3, 8, 8)))
    window = Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
    builder.output(builder.add(MaxPool(window), builder.add(op(), x)), "y")
    graph = builder.finish()
    for seed in range(5):
        after = check_pass(pool_first, graph, seed=seed, tolerance=ROUNDING)
    kinds = [node.op.kind for node in after.operations]
    assert kinds == (["max_pool", op.kind] if op().is_monotone() else [op.kind, "max_pool"])


def test_pooling_goes_before_a_whole_chain(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,1,8,8]
        a = abs(x) : f32[1,1,8,8]
        t = tanh(a) : f32[1,1,8,8] in act
        r = leaky_relu(t, slope=0.5) : f32[1,1,8,8]
        p = max_pool(r, kernel=[2, 2], strides=[2, 2]) : f32[1,1,4,4]
        s = sigmoid(p) : f32[1,1,4,4]
        y = global_max_pool(s) : f32[1,1,1,1]
        return y=y
    """)
    golden(to_text(check_pass(pool_first, graph, tolerance=ROUNDING)))


STAYS = {
    "a nonlinearity that falls": "t = leaky_relu(x, slope=-0.5) : f32[1,1,4,4]",
    "one that falls and rises": "t = abs(x) : f32[1,1,4,4]",
    "a sum": "t = add(x, z) : f32[1,1,4,4]",
}


@pytest.mark.parametrize("line", STAYS.values(), ids=STAYS)
def test_what_is_not_monotone_stays(line: str) -> None:
    graph = graph_of(f"""
        x = input : f32[1,1,4,4]
        z = input : f32[1,1,4,4]
        {line}
        y = max_pool(t, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]
        return y=y
    """)
    assert check_pass(pool_first, graph) == graph


@dataclass(frozen=True)
class Larger(Pointwise):
    """y = max(a, b): it rises with both, and yet pooling one of them alone would be wrong."""

    arity: ClassVar[int] = 2

    def is_monotone(self) -> bool:
        return True

    def formula(self, m: Math, *x: Any) -> Any:
        return m.maximum(*x)


def test_what_rises_with_two_operands_stays() -> None:
    builder = GraphBuilder("net")
    x, z = (builder.input(name, TensorType((1, 1, 4, 4))) for name in "xz")
    pool = MaxPool(Window((2, 2), strides=(2, 2)))
    builder.output(builder.add(pool, builder.add(Larger(), x, z, name="t"), name="y"))
    graph = builder.finish()
    assert check_pass(pool_first, graph) == graph


def test_a_chain_is_followed_as_far_as_nobody_else_reads_it(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        t = tanh(x) : f32[1,1,4,4]
        r = relu(t) : f32[1,1,4,4]
        y = max_pool(r, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]
        return y=y, t=t
    """)
    golden(to_text(check_pass(pool_first, graph, tolerance=ROUNDING)))


def test_a_pooling_that_leaves_as_many_pixels_stays() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        t = tanh(x) : f32[1,1,4,4]
        y = max_pool(t, kernel=[3, 3], pads=[1, 1, 1, 1]) : f32[1,1,4,4]
        return y=y
    """)
    assert check_pass(pool_first, graph) == graph


def test_an_average_of_a_nonlinearity_stays() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        t = tanh(x) : f32[1,1,4,4]
        y = average_pool(t, kernel=[2, 2], strides=[2, 2]) : f32[1,1,2,2]
        return y=y
    """)
    assert check_pass(pool_first, graph) == graph
