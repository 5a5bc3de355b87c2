"""The text form: what it says, and that it reads back equal whatever a graph holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph, Node, Output
from sightline.ir.op import OPS, Op
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.ops.movement import Gather, Pad
from sightline.ir.ops.pointwise import Clip, Tanh
from sightline.ir.ops.pooling import AveragePool, MaxPool
from sightline.ir.parse import parse
from sightline.ir.table import Table
from sightline.ir.text import (
    INLINE_ELEMENTS,
    INLINE_NUMBERS,
    constants_of,
    pack_numbers,
    to_text,
    unpack_numbers,
)
from sightline.ir.types import FLOAT32, Array, Int, Quant, TensorType
from sightline.ir.verify import verify
from sightline.ir.window import Window
from tests.conftest import Golden
from tests.support.arrays import f32, i8, i32
from tests.support.examples import examples
from tests.support.integer_ops import MADE_BY_PASSES
from tests.support.strange_graphs import LENET_C3, constants, graphs, tables


def graph_of(op: Op, *types: TensorType) -> Graph:
    builder = GraphBuilder("g")
    values = [builder.input("x", type_) for type_ in types]
    builder.output(builder.add(op, *values, name="y"))
    return builder.finish()


def graph_of_constant(constant: Constant) -> Graph:
    return Graph("g", (Node("c", Const(constant), (), constant.type),), (Output("c", "c"),))


def line_of(graph: Graph, name: str) -> str:
    return next(line for line in to_text(graph).splitlines() if line.startswith(f"{name} = "))


def representative() -> Graph:
    """Something of everything: shared weights, a table, numbers inline and by hash, odd names."""
    rng = np.random.default_rng(7)

    def randoms(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(np.float32)

    net = GraphBuilder("representative")
    image = net.input("image", TensorType((1, 1, 20, 20)))
    filters = net.constant(randoms(6, 3, 3), "c1.weight", "c1")
    bias = net.constant(f32([0.5, -0.25, 0.1, 1e-20, -0.0, 1.0]), "c1.bias", "c1")
    bank = Conv(Window((3, 3), pads=(1, 1, 1, 1)), Table.dense(1, 6))
    fine = net.add(bank, image, filters, bias, name="c1", instance="c1", where="net.py:3")
    fine = net.add(Tanh(), fine, name="c1")
    coarse = net.add(MaxPool(Window((2, 2), (2, 2))), image, name="half the size")
    coarse = net.add(bank, coarse, filters, bias, name="c1", instance="c1", where="net.py:3")
    pooled = net.add(MaxPool(Window((2, 2), (2, 2))), fine, name="s2")
    third = net.constant(randoms(60, 2, 2), "c3.weight", "c3")
    features = net.add(Conv(Window((2, 2)), LENET_C3), pooled, third, name="c3", instance="c3")
    deep = net.constant(randoms(8, 2, 1), "depthwise", "c4")
    lean = Conv(Window((2, 1), (2, 1), dilation=(3, 1)), Table.grouped(4, 8, 4))
    some = net.add(Gather(1, (5, 0, 3, 3)), coarse, name="picked")
    some = net.add(lean, some, deep, name="c4", instance="c4")
    some = net.add(Pad((0, 0, 1, 1, 0, 0, 1, 1), "edge"), some, name="padded")
    some = net.add(AveragePool(Window((3, 3), pads=(1,) * 4), (0, 0, 1, 1)), some, name="smooth")
    some = net.add(Clip(0.0, float("inf")), some, name="rectified")
    net.output(features, "features")
    net.output(some, "c4 at 1/2")
    return net.finish()


def test_reads_well(golden: Golden) -> None:
    graph = representative()
    verify(graph)
    golden(to_text(graph))


def test_the_representative_graph_reads_back() -> None:
    graph = representative()
    again = parse(to_text(graph), constants_of(graph))
    assert again == graph
    assert [node.instance for node in again.nodes] == [node.instance for node in graph.nodes]


@examples(150)
@given(graphs())
def test_any_graph_reads_back(graph: Graph) -> None:
    text = to_text(graph)
    again = parse(text, constants_of(graph))
    assert again == graph
    assert to_text(again) == text
    assert constants_of(again) == constants_of(graph)


@examples(150)
@given(constants())
def test_any_constant_reads_back_to_the_bit(constant: Constant) -> None:
    graph = graph_of_constant(constant)
    again = parse(to_text(graph), constants_of(graph))["c"].op
    assert isinstance(again, Const)
    assert again.value == constant
    assert again.value.array.tobytes() == constant.array.tobytes()


def test_small_constants_stand_in_the_text() -> None:
    constant = Constant(f32([0.1, -0.0, 1e-45, 3.4028235e38]))
    graph = graph_of_constant(constant)
    assert line_of(graph, "c") == "c = const [0.1, -0.0, 1e-45, 3.4028235e+38] : f32[4]"
    assert constants_of(graph) == {}
    scalar = graph_of_constant(Constant(np.array(3, np.int64)))
    assert line_of(scalar, "c") == "c = const [3] : i64[]"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(INLINE_ELEMENTS + 1, np.float32),
        f32([1.0, np.nan]),
        f32([-np.inf]),
    ],
)
def test_other_constants_are_named_by_hash(array: Array) -> None:
    constant = Constant(array)
    graph = graph_of_constant(constant)
    assert line_of(graph, "c") == f"c = const @{constant.key} : {constant.type}"
    assert constants_of(graph) == {constant.key: constant}


def test_types_print_with_what_integers_stand_for() -> None:
    element = Quant(Int(8), 0.1, -5)
    graph = graph_of_constant(Constant(i8([1, 2]), element))
    assert line_of(graph, "c") == "c = const [1, 2] : quant(i8,0x1.999999999999ap-4,-5)[2]"
    assert line_of(graph_of(Gather(0, (1,)), TensorType((3,), Int(5, False))), "y").endswith(
        " : u5[1]"
    )


def test_only_what_is_not_default_is_listed() -> None:
    maps = TensorType((1, 2, 4, 4))
    assert line_of(graph_of(Clip(), maps), "y") == "y = clip(x) : f32[1,2,4,4]"
    assert line_of(graph_of(Clip(high=2.5), maps), "y") == "y = clip(x, high=2.5) : f32[1,2,4,4]"
    pool = MaxPool(Window((2, 2), strides=(1, 1)))
    assert line_of(graph_of(pool, maps), "y") == "y = max_pool(x, kernel=[2, 2]) : f32[1,2,3,3]"


def test_numpy_numbers_print_as_plain_ones() -> None:
    gather = Gather(np.int64(0), tuple(np.array([1, 0])))  # type: ignore[arg-type]
    clip = Clip(np.float32(0.5), np.float64(2.0))  # type: ignore[arg-type]
    assert line_of(graph_of(gather, TensorType((2,))), "y").startswith(
        "y = gather(x, axis=0, indices=[1, 0])"
    )
    assert line_of(graph_of(clip, TensorType((2,))), "y").startswith(
        "y = clip(x, low=0.5, high=2.0)"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("features.0/conv", "features.0/conv"),
        ("return", "return"),
        ("7", "7"),
        ("a b", '"a b"'),
        ('say "x"\n', r'"say \"x\"\n"'),
        ("été", r'"\u00e9t\u00e9"'),
        ("-1", '"-1"'),
        ("line\u2028end", r'"line\u2028end"'),
    ],
)
def test_names_are_quoted_where_they_must_be(name: str, written: str) -> None:
    builder = GraphBuilder("g")
    builder.output(builder.input(name, TensorType((1,))), name)
    text = to_text(builder.finish())
    assert text == f"graph g\n{written} = input : f32[1]\nreturn {written}={written}\n"
    assert parse(text) == builder.finish()


@dataclass(frozen=True)
class Flagged(Op):
    """y = x, with attributes of the types that no op has yet."""

    on: bool = False
    label: str = ""
    weights: tuple[float, ...] = ()

    def infer(self, x: TensorType) -> TensorType:
        return x


def test_attributes_of_any_type_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "flagged", Flagged)
    monkeypatch.setattr(Flagged, "kind", "flagged", raising=False)
    graph = graph_of(Flagged(True, 'say "a, b"', (0.5, -1e-9)), TensorType((2,)))
    assert line_of(graph, "y") == (
        r'y = flagged(x, on=true, label="say \"a, b\"", weights=[0.5, -1e-09]) : f32[2]'
    )
    assert parse(to_text(graph)) == graph
    off = to_text(graph).replace("on=true", "on=false")
    assert parse(off)["y"].op == Flagged(False, 'say "a, b"', (0.5, -1e-9))
    long = graph_of(Flagged(weights=(0.5,) * 100), TensorType((2,)))
    assert "@" not in to_text(long), "only whole numbers are kept beside the text"
    assert parse(to_text(long)) == long


# Lists too long for the text.


def test_long_lists_are_kept_beside_the_text() -> None:
    short = Gather(0, (0,) * INLINE_NUMBERS)
    long = Gather(0, (0,) * (INLINE_NUMBERS + 1))
    assert "@" not in to_text(graph_of(short, TensorType((2,))))
    graph = graph_of(long, TensorType((2,)))
    (packed,) = constants_of(graph).values()
    assert packed.array.tolist() == [0] * (INLINE_NUMBERS + 1)
    assert line_of(graph, "y").startswith(f"y = gather(x, axis=0, indices=@{packed.key}) : ")
    assert parse(to_text(graph), constants_of(graph)) == graph


@given(tables())
def test_lists_of_lists_unpack(table: Table) -> None:
    assert unpack_numbers(pack_numbers(table.inputs)) == table.inputs


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_lists_unpack(numbers: list[int]) -> None:
    assert unpack_numbers(pack_numbers(tuple(numbers))) == tuple(numbers)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, np.float32), r"the constant @\w+ of f32\[3\] is no list of integers\."),
        (np.zeros((), np.int32), r"the constant @\w+ of i32\[\] is no list of integers\."),
        (np.zeros((2, 3), np.int32), r"the constant @\w+ of i32\[2,3\] is no list of integers\."),
        (i32([[0, 1], [10**9, 2]]), r"the constant @\w+ has row 1000000000 after 0\."),
        (i32([[1, 1]]), r"the constant @\w+ has row 1 after -1\."),
        (i32([[0, 1], [1, 1], [0, 1]]), r"the constant @\w+ has row 0 after 1\."),
        (i32([[-1, 1]]), r"the constant @\w+ has row -1 after -1\."),
    ],
)
def test_broken_lists_are_refused(array: Array, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        unpack_numbers(Constant(array))


def test_a_large_graph_is_written_and_read_in_seconds() -> None:
    builder = GraphBuilder("deep")
    value = builder.input("x", TensorType((1, 8)))
    weights = builder.constant(np.eye(8, dtype=np.float32), "w")
    for _ in range(3000):
        value = builder.add(Linear(), value, weights, name="layer")
    builder.output(value)
    graph = builder.finish()
    assert parse(to_text(graph), constants_of(graph)) == graph


def test_every_op_is_written_under_its_kind() -> None:
    for kind, cls in OPS.items():
        sample = cls.sample(np.random.default_rng(0))
        arguments: list[Any] = list(sample.types)
        builder = GraphBuilder("g")
        values = [builder.input("x", type_) for type_ in arguments]
        builder.output(builder.add(sample.op, *values))
        assert line_of(builder.finish(), kind).startswith(f"{kind} = {kind}(x")
        assert kind in MADE_BY_PASSES or FLOAT32 in {type_.element for type_ in sample.types}
