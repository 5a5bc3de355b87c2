"""Tracing: what is recorded, what is shared, and what a user is told who branches on a value."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from sightline.backends import reference
from sightline.frontend import nn
from sightline.frontend.nn import Tensor
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.graph import Const, Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.text import to_text
from sightline.ir.verify import verify
from tests.conftest import Golden

MAPS = {"x": (1, 2, 6, 6)}


class Lambda(nn.Module):
    """A module whose forward is a function, for short tests."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def graph_of(function: Callable[..., Any], **inputs: tuple[int, ...]) -> Graph:
    graph = trace(Lambda(function), inputs or MAPS).graph
    verify(graph)
    return graph


class Pyramid(nn.Network):
    """One extractor on two scales."""

    name = "pyramid"

    def __init__(self) -> None:
        self.inputs = {"image": (1, 1, 8, 8)}
        with nn.seeded(1):
            self.net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh())

    def forward(self, image: Tensor) -> dict[str, Any]:
        coarse = nn.PyramidDown()(image)
        return {"fine": self.net(image), "coarse": self.net(coarse)}


def test_a_module_applied_twice_shares_its_weights_and_its_instance(golden: Golden) -> None:
    graph = trace(Pyramid()).graph
    verify(graph)
    banks = [node for node in graph.nodes if isinstance(node.op, Conv)]
    assert len(banks) == 2
    assert banks[0].inputs[1:] == banks[1].inputs[1:]
    assert {bank.instance for bank in banks} == {"net.0"}
    assert sum(isinstance(node.op, Const) for node in graph.nodes) == 2
    golden(to_text(graph))


def test_arithmetic_means_what_it_says() -> None:
    graph = graph_of(lambda x: 1.0 - (2.0 * x + x) * np.float32(0.5) - (-x) + np.ones((2, 1, 1)))
    x = np.random.default_rng(0).standard_normal(MAPS["x"]).astype(np.float32)
    expected = 1.0 - 3 * x * 0.5 + x + 1
    np.testing.assert_allclose(reference.run(graph, x=x)["output"], expected, rtol=1e-5, atol=1e-6)


def test_slices_reshapes_and_concatenations_mean_what_numpy_means() -> None:
    def forward(x: Tensor) -> Tensor:
        parts = [x[:, :1, ::2, 1:], x[:, 1:, -1:0:-2, :-1]]
        return nn.cat(parts).transpose(0, 2, 3, 1).reshape(3, -1 + 11).flatten()

    x = np.arange(72, dtype=np.float32).reshape(MAPS["x"])
    expected = np.concatenate([x[:, :1, ::2, 1:], x[:, 1:, -1:0:-2, :-1]], 1)
    expected = expected.transpose(0, 2, 3, 1).reshape(3, 10)
    np.testing.assert_array_equal(reference.run(graph_of(forward), x=x)["output"], expected)


def test_outputs_are_labelled() -> None:
    both = graph_of(lambda x: (x * 2.0, x + 1.0))
    assert [output.label for output in both.outputs] == ["output0", "output1"]
    named = graph_of(lambda x: {"twice": x * 2.0, "same": x})
    assert [output.label for output in named.outputs] == ["twice", "same"]


def test_several_inputs_come_in_order() -> None:
    graph = graph_of(lambda a, b: a - b, a=(2, 3), b=(1, 3))
    assert [node.name for node in graph.inputs] == ["a", "b"]
    a, b = np.ones((2, 3), np.float32), np.full((1, 3), 3, np.float32)
    np.testing.assert_array_equal(reference.run(graph, a=a, b=b)["output"], np.full((2, 3), -2))


def test_errors_of_ops_name_the_layer_and_where_it_was_made() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3))
    with pytest.raises(
        UserError,
        match=r"^node '0' \(.*test_trace\.py:\d+\): the filter bank sees 3 input maps, but its "
        r"input f32\[1,2,6,6\] has 2\.",
    ):
        trace(net, MAPS)


def branch(x: Tensor) -> Tensor:
    if x > 0:
        return x
    return x * 2.0


def line_of(function: Callable[..., Any], text: str) -> str:
    lines = Path(__file__).read_text().splitlines()
    start = function.__code__.co_firstlineno
    return (
        f"test_trace.py:{next(n for n, line in enumerate(lines, 1) if n > start and text in line)}"
    )


def test_a_branch_on_a_traced_value_names_file_and_line() -> None:
    with pytest.raises(UserError, match=r"a Python branch.*needs the numbers of a traced") as error:
        trace(Lambda(branch), MAPS)
    assert error.value.where.endswith(line_of(branch, "if x > 0"))


@pytest.mark.parametrize(
    "misuse",
    [
        bool,
        float,
        int,
        len,
        list,
        math.sqrt,
        np.asarray,
        lambda x: x == 0,
        lambda x: 3 in x,
        lambda x: [0, 1][x],
        lambda x: "a" if x else "b",
    ],
)
def test_everything_that_needs_numbers_is_refused(misuse: Callable[[Tensor], Any]) -> None:
    with pytest.raises(UserError, match=r"test_trace\.py:\d+: a Python branch, loop, comparison"):
        trace(Lambda(lambda x: misuse(x)), MAPS)


@pytest.mark.parametrize("index", [0, (slice(None), 1), np.array([0]), (slice(None),) * 5])
def test_an_index_that_drops_an_axis_is_refused(index: Any) -> None:
    with pytest.raises(UserError, match=r"is indexed by slices of constants.*Write i:i\+1"):
        trace(Lambda(lambda x: x[index]), MAPS)


@pytest.mark.parametrize("result", [None, {}, (), 3, {"y": 3}, (np.ones(3),)])
def test_a_forward_that_returns_no_tensor_is_refused(result: Any) -> None:
    with pytest.raises(UserError, match=r"test_trace\.py:\d+: forward of Lambda returned"):
        trace(Lambda(lambda x: result), MAPS)


def test_a_module_that_does_not_say_what_it_takes_is_refused() -> None:
    with pytest.raises(UserError, match=r"Lambda does not say what it takes\. Give the name and"):
        trace(Lambda(lambda x: x))


def test_a_module_called_outside_a_trace_is_refused() -> None:
    with pytest.raises(UserError, match=r"^a module was called outside of a trace\."):
        nn.Tanh()(cast(Tensor, np.ones(3)))


def test_a_value_of_another_trace_is_refused() -> None:
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x)
        return x

    trace(Lambda(keep), MAPS)
    with pytest.raises(UserError, match=r"add was given .* which is no value of this trace"):
        trace(Lambda(lambda x: x + kept[0]), MAPS)


def test_a_failed_trace_leaves_nothing_behind() -> None:
    with pytest.raises(UserError):
        trace(Lambda(branch), MAPS)
    with pytest.raises(UserError, match=r"^a module was called outside of a trace\."):
        nn.Tanh()(cast(Tensor, np.ones(3)))
