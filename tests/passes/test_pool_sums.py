"""Max pooling of sums gives the very integers of max pooling of what they are rounded to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.reference import run
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.graph import Graph
from sightline.ir.op import Op
from sightline.ir.ops.integer import Clamp
from sightline.ir.ops.pooling import GlobalMaxPool, MaxPool
from sightline.ir.ops.quantization import Lookup, Requantize
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from sightline.passes import pool_sums as module
from sightline.passes.pool_sums import pool_sums
from tests.support.arrays import i8, i32
from tests.support.examples import examples

INT8 = Encoding(8, 0.5)
POOL = MaxPool(Window((3, 3), strides=(2, 2), pads=(1, 1, 1, 1)))
RISES = np.sort(np.random.default_rng(0).integers(-128, 128, 256)).astype(np.int8)
FACTORS = np.array([3, 70000]).reshape(1, 2, 1, 1), np.array([9, 22]).reshape(1, 2, 1, 1)


def sums(seed: int, bits: int) -> Array:
    """Integers that reach both ends, many of them equal after rounding."""
    storage = Int(bits)
    rng = np.random.default_rng(seed)
    x = rng.integers(storage.low, storage.high, (1, 2, 6, 6), endpoint=True)
    return np.asarray(np.where(rng.random(x.shape) < 0.5, x, x >> (bits // 2)), storage.dtype)


def chain(*steps: tuple[Op, *tuple[Array, ...]], pool: Op = POOL, bits: int = 20) -> Graph:
    """Sums through some steps, each an op and its constants, and the pooling `y` of all that."""
    builder = GraphBuilder("net")
    x = builder.input("x", TensorType((1, 2, 6, 6), Int(bits)))
    for op, *constants in steps:
        operands = [builder.constant(array, "k") for array in constants]
        x = builder.add(op, x, *operands, name=f"{op.kind}ed")
    builder.output(builder.add(pool, x, name="p"), "y")
    return builder.finish()


def check(graph: Graph) -> Graph:
    after = pool_sums(graph)
    verify(after)
    assert pool_sums(after) == after
    for seed in range(5):
        x = sums(seed, graph.inputs[0].type.element.bits)  # type: ignore[union-attr]
        np.testing.assert_array_equal(run(after, x=x)["y"], run(graph, x=x)["y"])
    return after


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph.operations]


ROUND = (Requantize(INT8, -128, 127), i32(FACTORS[0]), i8(FACTORS[1]))
LOOK_UP = (Lookup(INT8), RISES)


@pytest.mark.parametrize("pool", [POOL, GlobalMaxPool()])
def test_pooling_goes_before_all_that_keeps_order(pool: Op) -> None:
    after = check(chain(ROUND, LOOK_UP, (Clamp(-50, 99),), pool=pool))
    assert kinds(after) == [pool.kind, "requantize", "lookup", "clamp"]
    assert after.operations[0].name == "p.sums"
    assert after.outputs[0].node == "p"


@examples(60)
@given(
    st.integers(1, (1 << 17) - 1),
    st.integers(1, 40),
    st.integers(-128, 127),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)).map(sorted),
)
def test_any_requantization_keeps_order(
    multiplier: int, shift: int, zero_point: int, ends: list[int]
) -> None:
    op = Requantize(Encoding(8, 0.5, zero_point), *ends)
    shape = (1, 1, 1, 1)
    check(chain((op, np.full(shape, multiplier, np.int32), np.full(shape, shift, np.int8))))


@pytest.mark.parametrize("name", ["falls", "rises, then falls"])
def test_a_table_that_falls_stays_above(name: str) -> None:
    table = RISES[::-1].copy()
    if name != "falls":
        table = RISES.copy()
        table[-1] = table[0]
    after = check(chain(ROUND, (Lookup(INT8), table)))
    assert kinds(after) == ["requantize", "lookup", "max_pool"]


def test_factors_of_places_stay_above() -> None:
    places = np.random.default_rng(0).integers(1, 1000, (1, 1, 6, 6))
    op = Requantize(INT8, -128, 127)
    after = check(chain((op, i32(places), np.full(places.shape, 12, np.int8))))
    assert kinds(after) == ["requantize", "max_pool"]


def test_a_pooling_that_leaves_as_many_pixels_stays() -> None:
    pool = MaxPool(Window((3, 3), pads=(1, 1, 1, 1)))
    assert kinds(check(chain(ROUND, pool=pool))) == ["requantize", "max_pool"]


def test_what_others_read_stays_above() -> None:
    graph = chain(ROUND, LOOK_UP)
    builder = GraphBuilder("net")
    for node in graph.nodes:
        builder.keep(node, node.inputs)
    builder.output("p", "y")
    builder.output("requantizeed", "r")
    assert kinds(check(builder.finish())) == ["requantize", "max_pool", "lookup"]


def test_two_poolings_both_go_first() -> None:
    graph = chain(ROUND, LOOK_UP)
    builder = GraphBuilder("net")
    for node in graph.nodes:
        builder.keep(node, node.inputs)
    builder.output(builder.add(GlobalMaxPool(), "p", name="q"), "y")
    after = check(builder.finish())
    assert kinds(after) == ["max_pool", "global_max_pool", "requantize", "lookup"]


def test_a_pass_that_trusts_every_table_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "_keeps_order", lambda _, node: isinstance(node.op, Requantize | Lookup)
    )
    with pytest.raises(AssertionError):
        check(chain(ROUND, (Lookup(INT8), RISES[::-1].copy())))
