"""All passes together: verified, dumped, reported, linear in time, and telling whose bug it was."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.passes import NODES, chain, seconds
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph, Node, Output
from sightline.ir.ops.normalization import BatchNorm
from sightline.ir.ops.pointwise import Relu, Tanh
from sightline.ir.parse import parse
from sightline.ir.text import constants_of, to_text
from sightline.ir.verify import InvalidGraph, verify
from sightline.passes import pipeline
from sightline.passes.pipeline import PassError
from sightline.passes.rewrite import Pass, Rewriter, rewrite
from sightline.passes.simplify import simplify
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.layers import ROOT
from tests.support.pass_checks import assert_agree, graph_of
from tests.support.random_graphs import graphs

SMALL = """
    x = input : f32[2]
    i = identity(x) : f32[2]
    y = relu(i) : f32[2]
    return y=y
"""


@examples(150)
@given(graphs(max_nodes=20), st.integers(0, 99))
def test_all_passes_together_keep_the_meaning(graph: Graph, seed: int) -> None:
    after = pipeline.run(graph)
    verify(after)
    assert_agree(graph, after, seed=seed)
    assert after.total_macs <= graph.total_macs


def test_a_network_with_everything(golden: Golden) -> None:
    graph = graph_of("""
        image = input : f32[1,1,6,6]
        k1 = const [1.0, 2.0, 0.5, -1.0, 3.0, 1.0, -2.0, 0.25] : f32[2,2,2]
        c1 = conv(image, k1, kernel=[2, 2], maps=[1, 2]) : f32[1,2,5,5]
        s = const [2.0, 4.0] : f32[2]
        n1 = batch_norm(c1, s, s, s, s, epsilon=0.0) : f32[1,2,5,5]
        t1 = tanh(n1) : f32[1,2,5,5]
        p1 = max_pool(t1, kernel=[2, 2], strides=[2, 2]) : f32[1,2,2,2]
        drop = identity(p1) : f32[1,2,2,2]
        small = max_pool(drop, kernel=[2, 2]) : f32[1,2,1,1]
        up = resize_nearest(small, size=[2, 2]) : f32[1,2,2,2]
        both = concat(drop, up) : f32[1,4,2,2]
        k2 = const [1.0, -1.0, 2.0, -2.0] : f32[4,1,1]
        c2 = conv(both, k2, kernel=[1, 1], maps=[4, 1]) : f32[1,1,2,2]
        flat = flatten(c2) : f32[1,4]
        fc.weight = const [1.0, 2.0, 3.0, 4.0, 0.0, 1.0, 0.0, 1.0] : f32[2,4]
        fc = linear(flat, fc.weight) : f32[1,2]
        scores = softmax(fc) : f32[1,2]
        return scores=scores
    """)
    after = pipeline.run(graph)
    assert_agree(graph, after)
    golden(to_text(after))


def test_dumps_read_back_and_are_numbered_in_order(tmp_path: Path) -> None:
    graph = graph_of(SMALL)
    after = pipeline.run(graph, dump=tmp_path / "new" / "folder")
    files = sorted((tmp_path / "new" / "folder").iterdir())
    names = ["input", *(each.__name__ for each in pipeline.FLOAT_PASSES)]
    assert [file.name for file in files] == [f"{n:02}-{name}.txt" for n, name in enumerate(names)]
    assert files[1].name == "01-simplify.txt"
    assert parse(files[0].read_text(), constants_of(graph)) == graph
    assert parse(files[-1].read_text(), constants_of(after)) == after


def test_a_dump_where_a_file_is_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"^cannot write the graph .* to '.*file': .* Name a folder"
    ):
        pipeline.run(graph_of(SMALL), dump=tmp_path / "file")


def test_each_pass_is_reported() -> None:
    told: list[tuple[str, int, int]] = []
    pipeline.run(
        graph_of(SMALL),
        passes=(simplify, simplify),
        report=lambda what, done, total: told.append((what, done, total)),
    )
    assert told == [("simplify", 0, 2), ("simplify", 1, 2), ("passes", 2, 2)]


def test_an_invalid_graph_is_refused_before_any_pass() -> None:
    graph = replace(graph_of(SMALL), outputs=())
    with pytest.raises(InvalidGraph, match=r"^net: the graph has no output$"):
        pipeline.run(graph)


def clumsy(graph: Graph) -> Graph:
    def rule(rewriter: Rewriter, node: Node) -> str | None:
        if isinstance(node.op, Relu):
            raise KeyError(node.op.kind)
        return None

    return rewrite(graph, rule)


def mistyped(graph: Graph) -> Graph:
    *others, last = graph.nodes
    return replace(graph, nodes=(*others, replace(last, type=last.type.with_shape((3,)))))


def relabelled(graph: Graph) -> Graph:
    return replace(graph, outputs=(replace(graph.outputs[0], label="z"),))


def renamed(graph: Graph) -> Graph:
    return graph.renamed("other")


def feedless(graph: Graph) -> Graph:
    return graph_of("z = input : f32[2]\nreturn y=z")


def broken(graph: Graph) -> Graph:
    raise ValueError("no")


def with_places(graph: Graph) -> Graph:
    return replace(graph, nodes=tuple(replace(n, where=f"m.py:{n.name}") for n in graph.nodes))


FAILURES: dict[Pass, str] = {
    clumsy: r"failed at node 'y' \(m\.py:y\): KeyError: 'relu'\. This is a bug in Sightline",
    mistyped: r"failed at node 'y' \(m\.py:y\): net: 'y' is declared f32\[3\], but its op gives",
    relabelled: r"failed: the outputs of the graph changed from \['y: f32\[2\]'\] to",
    renamed: r"failed: the name of the graph changed from net to other\.",
    feedless: r"failed: the inputs of the graph changed from \['x: f32\[2\]'\] to",
    broken: r"failed: ValueError: no\.",
}


@pytest.mark.parametrize("each", FAILURES, ids=lambda each: each.__name__)
def test_a_pass_that_fails_is_named_with_the_node_and_its_place(each: Pass) -> None:
    graph = with_places(graph_of(SMALL))
    with pytest.raises(PassError, match=f"^the pass '{each.__name__}' {FAILURES[each]}"):
        pipeline.run(graph, passes=(each,))


def test_a_node_of_no_place_is_named_alone() -> None:
    with pytest.raises(PassError, match=r"^the pass 'clumsy' failed at node 'y': KeyError: "):
        pipeline.run(graph_of(SMALL), passes=(clumsy,))


def test_the_chain_of_the_figure_is_folded() -> None:
    graph = chain(NODES)
    normalizations = [node for node in graph.operations if isinstance(node.op, BatchNorm)]
    assert (len(graph.operations), len(normalizations)) == (NODES, 167)
    kinds = Counter(node.op.kind for node in pipeline.run(graph).operations)
    assert kinds == {"conv": 167, "relu": 166}


def test_500_nodes_take_less_than_2_seconds() -> None:
    """In a process of its own: what measures coverage here would take most of the time itself."""
    program = f"from benchmarks.passes import chain, seconds; print(seconds(chain({NODES})))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2


def star(readers: int) -> Graph:
    """One value that many read."""
    graph = graph_of("x = input : f32[2]\nt = identity(x) : f32[2]\nreturn t=t")
    nodes = [Node(f"n{n}", Tanh(), ("t",), graph["t"].type) for n in range(readers)]
    outputs = [Output(node.name, node.name) for node in nodes]
    return replace(graph, nodes=(*graph.nodes, *nodes), outputs=tuple(outputs))


@pytest.mark.parametrize("network", [chain, star])
def test_work_grows_with_nodes_and_no_faster(network: Callable[[int], Graph]) -> None:
    """Counted in calls of functions, which no other work on the machine can disturb."""
    pipeline.run(network(30))
    few, many = (calls(network(nodes)) for nodes in (150, 1200))
    assert 7 < many / few < 9


def test_time_grows_with_nodes_and_no_faster() -> None:
    """Eight times the nodes in at most three times eight times the time: a square takes 64."""
    assert seconds(chain(1600), repeats=2) < 3 * 8 * seconds(chain(200))


def calls(graph: Graph) -> int:
    """How many functions are called while all passes run."""
    count = 0

    def count_call(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        pipeline.run(graph)
    finally:
        sys.setprofile(before)
    return count
