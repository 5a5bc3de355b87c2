"""The reference target: outputs of any kind, memory that is given back, and times."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.reference import TARGET, ReferenceExecutable, run
from sightline.backends.target import Taken
from sightline.ir.build import GraphBuilder
from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Graph
from sightline.ir.op import OPS
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.movement import Identity, Reshape, Slice
from sightline.ir.ops.pointwise import Abs
from sightline.ir.ops.resize import ResizeNearest
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.arrays import f32, i8

X = TensorType((2, 3))


def ramp() -> Array:
    return np.arange(6, dtype=np.float32).reshape(2, 3) - 2


def chain(length: int, type_: TensorType) -> Graph:
    """Abs of Abs of … of x, added to x at the end."""
    net = GraphBuilder("chain")
    x = value = net.input("x", type_)
    for _ in range(length):
        value = net.add(Abs(), value)
    net.output(net.add(Add(), value, x), "y")
    return net.finish()


def test_runs_a_graph() -> None:
    net = GraphBuilder("net")
    x, y = net.input("x", X), net.input("y", X)
    w = net.constant(f32([1, 2, 3]), "w")
    net.output(net.add(Mul(), net.add(Add(), x, y), w), "scaled sum")
    found = run(net.finish(), x=ramp(), y=ramp())
    assert found.keys() == {"scaled sum"}
    np.testing.assert_array_equal(found["scaled sum"], 2 * ramp() * f32([1, 2, 3]))


def test_a_value_may_be_several_outputs_and_read_twice() -> None:
    net = GraphBuilder("net")
    x = net.input("x", X)
    y = net.add(Abs(), x)
    z = net.add(Mul(), y, y)
    for value, label in ((y, "one"), (y, "two"), (z, "three")):
        net.output(value, label)
    found = run(net.finish(), x=ramp())
    assert list(found) == ["one", "two", "three"]
    np.testing.assert_array_equal(found["one"], np.abs(ramp()))
    np.testing.assert_array_equal(found["two"], found["one"])
    np.testing.assert_array_equal(found["three"], ramp() ** 2)


def test_inputs_and_constants_may_be_outputs() -> None:
    net = GraphBuilder("net")
    net.output(net.input("x", X), "the input")
    net.output(net.constant(i8([1, 2]), "c"), "the constant")
    unused = net.input("unused", TensorType((1,), Int(8)))
    assert unused == "unused"
    found = run(net.finish(), x=ramp(), unused=i8([0]))
    np.testing.assert_array_equal(found["the input"], ramp(), strict=True)
    np.testing.assert_array_equal(found["the constant"], i8([1, 2]), strict=True)


def test_outputs_are_the_callers_own() -> None:
    net = GraphBuilder("net")
    x = net.input("x", X)
    net.output(x, "input")
    net.output(net.constant(ramp(), "c"), "constant")
    net.output(net.add(Reshape((6,)), net.add(Identity(), x)), "view")
    net.output(net.add(Slice((0, 0), (2, 2), (1, 1)), x), "part")
    graph, given = net.finish(), ramp()
    for array in run(graph, x=given).values():
        assert array.flags.c_contiguous
        array[...] = 99.0
    np.testing.assert_array_equal(given, ramp())
    np.testing.assert_array_equal(run(graph, x=given)["constant"], ramp())


def test_values_are_let_go_after_their_last_use() -> None:
    type_ = TensorType((1, 1 << 18))
    one = type_.size * 4
    graph, x = chain(60, type_), np.ones(type_.shape, np.float32)
    run(graph, x=x)
    for measured in (lambda: run(graph, x=x), lambda: ReferenceExecutable(graph).profile({"x": x})):
        tracemalloc.start()
        measured()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * one, f"{peak / one:.1f} values were alive at once"


def test_only_what_is_still_needed_is_held() -> None:
    graph = chain(5, X)
    values: dict[str, Array] = {}
    alive = [set(values) for _ in evaluate(graph, {"x": ramp()}, values)]
    assert alive[0] == {"x"}
    assert alive[1:-1] == [{"x", name} for name in ("abs", "abs_1", "abs_2", "abs_3", "abs_4")]
    assert alive[-1] == {"add"}


def test_what_nobody_reads_is_let_go_at_once() -> None:
    net = GraphBuilder("net")
    x = net.input("x", X)
    net.add(Abs(), x, name="dead")
    net.output(net.add(Abs(), x, name="alive"))
    values: dict[str, Array] = {}
    for _ in evaluate(net.finish(), {"x": ramp()}, values):
        assert "dead" not in values
    assert list(values) == ["alive"]


def test_profile_times_every_operation() -> None:
    graph = chain(3, X)
    times = ReferenceExecutable(graph).profile({"x": ramp()})
    assert [time.stage for time in times] == ["abs", "abs_1", "abs_2", "add"]
    assert all(time.seconds >= 0 for time in times)


def test_is_a_target_like_any_other(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    graph = chain(2, X)
    TARGET.compile(graph, tmp_path, lambda *progress: told.append(progress))
    assert told == [("reference", 1, 1)]
    assert list(tmp_path.iterdir()) == []
    found = TARGET.load(graph, tmp_path).run({"x": ramp()})
    np.testing.assert_array_equal(found["y"], np.abs(ramp()) + ramp())
    assert (TARGET.name, reference.TARGET) == ("reference", TARGET)


@pytest.mark.parametrize("kind", OPS)
def test_takes_every_op(kind: str) -> None:
    assert TARGET.support(OPS[kind]) == Taken()


def test_what_is_no_number_passes_through_without_a_warning() -> None:
    builder = GraphBuilder("odd")
    x = builder.input("x", TensorType((3,)))
    builder.output(builder.add(Sub(), builder.add(Mul(), x, x), x), "y")
    odd = np.array([np.inf, np.nan, 1e30], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = run(builder.finish(), x=odd)["y"]
    np.testing.assert_array_equal(y, np.array([np.nan, np.nan, np.inf], np.float32))


def test_the_same_numbers_give_the_same_numbers_however_they_are_laid_out() -> None:
    """Found by random graphs: a nearest resize that changes nothing left another layout behind."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 4, 5, 8)).astype(np.float32)
    weights = rng.standard_normal((4, 1, 1)).astype(np.float32)

    def graph(resized: bool) -> Graph:
        builder = GraphBuilder("layouts")
        value = builder.input("x", TensorType(x.shape))
        value = builder.add(ResizeNearest((5, 8)), value) if resized else value
        bank = Conv(Window((1, 1)), Table.dense(4, 1))
        builder.output(builder.add(bank, value, builder.constant(weights, "w")), "y")
        return builder.finish()

    expected = run(graph(resized=False), x=x)["y"]
    np.testing.assert_array_equal(run(graph(resized=True), x=x)["y"], expected)
    np.testing.assert_array_equal(run(graph(resized=False), x=np.asfortranarray(x))["y"], expected)
