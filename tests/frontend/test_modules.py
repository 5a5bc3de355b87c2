"""Modules: loading all weights or none, and what may be a part."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sightline.frontend import nn
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.ops.pointwise import Tanh
from tests.support.modules import untyped

LOAD = r"^\S*test_modules\.py:\d+: "


def pickled(value: object) -> np.lib.npyio.NpzFile[Any]:
    file = io.BytesIO()
    np.savez(file, weight=np.array([[value]], object), bias=np.ones(1))
    file.seek(0)
    loaded: np.lib.npyio.NpzFile[Any] = np.load(file, allow_pickle=False)
    return loaded


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": np.zeros((1, 2)), "bias": np.array(["a"])}, r"the weights 'bias' .*'a'"),
        ({"weight": np.zeros((1, 2)), "bias": np.array([1e300])}, r"the weights 'bias' .*1e\+300"),
        ({"weight": np.zeros((1, 2)), "bias": np.array([np.nan])}, r"the weights 'bias' .*nan"),
        ({"weight": np.zeros((1, 2)), "bias": [None]}, r"the weights 'bias' .*None"),
        ({"weight": np.zeros((1, 2)), "bias": np.zeros(2)}, r"the weights 'bias' have shape \[2\]"),
        ({"weight": np.zeros((1, 2))}, r"the weights do not fit Linear: bias is missing"),
        ({"weight": np.zeros((1, 2)), "bias": np.zeros(1), 5: 0}, r"the weights .*: 5 is unknown"),
        (pickled(object), r"the weights 'weight' cannot be read: Object arrays cannot be loaded "),
        ("weights.npz", r"weights are a mapping .*, found 'weights\.npz'\. Open a file of them wi"),
    ],
)
def test_weights_are_loaded_all_or_none(weights: Any, message: str) -> None:
    layer = nn.Linear(2, 1)
    before = {name: array.copy() for name, array in layer.parameters().items()}
    with pytest.raises(UserError, match=LOAD + message):
        layer.load(weights)
    for name, array in layer.parameters().items():
        np.testing.assert_array_equal(array, before[name])


def test_loaded_weights_are_the_modules_own() -> None:
    given: dict[str, Any] = {"weight": np.ones((1, 2), np.float32), "bias": np.ones(1)}
    layer = nn.Linear(2, 1)
    layer.load(given)
    given["weight"][:] = 5
    np.testing.assert_array_equal(layer.weight, [[1, 1]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: nn.Sequential(untyped(nn.ReLU)),
            r"found the class ReLU\. Make one of it: ReLU",
        ),
        (lambda: nn.Sequential(untyped([nn.ReLU()])), r"found a list\. Give its items one by one"),
        (
            lambda: nn.Sequential(untyped("relu")),
            r"a part of Sequential is .* found 'relu'",
        ),
        (lambda: nn.Apply(untyped(3)), r"Apply makes a layer of an op, found 3\.$"),
        (lambda: nn.Apply(untyped(Tanh)), r"found the class Tanh\. Make one of it: Tanh\(…\)\.$"),
    ],
)
def test_parts_are_modules_and_ops(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=rf"^\S*test_modules\.py:\d+: .*{message}"):
        make()


@pytest.mark.parametrize("weight", [np.full((1, 2), np.inf), [["a", "b"]], np.full((1, 2), 1e39)])
def test_a_weight_that_is_not_finite_names_its_layer(weight: Any) -> None:
    layer = nn.Linear(2, 1)
    layer.weight = weight
    with pytest.raises(UserError, match=r"test_modules\.py:\d+: the weight of Linear ") as error:
        trace(nn.Sequential(layer), {"x": (1, 2)})
    assert error.value.where == layer.where


def test_weights_of_double_precision_are_rounded() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight = np.array([[0.1, 0.2]])
    graph = trace(layer, {"x": (1, 2)}).graph
    assert graph.nodes[1].type == graph.nodes[0].type
