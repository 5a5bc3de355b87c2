"""Inputs are checked before a graph is evaluated; tests of the reference hold what it gives."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pytest

from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.evaluate import check_inputs
from sightline.ir.graph import Graph
from sightline.ir.types import Array, Int, TensorType


def two_inputs() -> Graph:
    net = GraphBuilder("net")
    for name, type_ in (("x", TensorType((1, 3))), ("y", TensorType((2,), Int(5)))):
        net.output(net.input(name, type_))
    return net.finish()


X, Y = np.zeros((1, 3), np.float32), np.zeros(2, np.int8)


def test_right_inputs_pass() -> None:
    check_inputs(two_inputs(), {"y": Y, "x": X})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {},
            "the network takes x, y, but was given nothing. Give one array for each input, by its "
            "name.",
        ),
        (
            {"x": X},
            "the network takes x, y, but was given x. Give one array for each input, by its name.",
        ),
        (
            {"x": X, "y": Y, "z": Y},
            "the network takes x, y, but was given x, y, z. Give one array for each input, by its "
            "name.",
        ),
        (
            {"x": X[0], "y": Y},
            "the input 'x' is f32[1,3] (float32), but was given an array of shape [3] and type "
            "float32. Of an array x, give x[None].",
        ),
        (
            {"x": np.zeros((3, 1), np.float32), "y": Y},
            "the input 'x' is f32[1,3] (float32), but was given an array of shape [3, 1] and type "
            "float32.",
        ),
        (
            {"x": X.astype(np.float64), "y": Y},
            "the input 'x' is f32[1,3] (float32), but was given an array of shape [1, 3] and type "
            "float64. Of an array x, give x.astype('float32').",
        ),
        (
            {"x": X, "y": Y.astype(np.uint8)},
            "the input 'y' is i5[2] (int8), but was given an array of shape [2] and type uint8. "
            "Of an array x, give x.astype('int8'), if its numbers mean the same.",
        ),
    ],
)
def test_other_inputs_are_refused(inputs: Mapping[str, Array], message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        check_inputs(two_inputs(), inputs)


def test_a_graph_without_inputs_takes_nothing() -> None:
    net = GraphBuilder("net")
    net.output(net.constant(Y, "c"))
    check_inputs(net.finish(), {})
    with pytest.raises(UserError, match=r"^the network takes nothing, but was given x\. "):
        check_inputs(net.finish(), {"x": X})
