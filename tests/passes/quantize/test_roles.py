"""What becomes integers, what stays in float at the edges, and what is refused between banks."""

from __future__ import annotations

import re

import pytest

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.passes.precision import Precisions
from sightline.passes.quantize.roles import Role, find_roles
from tests.support.pass_checks import graph_of

BANK = "conv({}, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,4,4]"


def net(*lines: str, result: str = "y") -> Graph:
    """A graph of maps of one size, from lines without their types."""
    body = "\n".join(
        f"{line} : f32[1,2,4,4]" if " : " not in line else line for line in ("x = input", *lines)
    )
    return graph_of(f"w = const [1.0, 0.5, -0.5, 1.0] : f32[4,1,1]\n{body}\nreturn out={result}")


def roles(graph: Graph, *precision: str) -> dict[str, str]:
    found = find_roles(graph, Precisions.parse(precision))
    return {node.name: found[node.name].name.lower() for node in graph.operations}


def test_each_op_has_its_role() -> None:
    graph = net(
        f"c = {BANK.format('x')}",
        "t = tanh(c)",
        "m = max_pool(t, kernel=[3, 3], pads=[1, 1, 1, 1])",
        "p = average_pool(m, kernel=[3, 3], pads=[1, 1, 1, 1])",
        f"d = {BANK.format('p')}",
        "s = add(d, t)",
        "y = arg_max(s, axis=1) : i32[1,4,4]",
    )
    wanted = ("exact", "function", "move", "exact", "exact", "exact", "label")
    assert tuple(roles(graph).values()) == wanted


def test_what_has_no_integers_stays_in_float_behind_the_last_bank() -> None:
    graph = net(f"c = {BANK.format('x')}", "s = softmax(c, axis=1)", "r = relu(s)", result="r")
    assert roles(graph) == {"c": "exact", "s": "float", "r": "float"}


def test_what_has_no_integers_stays_in_float_before_the_first_bank() -> None:
    graph = net("r = relu(x)", "s = softmax(r, axis=1)", f"c = {BANK.format('s')}", result="c")
    assert roles(graph) == {"r": "float", "s": "float", "c": "exact"}
    assert find_roles(graph, Precisions.parse("int8"))["x"] is Role.FLOAT


MIDDLE = net(
    f"c = {BANK.format('x')}",
    "s = softmax(c, axis=1)",
    "r = relu(s)",
    f"y = {BANK.format('r')}",
)


def test_between_banks_it_is_refused_and_the_fix_works() -> None:
    with pytest.raises(UserError, match=r"^node 's': softmax has no form in integers") as caught:
        roles(MIDDLE)
    fix = re.search(r"--precision (\S*=float)\.", str(caught.value))
    assert fix
    assert fix[1] == "s=float"
    wanted = {"c": "exact", "s": "float", "r": "function", "y": "exact"}
    assert roles(MIDDLE, "int8", fix[1]) == wanted


def test_a_layer_is_in_float_alone() -> None:
    graph = net(f"c = {BANK.format('x')}", "t = tanh(c)", f"y = {BANK.format('t')}")
    assert roles(graph, "t=float") == {"c": "exact", "t": "float", "y": "exact"}
    assert roles(graph, "float") == dict.fromkeys(("c", "t", "y"), "float")
    assert roles(graph, "float", "c=int8") == {"c": "exact", "t": "float", "y": "float"}


def test_a_bank_of_computed_weights_stays_in_float() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        w = input : f32[1,1,1]
        y = conv(x, w, kernel=[1, 1], maps=[1, 1]) : f32[1,1,4,4]
        return y=y
    """)
    assert roles(graph) == {"y": "float"}
