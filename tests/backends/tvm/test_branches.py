"""Launches that run at once never touch what another one of them writes."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends import reference
from sightline.backends.tvm.cuda_options import CudaOptions
from sightline.backends.tvm.gpu.branches import MOST_STREAMS, Branches, branches
from sightline.backends.tvm.gpu.folder.model import Model
from sightline.backends.tvm.gpu.network import Network, lower
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.movement import Concat
from sightline.ir.ops.pooling import AveragePool, LPPool, MaxPool
from sightline.ir.progress import silent
from sightline.ir.types import TensorType
from sightline.ir.window import Window
from sightline.passes import pipeline
from sightline.passes.inline_stages import inline_stages
from sightline.sim.cuda import emulator
from sightline.source import read
from tests.support.cuda_models import compiled, integer_network, merged
from tests.support.random_graphs import inputs_for

Launches = list[tuple[int, list[int]]]


@st.composite
def drawn_launches(draw: st.DrawFn) -> Launches:
    """Launches as (op, ops whose values they are given); an op's launches follow each other."""
    launches: Launches = []
    for op in range(draw(st.integers(1, 12))):
        read_ = draw(st.lists(st.integers(-1, op - 1), max_size=3, unique=True))
        launches += [(op, read_)] * draw(st.integers(1, 3))
    return launches


def order_of(launches: Launches) -> Branches:
    used = [[f"v{op}", *(f"v{each}" for each in given_)] for op, given_ in launches]
    ops = [op for op, _ in launches]
    return branches(used, ops, {f"v{op}": op for op in ops})


def ordered(order: Branches, one: int, other: int) -> bool:
    """Whether `other` begins when `one` is over, by what is waited for alone."""
    return one in order.waits[other] or any(
        ordered(order, one, each) for each in order.waits[other]
    )


@given(drawn_launches())
def test_whoever_reads_comes_after_whoever_writes(launches: Launches) -> None:
    order = order_of(launches)
    for (one, (maker, _)), (other, (op, read_)) in combinations(enumerate(launches), 2):
        assert (maker not in (op, *read_)) or ordered(order, one, other)
        assert ordered(order, one, other) == bool(order.before[other] >> one & 1)
        assert order.is_over([one], [other]) == ordered(order, one, other)


@given(drawn_launches())
def test_nothing_is_waited_for_twice(launches: Launches) -> None:
    order = order_of(launches)
    for waits in order.waits:
        assert not any(ordered(order, one, other) for one, other in combinations(waits, 2))
    assert max(order.streams) < MOST_STREAMS


def test_what_needs_nothing_of_each_other_is_in_different_streams() -> None:
    diamond = order_of([(0, [-1]), (1, [0]), (2, [0]), (3, [2]), (4, [1]), (5, [4, 3])])
    assert diamond.waits == ((), (0,), (0,), (2,), (1,), (3, 4))
    assert diamond.streams[1] != diamond.streams[2]
    assert diamond.streams[1] == diamond.streams[4]
    assert diamond.streams[2] == diamond.streams[3]
    assert set(diamond.streams) == {0, 1}


def test_more_branches_than_streams() -> None:
    many = order_of([(op, [-1]) for op in range(20)])
    assert set(many.streams) == set(range(MOST_STREAMS))
    assert not any(many.waits)


def test_a_wait_that_is_missing_is_seen(tmp_path: Path) -> None:
    """The emulator does in any order what waits for nothing."""
    net = GraphBuilder("net")
    x = net.input("x", TensorType((1, 2, 40, 60)))
    window = Window((2, 2), (2, 2))
    pools = [net.add(op, x) for op in (MaxPool(window), AveragePool(window), LPPool(window, 2.0))]
    net.output(net.add(Concat(1), *pools))
    graph = net.finish()
    folder = compiled(graph, tmp_path)
    text = (folder / "model.cu").read_text()
    waits = re.search(r"constexpr int WAIT_COUNT = (\d+);", text)
    assert waits is not None
    inputs = inputs_for(graph, 1)
    [(label, wanted)] = reference.run(graph, **inputs).items()
    for name, number in (("sound", waits[1]), ("mutant", "0")):
        source = folder / f"{name}.cu"
        source.write_text(text.replace(waits[0], f"constexpr int WAIT_COUNT = {number};"))
        library = emulator.build(source, folder / name, checked=False)
        with Model(folder, library=library) as model:
            frames = [model.run(**inputs) for _ in range(20)]
        right = [np.allclose(wanted, found[label], atol=1e-5) for found in frames]
        assert all(right) == (name == "sound")


def network(graph: Graph) -> Network:
    plain = inline_stages(pipeline.run(graph, passes=pipeline.passes_for(graph)))
    return lower(plain, CudaOptions(), silent)


KERNEL = re.compile(
    r"(?m)^extern .* __launch_bounds__\([\d, ]+\) (\w+)\((.*)\) \{$((?:\n.*)*?)\n\}$"
)


def written(source: str) -> dict[str, set[int]]:
    """Which parameters of each kernel are stored to."""
    found = {}
    for kernel, parameters, body in KERNEL.findall(source):
        names = [each.split()[-1] for each in parameters.split(", ")]
        found[kernel] = {
            number
            for number, name in enumerate(names)
            if re.search(rf"\b{name}\[[^\n]*\] =|\*\(\w+\*\)\({name} [^\n]*\) =", body)
        }
    return found


@pytest.mark.parametrize("source", ["models:scene,height=32,width=48", "integers"])
def test_the_memory_of_launches_that_run_at_once_is_apart(source: str) -> None:
    """By the addresses in the network, and by what the kernels' text stores to."""
    graph = (
        merged(integer_network(seed) for seed in range(3))[0]
        if source == "integers"
        else read(source).graph
    )
    found = network(graph)
    stores = written(found.source)
    touched = []
    for step in found.steps:
        assert stores[step.kernel], step.kernel
        used = [place.buffer for place in step.arguments]
        touched.append((set(used), {used[number] for number in stores[step.kernel]}))
    at_once = 0
    for (one, (places, into)), (other, (later, stored)) in combinations(enumerate(touched), 2):
        if not found.order.before[other] >> one & 1:
            at_once += 1
            assert not into & later
            assert not stored & places
    assert at_once
