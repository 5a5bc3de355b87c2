"""Tracing: what is recorded, what is shared, and what a user is told who branches on a value."""

from __future__ import annotations

import inspect
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
from tests.support.modules import Lambda

MAPS = {"x": (1, 2, 6, 6)}


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


@pytest.mark.parametrize("result", [None, {}, (), 3, np.ones(3), {"y": 3}, (np.ones(3),)])
def test_a_forward_that_returns_no_tensor_is_refused(result: Any) -> None:
    with pytest.raises(UserError, match=r"modules\.py:\d+: forward of Lambda returned"):
        trace(Lambda(lambda x: result), MAPS)


@pytest.mark.parametrize("label", [1, "", None])
def test_labels_of_outputs_are_texts(label: Any) -> None:
    with pytest.raises(UserError, match=r"modules\.py:\d+: forward of Lambda labels an output "):
        trace(Lambda(lambda x: {label: x}), MAPS)


class Echo(nn.Network):
    """A network whose parts of the interface the tests make wrong."""

    def __init__(self, **interface: Any) -> None:
        self.inputs = {"x": (1, 2)}
        vars(self).update(interface)

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize(
    ("interface", "message"),
    [
        ({"inputs": [1, 2]}, r"the inputs of Echo are a dict, found \[1, 2\]\. Give the name and "),
        ({"inputs": None}, r"the inputs of Echo are a dict, found None\. Give the name and shape"),
        ({"inputs": {}}, r"Echo does not say what it takes\. Give the name and shape of each inp"),
        (
            {"inputs": {"x": "1,2,4,4"}},
            r"the shape of the input 'x' of Echo is whole numbers, .* "
            r"found '1,2,4,4'\.$",
        ),
        ({"inputs": {"x": 5}}, r"the shape of the input 'x' .*, found 5\.$"),
        ({"inputs": {"x": (1, 2.5)}}, r"the shape of the input 'x' .*, found \(1, 2\.5\)\.$"),
        ({"inputs": {"x": (1, 0)}}, r"every size of a shape is at least 1, not \[1, 0\]\.$"),
        ({"inputs": {5: (1, 2)}}, r"an input of Echo is named by a text, found 5\.$"),
        ({"inputs": {"": (1, 2)}}, r"an input of Echo is named by a text, found ''\.$"),
        ({"name": 5}, r"the name of Echo is a text, found 5\.$"),
        ({"picture": "rgb"}, r"the picture of Echo is a Picture, found 'rgb'\. Write Picture\('rg"),
        ({"classes": [1, 2]}, r"the classes of Echo are a list of texts, found \[1, 2\]\. Name "),
        ({"classes": "cat"}, r"the classes of Echo are a list of texts, found 'cat'\. Name each"),
        ({"classes": 10}, r"the classes of Echo are a list of texts, found 10\. Name each class"),
        ({"forward": 3}, r"forward of Echo is 3, not a method\.$"),
    ],
)
def test_an_interface_that_is_wrong_is_refused(interface: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        trace(Echo(**interface))
    assert error.value.where.endswith(line_of_class(Echo))


def line_of_class(cls: type) -> str:
    return f"test_trace.py:{inspect.getsourcelines(cls)[1]}"


def test_shapes_take_numpys_integers() -> None:
    for shape in ([np.int64(1), np.int64(2)], np.array([1, 2]), [1, 2]):
        (node,) = trace(Echo(inputs={"x": shape})).graph.inputs
        assert node.type.shape == (1, 2)
        assert all(type(size) is int for size in node.type.shape)


@pytest.mark.parametrize("count", [1, 3])
def test_a_forward_that_takes_other_inputs_is_named(count: int) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x

    inputs = {f"x{index}": (1, 2) for index in range(count)}
    with pytest.raises(
        UserError, match=r": forward of Two takes \(x, y\), but is given (1 input|3 inputs)\.$"
    ) as error:
        trace(Two(), inputs)
    first = Two.forward.__code__.co_firstlineno
    assert error.value.where.endswith(f"test_trace.py:{first}")


def test_a_layer_given_too_many_inputs_is_named() -> None:
    with pytest.raises(
        UserError, match=r"test_trace\.py:\d+: forward of Linear takes \(x\), but is given 2 in"
    ):
        trace(Lambda(lambda x: nn.Linear(3, 3)(x, x)), {"x": (1, 3)})
    with pytest.raises(UserError, match=r"test_trace\.py:\d+: relu cannot take 2 operands\.$"):
        trace(Lambda(lambda x: nn.ReLU()(x, x)), MAPS)
    with pytest.raises(UserError, match=r"test_trace\.py:\d+: flatten cannot take 2 operands\.$"):
        trace(Lambda(lambda x: nn.Flatten()(x, x)), MAPS)


def test_what_is_no_module_is_not_traced() -> None:
    with pytest.raises(
        UserError, match=r"is a module of .*, found the class Echo\. Make one of it: Echo\(…\)\.$"
    ):
        trace(cast(nn.Module, Echo))


def test_a_module_that_does_not_say_what_it_takes_is_refused() -> None:
    with pytest.raises(UserError, match=r"Lambda does not say what it takes\. Give the name and"):
        trace(Lambda(lambda x: x))


def test_a_module_called_outside_a_trace_is_refused() -> None:
    with pytest.raises(UserError, match=r"test_trace\.py:\d+: a module was called outside of a tr"):
        nn.Tanh()(cast(Tensor, np.ones(3)))


def test_a_value_of_another_trace_is_refused() -> None:
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x)
        return x

    trace(Lambda(keep), MAPS)
    with pytest.raises(
        UserError,
        match=r": add was given Tensor\(f32\[1,2,6,6\]\), which is no value of this trace",
    ):
        trace(Lambda(lambda x: x + kept[0]), MAPS)
    with pytest.raises(UserError, match=r": forward of Lambda returned Tensor for its output 'out"):
        trace(Lambda(lambda x: kept[0]), MAPS)


def test_a_failed_trace_leaves_nothing_behind() -> None:
    with pytest.raises(UserError):
        trace(Lambda(branch), MAPS)
    with pytest.raises(UserError, match=r"test_trace\.py:\d+: a module was called outside of a tr"):
        nn.Tanh()(cast(Tensor, np.ones(3)))


class Scaled(nn.Module):
    """Multiplies by its own array of double precision, as users assign them."""

    def __init__(self) -> None:
        self.bank = nn.Conv2d(2, 2, 1)
        self.bank.weight = self.bank.weight.astype(np.float64)
        self.factor = np.full((2, 1, 1), 0.5)

    def forward(self, x: Tensor) -> Any:
        return self.bank(self.bank(x * self.factor) * self.factor)


def test_arrays_of_any_precision_are_shared() -> None:
    graph = trace(Scaled(), MAPS).graph
    assert sum(isinstance(node.op, Const) for node in graph.nodes) == 3


def test_an_array_that_changes_between_its_uses_is_two_constants() -> None:
    def forward(x: Tensor) -> Tensor:
        factor = np.full((2, 1, 1), 2, np.float32)
        y = x * factor
        factor[:] = 3
        return y * factor

    x = np.ones(MAPS["x"], np.float32)
    np.testing.assert_array_equal(reference.run(graph_of(forward), x=x)["output"], 6 * x)
