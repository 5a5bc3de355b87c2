"""Cycles and depths as they were predicted, against the Verilog that is generated."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.artifact import Artifact
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.planner import make_plan
from sightline.backends.fpga.target import Accelerated
from sightline.backends.fpga.timing import run_plan
from sightline.frontend import nn
from sightline.models.peers import peer
from sightline.simulating import Simulated
from tests.support.accelerators import (
    FRAMES,
    RECEIVER,
    accelerated,
    integers,
    one_less,
    planned_chain,
    simulated,
    with_depths,
)
from tests.support.chains import Beside, Tied, TwoScales
from tests.support.examples import TIMES

CHAINS = 20
MOST = min(CHAINS, 3 * TIMES)
"""As many as a change waits for; by night all."""


MULTIPLIERS = 60


def require_as_predicted(made: Accelerated, found: Simulated) -> None:
    """Bit-exact, no pixel kept waiting, and each frame in the very cycles that were predicted.

    The plan tells those of frames amid others.
    """
    assert found.passed, "\n".join(found.problems())
    assert found.measured.frames == FRAMES
    prediction = made.plan.prediction
    predicted = run_plan(made.network, made.plan, prediction.interval, FRAMES)
    latencies = [end - begin for begin, end in zip(predicted.first, predicted.last, strict=True)]
    assert found.latencies == latencies
    assert max(latencies) <= prediction.latency
    assert np.diff(found.ends).tolist() == np.diff(predicted.last).tolist()
    assert prediction.interval in np.diff(found.ends)


@pytest.mark.parametrize("seed", range(MOST))
def test_chains_take_the_cycles_that_were_predicted(seed: int) -> None:
    artifact, made = planned_chain(seed)
    require_as_predicted(made, simulated(artifact, made))


@pytest.mark.parametrize("seed", range(MOST))
def test_so_do_pictures_beside_each_other(seed: int) -> None:
    artifact, made = planned_chain(seed, Beside)
    require_as_predicted(made, simulated(artifact, made))


def test_engines_of_one_layer_have_names_of_their_own() -> None:
    artifact = integers(Tied())
    network, plan = extract(artifact.graph), planned(artifact, 300)
    assert [engine.name for engine in plan.engines] == ["conv", "conv_1", "conv_2"]
    made = accelerated(artifact.graph, network, plan)
    require_as_predicted(made, simulated(artifact, made))


def planned(artifact: Artifact, multipliers: int, objective: str = "interval") -> Plan:
    options = PlanOptions(max_multipliers=multipliers, objective=objective)
    return make_plan(extract(artifact.graph), options)


def measure(artifact: Artifact, plan: Plan) -> Simulated:
    network = extract(artifact.graph)
    return simulated(artifact, accelerated(artifact.graph, network, plan))


NETWORKS = {"lenet": peer("lenet"), "two scales": TwoScales()}


@pytest.fixture(scope="module", params=NETWORKS)
def artifact(request: pytest.FixtureRequest) -> Artifact:
    network: nn.Network = NETWORKS[request.param]
    return integers(network)


@pytest.mark.parametrize("objective", ["interval", "latency"])
def test_lenet_and_two_scales_take_the_cycles_that_were_predicted(
    artifact: Artifact, objective: str
) -> None:
    network, plan = extract(artifact.graph), planned(artifact, MULTIPLIERS, objective)
    made = accelerated(artifact.graph, network, plan)
    found = simulated(artifact, made)
    require_as_predicted(made, found)
    for level in found.measured.levels:
        assert level.most <= level.depth


def test_fifos_four_times_as_deep_never_hold_more_than_was_computed(artifact: Artifact) -> None:
    plan = planned(artifact, MULTIPLIERS)
    found = measure(artifact, with_depths(plan, lambda link: 4 * link.depth))
    assert found.passed
    assert found.cycles_per_frame == plan.prediction.interval
    assert len(found.measured.levels) == len(plan.links)
    for level, link in zip(found.measured.levels, plan.links, strict=True):
        assert level.depth == 4 * link.depth
        assert level.most <= link.depth


def test_a_place_less_for_pixels_and_one_must_wait(artifact: Artifact) -> None:
    """The receiver's own places are taken away too."""
    plan = planned(artifact, MULTIPLIERS)
    source = max(plan.links, key=lambda link: link.name.endswith(".q") * link.depth)
    found = measure(artifact, one_less(plan, source, 1 + RECEIVER))
    assert found.measured.bit_exact
    assert found.measured.ready_dropped > 0
    assert not found.passed


def test_a_place_less_for_results_and_frames_take_longer() -> None:
    artifact = integers(TwoScales())
    network, plan = extract(artifact.graph), planned(artifact, MULTIPLIERS)
    tight = plan.link("features.4")
    less = one_less(plan, tight)
    predicted = run_plan(network, less, plan.prediction.interval, FRAMES)
    interval = predicted.last[-1] - predicted.last[-2]
    assert interval > plan.prediction.interval
    found = measure(artifact, less)
    assert found.measured.bit_exact
    assert found.cycles_per_frame == interval


def test_without_room_for_a_row_nothing_is_built() -> None:
    artifact = integers(peer("lenet"))
    plan = planned(artifact, MULTIPLIERS)
    with pytest.raises(ValueError, match=r"10 places at a time .* the limit of 9"):
        measure(artifact, one_less(plan, plan.links[-1]))
