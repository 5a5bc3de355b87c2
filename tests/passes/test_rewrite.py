"""The rewriter: what stays, what goes, what is counted and how things are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from sightline.ir.graph import Graph, Node
from sightline.ir.ops.arithmetic import Add
from sightline.ir.ops.movement import Flatten, Identity
from sightline.ir.ops.pointwise import Abs, Relu, Tanh
from sightline.ir.text import to_text
from sightline.passes.rewrite import Rewriter, RuleError, first_of, rewrite
from tests.conftest import Golden
from tests.support.examples import examples
from tests.support.pass_checks import assert_agree, graph_of
from tests.support.random_graphs import graphs


def keep(rewriter: Rewriter, node: Node) -> str | None:
    return None


def drop_identity(rewriter: Rewriter, node: Node) -> str | None:
    return node.inputs[0] if isinstance(node.op, Identity) else None


@examples(60)
@given(graphs())
def test_a_rule_that_keeps_all_keeps_what_is_read(graph: Graph) -> None:
    after = rewrite(graph, keep)
    alive = {node.name for node in after.nodes}
    assert [node for node in graph.nodes if node.name in alive] == list(after.nodes)
    assert after.outputs == graph.outputs
    assert all(after.uses[node.name] for node in after.nodes if node not in after.inputs)
    assert_agree(graph, after, tolerance=0)


def test_dead_nodes_go_and_unused_inputs_stay(golden: Golden) -> None:
    graph = graph_of("""
        x = input : f32[1,2]
        unused = input : f32[3]
        w = const [1.0, 2.0] : f32[2]
        a = add(x, w) : f32[1,2]
        b = tanh(a) : f32[1,2]
        y = relu(x) : f32[1,2]
        return y=y, also=x
    """)
    golden(to_text(rewrite(graph, keep)))


def test_a_chain_collapses_in_one_walk() -> None:
    graph = graph_of("""
        x = input : f32[2]
        a = identity(x) : f32[2]
        b = identity(a) : f32[2]
        c = identity(b) : f32[2]
        return y=c
    """)
    assert to_text(rewrite(graph, drop_identity)) == "graph net\nx = input : f32[2]\nreturn y=x\n"


def test_counts_forget_readers_that_are_replaced_or_dead() -> None:
    graph = graph_of("""
        x = input : f32[2]
        t = tanh(x) : f32[2]
        dead = abs(t) : f32[2]
        i = identity(t) : f32[2]
        y = relu(i) : f32[2]
        return y=y
    """)
    counts: list[bool] = []

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        if isinstance(node.op, Relu):
            counts.append(rewriter.only_use(node.inputs[0]))
        return drop_identity(rewriter, node)

    rewrite(graph, rule)
    assert counts == [True]


@pytest.mark.parametrize("other", ["z=t", "z=r"])
def test_counts_know_later_readers_and_the_caller(other: str) -> None:
    graph = graph_of(f"""
        x = input : f32[2]
        t = tanh(x) : f32[2]
        y = relu(t) : f32[2]
        r = abs(t) : f32[2]
        return y=y, {other}
    """)
    counts: list[bool] = []

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        if isinstance(node.op, Relu):
            counts.append(rewriter.only_use(node.inputs[0]))
        return None

    rewrite(graph, rule)
    assert counts == [False]


def test_a_value_read_twice_by_one_node_has_two_uses() -> None:
    graph = graph_of("""
        x = input : f32[2]
        t = tanh(x) : f32[2]
        y = add(t, t) : f32[2]
        return y=y
    """)

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        if isinstance(node.op, Add):
            assert not rewriter.only_use(node.inputs[0])
        return None

    rewrite(graph, rule)


def test_a_value_that_dies_with_two_reads_lets_go_of_its_operand_once() -> None:
    graph = graph_of("""
        x = input : f32[2]
        a = abs(x) : f32[2]
        t = tanh(a) : f32[2]
        s = add(t, t) : f32[2]
        y = relu(s) : f32[2]
        return y=y
    """)

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        match node.op:
            case Add():
                (tanh, _) = node.inputs
                return rewriter.emit(Relu(), rewriter[tanh].inputs[0])
            case Relu():
                (relu,) = node.inputs
                assert rewriter.only_use(rewriter[relu].inputs[0])
        return None

    assert [node.name for node in rewrite(graph, rule).nodes] == ["x", "a", "s", "y"]


def test_what_a_rule_emits_in_vain_reads_nothing() -> None:
    graph = graph_of("""
        x = input : f32[2]
        t = tanh(x) : f32[2]
        r = relu(t) : f32[2]
        y = abs(r) : f32[2]
        return y=y
    """)
    counts: list[bool] = []

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        match node.op:
            case Relu():
                rewriter.emit(Tanh(), rewriter.emit(Abs(), node.inputs[0]))
            case Abs():
                counts.append(rewriter.only_use(rewriter[node.inputs[0]].inputs[0]))
        return None

    assert rewrite(graph, rule) == graph
    assert counts == [True]


def test_names_of_kept_nodes_stay_and_replacements_take_the_names_of_the_replaced(
    golden: Golden,
) -> None:
    graph = graph_of("""
        x = input : f32[2]
        y = relu(x) : f32[2] in net.first
        y_1 = tanh(y) : f32[2]
        return y=y_1
    """)

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        if isinstance(node.op, Relu):
            return rewriter.emit(Abs(), rewriter.emit(Relu(), node.inputs[0]))
        return None

    golden(to_text(rewrite(graph, rule)))


def test_equal_constants_of_rules_are_one() -> None:
    graph = graph_of("""
        x = input : f32[2]
        a = relu(x) : f32[2]
        b = relu(a) : f32[2]
        return y=b
    """)

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        return rewriter.emit(
            Add(), node.inputs[0], rewriter.constant(np.ones(2, np.float32), name="one")
        )

    after = rewrite(graph, rule)
    assert [node.name for node in after.nodes] == ["x", "one", "a", "b"]


def test_the_place_in_the_users_model_is_handed_on() -> None:
    plain = graph_of("""
        x = input : f32[2]
        y = relu(x) : f32[2]
        return y=y
    """)
    x, relu = plain.nodes
    placed = Node(relu.name, relu.op, relu.inputs, relu.type, "net.act", "model.py:7")
    graph = Graph("net", (x, placed), plain.outputs)
    after = rewrite(graph, lambda rewriter, node: rewriter.emit(Tanh(), *node.inputs))
    assert (after["y"].instance, after["y"].where) == ("net.act", "model.py:7")


def test_a_replacement_of_another_type_is_refused() -> None:
    graph = graph_of("""
        x = input : f32[1,2,1]
        y = relu(x) : f32[1,2,1]
        return y=y
    """)
    with pytest.raises(
        RuleError,
        match=r"^at 'y': a value of f32\[1,2,1\] was replaced by one of f32\[1,2\]$",
    ):
        rewrite(graph, lambda rewriter, node: rewriter.emit(Flatten(), *node.inputs))


def test_a_rule_that_fails_is_told_with_its_node() -> None:
    graph = graph_of("""
        x = input : f32[2]
        y = relu(x) : f32[2]
        return y=y
    """)

    def rule(rewriter: Rewriter, node: Node) -> str | None:
        return rewriter.emit(Add(), "nothing", "else")

    with pytest.raises(RuleError, match=r"^at 'y': KeyError: 'nothing'$") as caught:
        rewrite(graph, rule)
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.node == graph["y"]


def test_first_of_tries_rules_in_turn() -> None:
    graph = graph_of("""
        x = input : f32[2]
        a = identity(x) : f32[2]
        y = relu(a) : f32[2]
        return y=y
    """)

    def to_tanh(rewriter: Rewriter, node: Node) -> str | None:
        return rewriter.emit(Tanh(), *node.inputs)

    after = rewrite(graph, first_of(drop_identity, to_tanh))
    assert [node.op for node in after.operations] == [Tanh()]
