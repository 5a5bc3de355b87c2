"""What `simplify` leaves out, and what only looks as if it could go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.graph import Const, Graph
from sightline.ir.text import to_text
from sightline.passes.simplify import FOLDED_ELEMENTS, simplify
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import check_pass, graph_of
from tests.support.random_graphs import graphs

STEPS = (
    "identity", "reshape", "flatten", "gather", "slice_", "concat", "affine", "binary",
    "computed_constant", "pad", "transpose", "upsample", "resize",
)  # fmt: skip


@examples(100)
@given(graphs(), st.integers(0, 99))
def test_means_the_same_on_any_graph(graph: Graph, seed: int) -> None:
    check_pass(simplify, graph, seed=seed, tolerance=0)


@examples(100)
@given(graphs(steps=STEPS), st.integers(0, 99))
def test_means_the_same_where_it_has_work(graph: Graph, seed: int) -> None:
    check_pass(simplify, graph, seed=seed, tolerance=0)


def test_constants_are_computed(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2]
        a = const [1.0, 2.0] : f32[2]
        b = const [3.0] : f32[1]
        sum = add(a, b) : f32[2]
        scores = mul(sum, sum) : f32[2]
        y = mul(x, scores) : f32[1,2]
        best = arg_max(scores, axis=0) : i32[]
        return y=y, best=best
    """)
    golden(to_text(check_pass(simplify, graph, tolerance=0)))


@pytest.mark.parametrize(
    ("copies", "folded"), [(FOLDED_ELEMENTS, True), (FOLDED_ELEMENTS + 1, False)]
)
def test_constants_do_not_grow_beyond_a_bound(copies: int, folded: bool) -> None:
    indices = ", ".join(["0"] * copies)
    graph = graph_of(f"""
        c = const [2.0] : f32[1]
        g = gather(c, axis=0, indices=[{indices}]) : f32[{copies}]
        return y=g
    """)
    after = simplify(graph)
    assert isinstance(after[after.outputs[0].node].op, Const) == folded


def test_large_constants_are_computed_if_the_result_is_no_larger() -> None:
    rows = ", ".join(["1.0"] * 2 * FOLDED_ELEMENTS)
    graph = graph_of(f"""
        c = const [{rows}] : f32[2,{FOLDED_ELEMENTS}]
        t = transpose(c, order=[1, 0]) : f32[{FOLDED_ELEMENTS},2]
        return y=t
    """)
    assert isinstance(simplify(graph)["t"].op, Const)


NO_OPS = {
    "identity": "identity(x)",
    "reshape": "reshape(x, shape=[1, 2, 3, 4])",
    "transpose": "transpose(x, order=[0, 1, 2, 3])",
    "slice": "slice(x, starts=[0, 0, 0, 0], stops=[1, 2, 3, 4], steps=[3, 1, 1, 1])",
    "slice backwards along one": (
        "slice(x, starts=[0, 0, 0, 0], stops=[-1, 2, 3, 4], steps=[-1, 1, 1, 1])"
    ),
    "pad": "pad(x, pads=[0, 0, 0, 0, 0, 0, 0, 0])",
    "concat": "concat(x)",
    "gather": "gather(x, axis=-2, indices=[0, 1, 2])",
    "resize": "resize_nearest(x, size=[3, 4])",
    "mul": "mul(x, one)",
    "mul from the left": "mul(one, x)",
    "add": "add(x, zeros)",
    "add from the left": "add(zeros, x)",
    "sub": "sub(x, zeros)",
}


@pytest.mark.parametrize("op", NO_OPS.values(), ids=NO_OPS)
def test_what_does_nothing_goes(op: str) -> None:
    graph = graph_of(f"""
        x = input : f32[1,2,3,4]
        one = const [1.0] : f32[]
        zeros = const [0.0, 0.0] : f32[2,1,1]
        y = {op} : f32[1,2,3,4]
        return y=y
    """)
    after = check_pass(simplify, graph, tolerance=0)
    assert [node.name for node in after.nodes] == ["x"]


NOT_QUITE = {
    "a slice that walks backwards": (
        "slice(x, starts=[1, 0, 0], stops=[-1, 1, 4], steps=[-1, 1, 1])",
        "2,1,4",
    ),
    "a slice that leaves some out": (
        "slice(x, starts=[0, 0, 0], stops=[1, 1, 4], steps=[1, 1, 1])",
        "1,1,4",
    ),
    "a product of two computed values": ("mul(x, x)", "2,1,4"),
    "a gather in another order": ("gather(x, axis=2, indices=[0, 2, 1, 3])", "2,1,4"),
    "a gather of a few": ("gather(x, axis=2, indices=[0, 1])", "2,1,2"),
    "a transpose of an axis of size one": ("transpose(x, order=[1, 0, 2])", "1,2,4"),
    "a reshape": ("reshape(x, shape=[2, 4])", "2,4"),
    "a product with ones that broadcasts": ("mul(x, ones)", "2,3,4"),
    "a sum with zeros that broadcasts": ("add(zeros, x)", "2,3,4"),
    "a product with not quite one": ("mul(x, nearly)", "2,1,4"),
    "a sum with one": ("add(x, one)", "2,1,4"),
    "a difference with one": ("sub(x, one)", "2,1,4"),
    "zero less x": ("sub(zero, x)", "2,1,4"),
    "a product with zero": ("mul(x, zero)", "2,1,4"),
}


@pytest.mark.parametrize(("op", "shape"), NOT_QUITE.values(), ids=NOT_QUITE)
def test_what_does_something_stays(op: str, shape: str) -> None:
    graph = graph_of(f"""
        x = input : f32[2,1,4]
        one = const [1.0] : f32[1]
        zero = const [0.0] : f32[1]
        ones = const [1.0, 1.0, 1.0] : f32[3,1]
        zeros = const [0.0, 0.0, 0.0] : f32[3,1]
        nearly = const [1.0, 1.0, 1.0, 1.0001] : f32[4]
        y = {op} : f32[{shape}]
        return y=y
    """)
    after = check_pass(simplify, graph, tolerance=0)
    assert after["y"] == graph["y"]


def test_a_resize_that_keeps_the_size_but_not_the_pixels_stays() -> None:
    graph = graph_of("""
        x = input : f32[1,1,4,4]
        y = resize_nearest(x, size=[4, 4], scales=[2.0, 2.0]) : f32[1,1,4,4]
        return y=y
    """)
    assert check_pass(simplify, graph, tolerance=0) == graph


def test_reshapes_merge(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[2,3,4]
        a = reshape(x, shape=[6, 4]) : f32[6,4]
        b = flatten(a, axis=0) : f32[1,24]
        c = reshape(b, shape=[4, 6]) : f32[4,6]
        back = reshape(c, shape=[2, 3, 4]) : f32[2,3,4]
        y = relu(c) : f32[4,6]
        z = relu(back) : f32[2,3,4]
        return y=y, z=z
    """)
    golden(to_text(check_pass(simplify, graph, tolerance=0)))


def test_gathers_along_one_axis_merge(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,3,2]
        a = gather(x, axis=1, indices=[2, 0, 1]) : f32[1,3,2]
        some = gather(a, axis=-2, indices=[1, 1]) : f32[1,2,2]
        back = gather(a, axis=1, indices=[1, 2, 0]) : f32[1,3,2]
        other = gather(a, axis=2, indices=[1]) : f32[1,3,1]
        return some=some, back=back, other=other
    """)
    golden(to_text(check_pass(simplify, graph, tolerance=0)))


def test_concatenations_merge_unless_the_inner_one_is_read(golden: Golden) -> None:
    graph = graph_of("""
        a = input : f32[1,1]
        b = input : f32[1,2]
        inner = concat(a, b) : f32[1,3]
        outer = concat(inner, a, axis=-1) : f32[1,4]
        read = concat(b, a) : f32[1,3]
        y = concat(read, b) : f32[1,5]
        row = concat(b, a) : f32[1,3]
        rows = concat(read, row, axis=0) : f32[2,3]
        return outer=outer, y=y, rows=rows
    """)
    golden(to_text(check_pass(simplify, graph, tolerance=0)))
