"""Random networks become integers: those of their simulation, which every pass keeps."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.evaluate import evaluate
from sightline.ir.graph import Const, Graph, Node
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.normalization import DivisiveNorm, LocalNorm, TorchDivisiveNorm
from sightline.ir.ops.pooling import LPPool
from sightline.ir.ops.quantization import Dequantize, Quantize
from sightline.ir.ops.stage import Stage
from sightline.ir.types import Array
from sightline.ir.verify import verify
from sightline.passes import pipeline
from sightline.passes.legalize import legalize
from sightline.passes.refusal import Refusal
from tests.support.examples import examples
from tests.support.pass_checks import all_values, assert_agree
from tests.support.quantized import prepared, quantized
from tests.support.random_graphs import graphs, inputs_for

PRECISIONS = st.sampled_from(("int8", "int16", "q8.8"))
ROOTS = (DivisiveNorm, LocalNorm, TorchDivisiveNorm, LPPool)
LAYERS = (
    "conv",
    "conv_1x1",
    "concat_of_convs",
    "max_pool",
    "pooling",
    "unary",
    "binary",
    "concat",
    "resize",
)
"""Steps of which stages of several ops come."""

AFTER_LEGALIZE = pipeline.INTEGER_PASSES[pipeline.INTEGER_PASSES.index(legalize) + 1 :]


def integers_of(graph: Graph, *precision: str) -> Graph | None:
    """The legalized graph; None where its numbers are too wide, which the user is told."""
    simulated = quantized(prepared(graph), *precision)
    try:
        return pipeline.run(simulated, passes=pipeline.TO_INTEGERS)
    except Refusal:
        return None


def fused(legal: Graph, seed: int) -> Graph:
    """What the passes make of a legalized graph, each of which keeps its every integer."""
    for each in AFTER_LEGALIZE:
        after = each(legal)
        verify(after)
        assert_agree(legal, after, seed=seed, tolerance=0)
        legal = after
    return legal


def stages_of(graph: Graph) -> list[Stage]:
    return [node.op for node in graph.operations if isinstance(node.op, Stage)]


@examples(300)
@given(graphs(), PRECISIONS, st.integers(0, 99))
def test_passes_on_integers_keep_every_one(graph: Graph, precision: str, seed: int) -> None:
    legal = integers_of(graph, precision)
    if legal is not None:
        fused(legal, seed)


def test_so_do_they_where_stages_are_of_several_ops() -> None:
    """Most random graphs come to little; that these do not is counted."""
    found: Counter[str] = Counter()

    @examples(150)
    @given(graphs(steps=LAYERS), PRECISIONS, st.integers(0, 99))
    def check(graph: Graph, precision: str, seed: int) -> None:
        legal = integers_of(graph, precision)
        if legal is None:
            return
        stages = stages_of(fused(legal, seed))
        most = max((len(list(stage.body.operations)) for stage in stages), default=0)
        found.update({"graphs": 1, "two ops": most >= 2, "more": most > 2, "stages": len(stages)})

    check()
    assert found["two ops"] >= 0.7 * found["graphs"], found
    assert found["more"] >= 0.2 * found["graphs"], found
    assert found["stages"] >= 1.5 * found["graphs"], found


@examples(100)
@given(graphs(), PRECISIONS, st.integers(0, 99))
def test_what_was_compiled_may_be_compiled_again(graph: Graph, precision: str, seed: int) -> None:
    legal = integers_of(graph, precision)
    if legal is None:
        return
    once = pipeline.run(legal, passes=AFTER_LEGALIZE)
    again = pipeline.run(once, passes=pipeline.passes_for(once))
    assert_agree(once, again, seed=seed, tolerance=0)
    assert stages_of(again) == stages_of(once)


@examples(150)
@given(graphs(), PRECISIONS, st.integers(0, 99))
def test_integers_are_those_of_the_simulation(graph: Graph, precision: str, seed: int) -> None:
    """Each value that is rounded, made of the simulation's own integers, is at most a step off."""
    simulated = quantized(prepared(graph), precision)
    for each in pipeline.INTEGER_PASSES[:2]:
        simulated = each(simulated)
    try:
        legal = legalize(simulated)
    except Refusal:
        return
    inputs = inputs_for(graph, seed)
    wanted = {
        name: value
        for name, value in all_values(simulated, inputs).items()
        if isinstance(simulated[name].op, Quantize)
    }
    values: dict[str, Array] = {}
    for node in evaluate(legal, inputs, values):
        if node.name in wanted and node.name in values:
            steps = np.abs(values[node.name].astype(int) - wanted[node.name])
            assert steps.max() <= _allowed(simulated, node.name), node.name
            values[node.name] = wanted[node.name]


def _allowed(simulated: Graph, name: str) -> int:
    """A step, for the rounding; two where a root was rounded before.

    A bias is whole in steps of the sums, which may be coarser than what those are rounded to.
    """
    node = simulated[name]
    assert isinstance(node.op, Quantize)
    source = simulated[node.inputs[0]]
    if isinstance(source.op, ROOTS):
        return 2
    if isinstance(source.op, Conv):
        return 1 + int(_step_of_sums(simulated, source) / 2 / node.op.to.scale)
    return 1


def _step_of_sums(simulated: Graph, bank: Node) -> float:
    """The largest step of a bank's sums."""
    x, weights = (simulated[value] for value in bank.inputs[:2])
    scales = simulated[weights.inputs[1]].op
    assert isinstance(x.op, Dequantize)
    assert isinstance(scales, Const)
    return x.op.of.scale * float(scales.value.array.max())
