"""Which values are rounded, in how many bits, and which share an encoding."""

from __future__ import annotations

import pytest
from hypothesis import given

from sightline.ir.graph import Graph
from sightline.ir.ops.pointwise import Tanh
from sightline.passes.precision import Precisions
from sightline.passes.quantize.regions import Regions, Use, find_regions
from tests.support.examples import examples
from tests.support.pass_checks import graph_of
from tests.support.quantized import find_some_regions, prepared
from tests.support.random_graphs import graphs

CONV = "conv({}, {}, kernel=[1, 1], maps=[2, 2])"


def net(*lines: str, returns: str = "y=y") -> Graph:
    """Maps of one size, with weights u, v and w; lines without a type are of that size."""
    head = (
        "x = input",
        "v = const [1, 2, 3, 4] : f32[4,1,1]",
        "w = const [4, 3, 2, 1] : f32[4,1,1]",
        "u = const [1, 1, 2, 2] : f32[4,1,1]",
    )
    body = "\n".join(
        f"{line} : f32[1,2,4,4]" if " : " not in line else line for line in (*head, *lines)
    )
    return graph_of(f"{body}\nreturn {returns}")


def regions(graph: Graph, *precision: str) -> Regions:
    return find_regions(graph, Precisions.parse(precision))


def together(graph: Graph, *precision: str) -> set[frozenset[str]]:
    return {frozenset(group.members) for group in regions(graph, *precision).groups.values()}


def uses(graph: Graph, *precision: str) -> dict[str, tuple[Use, int]]:
    groups = regions(graph, *precision).groups
    return {value: (group.use, group.bits) for value, group in groups.items()}


@pytest.mark.parametrize(("precision", "bits", "index"), [("int8", 8, 10), ("int16", 16, 12)])
def test_bits_are_those_of_use(precision: str, bits: int, index: int) -> None:
    graph = net(
        "n = mul(x, x)",
        f"a = {CONV.format('n', 'v')}",
        "p = max_pool(a, kernel=[3, 3], pads=[1, 1, 1, 1])",
        "t = tanh(p)",
        f"y = {CONV.format('t', 'w')}",
    )
    assert uses(graph, precision) == {
        "x": (Use.WIDE, 16),
        "n": (Use.PLAIN, bits),
        "a": (Use.INDEX, index),
        "p": (Use.INDEX, index),
        "t": (Use.PLAIN, bits),
        "y": (Use.SCORE, 16),
    }
    groups = regions(graph, precision).groups
    assert groups["a"] == groups["p"]
    assert groups["a"].functions == ((Tanh(),),)
    assert groups["x"].symmetric


def test_limits_cost_no_rounding_of_their_own() -> None:
    graph = net(
        f"a = {CONV.format('x', 'v')}",
        "r = relu(a)",
        "c = clip(r, high=6.0)",
        f"y = {CONV.format('c', 'w')}",
    )
    assert together(graph) == {frozenset(value) for value in ("x", "c", "y")}


def test_functions_in_a_row_are_one_table() -> None:
    graph = net(
        f"a = {CONV.format('x', 'v')}", "t = tanh(a)", "s = abs(t)", f"y = {CONV.format('s', 'w')}"
    )
    assert together(graph) == {frozenset(value) for value in ("x", "a", "s", "y")}
    (chain,) = regions(graph).groups["a"].functions
    assert [function.kind for function in chain] == ["tanh", "abs"]


def test_a_limit_that_a_table_follows_is_of_the_rounding() -> None:
    graph = net(
        f"a = {CONV.format('x', 'v')}", "r = relu(a)", "t = tanh(r)", f"y = {CONV.format('t', 'w')}"
    )
    assert together(graph) == {frozenset(value) for value in ("x", "r", "t", "y")}
    assert uses(graph)["r"] == (Use.INDEX, 10)


def test_what_the_caller_or_others_read_is_rounded_before_a_limit() -> None:
    lines = (f"a = {CONV.format('x', 'v')}", "r = relu(a)", f"y = {CONV.format('r', 'w')}")
    assert frozenset("a") in together(net(*lines, returns="y=y, a=a"))
    shared = net(*lines, "z = add(a, y)", returns="z=z")
    assert frozenset("a") in together(shared)


def test_scores_over_scales_have_one_encoding() -> None:
    graph = net(
        f"a = {CONV.format('x', 'v')}",
        "small = average_pool(x, kernel=[2, 2], strides=[2, 2]) : f32[1,2,2,2]",
        "b = conv(small, w, kernel=[1, 1], maps=[2, 2]) : f32[1,2,2,2]",
        "z = resize_nearest(b, size=[4, 4])",
        "y = add(a, z)",
        "l = arg_max(y, axis=1) : i32[1,4,4]",
        returns="y=y, l=l",
    )
    assert frozenset("abzy") in together(graph)
    assert all(uses(graph)[value] == (Use.SCORE, 16) for value in "abzy")


def test_sums_that_a_bank_reads_are_no_scores() -> None:
    graph = net(f"a = {CONV.format('x', 'v')}", "s = add(a, x)", f"y = {CONV.format('s', 'w')}")
    assert together(graph) == {frozenset(value) for value in ("x", "a", "s", "y")}
    assert uses(graph)["s"] == (Use.PLAIN, 8)


def test_a_concatenation_is_of_one_encoding_with_its_constant() -> None:
    graph = net(
        f"a = {CONV.format('x', 'v')}",
        "k = const [10, -2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] : f32[1,1,4,4]",
        "c = concat(a, k, axis=1) : f32[1,3,4,4]",
        "g = global_average_pool(c) : f32[1,3,1,1]",
        returns="g=g",
    )
    assert frozenset("ack") in together(graph)


def twins(*, shared: bool) -> Graph:
    second = "v" if shared else "u"
    return net(
        "s = tanh(x)",
        f"a = {CONV.format('x', 'v')}",
        f"b = {CONV.format('s', second)}",
        "ta = tanh(a)",
        "tb = tanh(b)",
        f"ca = {CONV.format('ta', 'w')}",
        f"cb = {CONV.format('tb', 'w')}",
        returns="y=ca, z=cb",
    )


def test_twins_share_encodings() -> None:
    found = together(twins(shared=True))
    assert {frozenset(pair) for pair in (("a", "b"), ("ta", "tb"), ("ca", "cb"))} <= found
    assert frozenset("xs") in found
    apart = together(twins(shared=False))
    assert {frozenset("a"), frozenset("b"), frozenset(("ta", "tb"))} <= apart


def test_the_finest_precision_of_twins_holds_for_both() -> None:
    groups = regions(twins(shared=True), "ta=int16").groups
    assert groups["tb"].bits == 16


def test_a_value_in_float_is_as_fine_as_its_readers_are() -> None:
    graph = net(f"a = {CONV.format('x', 'v')}", "t = tanh(a)", f"y = {CONV.format('t', 'w')}")
    groups = regions(graph, "t=float", "y=int16").groups
    assert (groups["t"].bits, groups["x"].bits, groups["a"].use) == (16, 8, Use.SCORE)


def test_nothing_is_rounded_where_all_is_float() -> None:
    graph = net(f"a = {CONV.format('x', 'v')}", "y = tanh(a)")
    assert not regions(graph, "float").groups
    assert not regions(graph_of("x = input : f32[2]\nreturn x=x")).groups


@examples(150)
@given(graphs())
def test_groups_hold_each_value_once(graph: Graph) -> None:
    ready = prepared(graph)
    found = find_some_regions(ready, Precisions.parse("int8"))[1]
    for value, group in found.groups.items():
        assert value in group.members
        assert all(found.groups[member] is group for member in group.members)
    for node in ready.operations:
        moved = found.roles[node.name].name == "MOVE" and node.name in found.groups
        if moved:
            assert all(found.groups[x] is found.groups[node.name] for x in node.inputs)


def test_banks_of_other_tables_are_no_twins_though_their_weights_are_equal() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        w = const [1.0, 0.5] : f32[2,1,1]
        a = conv(x, w, kernel=[1, 1], maps=[1, 2]) : f32[1,2,4,4]
        t = tanh(a) : f32[1,2,4,4]
        y = conv(t, w, kernel=[1, 1], maps=[2, 1]) : f32[1,1,4,4]
        return y=y
    """)
    assert together(graph) == {frozenset(value) for value in "xaty"}
