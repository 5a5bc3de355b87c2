"""What is observed of each value, in any order of frames, in flat memory; what is refused."""

from __future__ import annotations

import gc
import random
import re
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.classify import ArgMax
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Relu
from sightline.ir.table import Table
from sightline.ir.types import FLOAT32, Array, TensorType
from sightline.ir.window import Window
from sightline.passes.calibrate import observe
from sightline.passes.statistics import merged, statistics_of
from tests.passes.test_statistics import assert_equal
from tests.support.examples import examples
from tests.support.pass_checks import all_values
from tests.support.random_graphs import graphs, inputs_for

IMAGE = TensorType((1, 2, 6, 5))


def network(type_: TensorType = IMAGE) -> Graph:
    """A filter bank, ReLU and labels, each said to be of a place in a user's file."""
    rng = np.random.default_rng(0)
    net = GraphBuilder("net")
    x = net.input("image", type_, where="net.py:1")
    weights = net.constant(rng.standard_normal((6, 3, 3)).astype(np.float32), "weights")
    op = Conv(Window((3, 3)), Table.dense(2, 3))
    bank = net.add(op, x, weights, name="bank", where="net.py:2")
    relu = net.add(Relu(), bank, name="relu", where="net.py:3")
    net.output(relu, "scores")
    net.output(net.add(ArgMax(1), relu, name="labels"), "labels")
    return net.finish()


def sum_of_two() -> Graph:
    net = GraphBuilder("net")
    net.output(net.add(Add(), net.input("a", IMAGE), net.input("b", IMAGE)), "y")
    return net.finish()


def frame(seed: int, type_: TensorType = IMAGE) -> Array:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(type_.shape) * 2.0 ** rng.integers(-4, 5)).astype(np.float32)


@examples(40)
@given(graphs(), st.integers(0, 99))
def test_every_value_of_any_graph_is_observed(graph: Graph, seed: int) -> None:
    frames = [inputs_for(graph, seed + k) for k in range(3)]
    every = [all_values(graph, each) for each in frames]
    found = observe(graph, frames)
    wanted = {
        node.name
        for node in graph.nodes
        if node.type.element == FLOAT32 and not isinstance(node.op, Const) and graph.uses[node.name]
    }
    assert found.keys() == wanted
    for name, statistics in found.items():
        assert_equal(statistics, merged(*(statistics_of(values[name]) for values in every)))


def test_integers_and_constants_are_left_out() -> None:
    assert observe(network(), [frame(0)]).keys() == {"image", "bank", "relu"}


def test_the_order_of_frames_does_not_matter() -> None:
    frames = [frame(seed) for seed in range(12)]
    found = observe(network(), frames)
    for seed in range(3):
        random.Random(seed).shuffle(frames)
        again = observe(network(), frames)
        for name, statistics in found.items():
            assert_equal(again[name], statistics)


def test_frames_are_arrays_or_mappings() -> None:
    one, other = (observe(network(), each) for each in ([frame(0)], [{"image": frame(0)}]))
    for name, statistics in one.items():
        assert_equal(other[name], statistics)
    found = observe(sum_of_two(), [{"a": frame(0), "b": frame(1)}])
    assert_equal(found["b"], statistics_of(frame(1)))


def test_progress_is_told_with_and_without_a_known_end() -> None:
    told: list[tuple[str, int, int]] = []
    observe(network(), [frame(0), frame(1)], lambda *step: told.append(step))
    assert told == [("calibrating", k, 2) for k in (0, 1, 2)]
    told.clear()
    observe(network(), (frame(k) for k in range(2)), lambda *step: told.append(step))
    assert told == [("calibrating", 0, 1), ("calibrating", 1, 2), ("calibrating", 2, 2)]


def test_memory_does_not_grow_with_the_frames() -> None:
    type_ = TensorType((1, 2, 40, 40))
    graph = network(type_)

    def peak(count: int) -> int:
        def frames() -> Iterator[Array]:
            for seed in range(count):
                if seed % 16 == 0:
                    gc.collect()  # NumPy leaves slices behind that refer to each other
                yield frame(seed, type_)

        tracemalloc.start()
        observe(graph, frames())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # what is made once
    assert peak(512) < 1.1 * peak(16)


def refusal(graph: Graph, frames: Any) -> str:
    with pytest.raises(UserError) as error:
        observe(graph, frames)
    return str(error.value)


@pytest.mark.parametrize("frames", [[], iter(())])
def test_no_frames_are_refused(frames: Any) -> None:
    assert refusal(network(), frames) == (
        "there are no frames to calibrate with. Give some tens of frames that are typical of what "
        "the network will see."
    )


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            frame(0)[:, :, 1:],
            "does not fit: the input 'image' is f32[1,2,6,5] (float32), but was given an array of "
            "shape [1, 2, 5, 5] and type float32.",
        ),
        (
            frame(0).astype(np.float64),
            "does not fit: the input 'image' is f32[1,2,6,5] (float32), but was given an array of "
            "shape [1, 2, 6, 5] and type float64.",
        ),
        (
            {"picture": frame(0)},
            "does not fit: the network takes image, but was given picture. Give one array for "
            "each input, by its name.",
        ),
        (frame(0).tolist(), "is a list, but the network takes an array for image. Give NumPy"),
        ({"image": 3}, "is a mapping of image: int, but the network takes an array for image. "),
        (None, "is a NoneType, but the network takes an array for image. "),
    ],
    ids=["shape", "type", "name", "list", "number", "nothing"],
)
def test_frames_that_do_not_fit_are_refused(second: Any, message: str) -> None:
    found = refusal(network(), [frame(0), second])
    assert found.startswith(f"frame 2 {message}")


def test_one_array_is_not_enough_for_two_inputs() -> None:
    found = refusal(sum_of_two(), [frame(0)])
    assert found.startswith("frame 1 is a single array, but the network takes an array for a, b. ")


@pytest.mark.parametrize(
    ("number", "what"), [(np.nan, "no numbers"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
def test_what_is_not_finite_is_refused_where_it_comes_in(number: float, what: str) -> None:
    bad = frame(1)
    bad[0, 1, 2, 3] = number
    place = re.escape("node 'image' (net.py:1): at frame 2, 1 of the 60 numbers")
    assert re.match(f"{place} of this value are {what}, ", refusal(network(), [frame(0), bad]))


def test_what_overflows_is_refused_where_it_does() -> None:
    huge = np.full(IMAGE.shape, 3e38, np.float32)
    huge[:, 1] = -3e38
    found = refusal(network(), (each for each in (frame(0), frame(1), huge)))
    assert found.startswith("node 'bank' (net.py:2): at frame 3, ")
