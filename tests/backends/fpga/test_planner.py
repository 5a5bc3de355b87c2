"""Plans: within what is allowed, the best of their objective, and the same every time."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sightline.backends.fpga.devices.xc6vlx240t import XC6VLX240T
from sightline.backends.fpga.folding import Budget, Foldings, slowest
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.planner import WAITING, make_plan
from sightline.backends.fpga.schedule import StuckError
from sightline.backends.fpga.timing import run_plan
from sightline.ir.errors import UserError
from sightline.models.peers import peer
from tests.support.accelerators import network_of, one_less, with_depths
from tests.support.chains import Beside, TwoScales


@pytest.fixture(scope="module")
def lenet() -> Network:
    return network_of(peer("lenet"))


@pytest.fixture(scope="module")
def scales() -> Network:
    return network_of(TwoScales(labels=True))


def plan_of(network: Network, **options: Any) -> Plan:
    return make_plan(network, PlanOptions(**options))


@pytest.mark.parametrize("most", [3, 10, 25, 60, 150])
def test_a_plan_has_no_more_multipliers_than_allowed(
    lenet: Network, scales: Network, most: int
) -> None:
    for network in (lenet, scales):
        plan = plan_of(network, max_multipliers=most)
        assert plan.multipliers <= most
        assert 0 < plan.utilization <= 1
        assert plan.macs == network.macs
        assert len({part.name for part in plan.parts}) == len(plan.parts)
        rows = [row for engine in plan.engines for row in engine.order]
        assert len(rows) == len(set(rows)) == sum(bank.rows for bank in network.banks)


def test_more_multipliers_are_never_slower(lenet: Network) -> None:
    intervals = [
        plan_of(lenet, max_multipliers=most).prediction.interval for most in (5, 10, 25, 50, 100)
    ]
    assert intervals == sorted(intervals, reverse=True)


@pytest.mark.parametrize("fps", [2000.0, 13_000.0, 40_000.0])
def test_a_frame_rate_gives_the_smallest_design_that_reaches_it(lenet: Network, fps: float) -> None:
    plan = plan_of(lenet, fps=fps)
    cycles = int(200e6 / fps)
    assert plan.prediction.interval <= cycles
    foldings = Foldings(lenet, XC6VLX240T)
    less = Budget(None, dsp_blocks(foldings, plan) - 1)
    for engines in (1, 2, 3):
        smaller = foldings.fastest(less, engines)
        fabric = smaller is not None and any(each.kind == "fabric" for each in smaller)
        assert smaller is None or fabric or slowest(smaller) > cycles * (1 - WAITING)


def test_who_counts_multipliers_gets_the_fewest(lenet: Network) -> None:
    by_dsp, by_multipliers = (
        plan_of(lenet, fps=13_000.0),
        plan_of(lenet, fps=13_000.0, max_multipliers=60),
    )
    foldings = Foldings(lenet, XC6VLX240T)
    assert by_multipliers.multipliers < by_dsp.multipliers
    assert dsp_blocks(foldings, by_multipliers) > dsp_blocks(foldings, by_dsp)


def dsp_blocks(foldings: Foldings, plan: Plan) -> int:
    banks = {bank.name: bank for depth in foldings.depths for bank in depth}
    return sum(
        foldings.folding([banks[name] for name in each.banks], each.array, False).dsps
        for each in plan.engines
    )


def test_a_frame_rate_that_cannot_be_names_one_that_can(lenet: Network) -> None:
    with pytest.raises(UserError, match=r"^.*10000000 frames a second need .* 20 cycles") as error:
        plan_of(lenet, fps=1e7, max_multipliers=25)
    assert "test" not in error.value.problem
    fps = float(error.value.fix.split("--fps ")[1].split(",")[0])
    assert plan_of(lenet, fps=fps, max_multipliers=25).multipliers <= 25


def test_the_latency_of_a_frame_is_smaller_where_it_is_asked_for(
    lenet: Network, scales: Network
) -> None:
    for network in (lenet, scales):
        fast = plan_of(network, max_multipliers=25)
        soon = plan_of(network, max_multipliers=25, objective="latency")
        assert soon.prediction.latency < fast.prediction.latency
        assert fast.prediction.interval <= soon.prediction.interval


def test_plans_are_the_same_every_time(scales: Network) -> None:
    again = network_of(TwoScales(labels=True))
    assert plan_of(scales, max_multipliers=30) == plan_of(again, max_multipliers=30)


def test_frames_leave_as_they_come(scales: Network) -> None:
    plan = plan_of(scales, max_multipliers=30)
    timing = run_plan(scales, plan, plan.prediction.interval, 6)
    gaps = {b - a for a, b in zip(timing.last[1:], timing.last[2:], strict=False)}
    assert gaps == {plan.prediction.interval}
    assert timing.latency == plan.prediction.latency


def test_depths_are_those_with_which_nobody_waits(scales: Network) -> None:
    """Deeper ones change nothing; with a value less somebody waits, or all stand still."""
    plan = plan_of(scales, max_multipliers=30)
    interval = plan.prediction.interval
    exact = run_plan(scales, plan, interval, 4)
    deeper = run_plan(scales, with_depths(plan, lambda link: 4 * link.depth), interval, 4)
    for timing in (exact, deeper):
        assert timing.last[-1] - timing.last[-2] == interval
    noticed = 0
    for tight in plan.links:
        if tight.depth == 1:
            continue
        try:
            noticed += run_plan(scales, one_less(plan, tight), interval, 4).last != exact.last
        except StuckError:
            noticed += 1
    assert noticed > 0


def test_pictures_meet_at_the_port_that_they_share() -> None:
    """Were each alone, some of the networks whose cycles are measured would seem faster."""
    met = 0
    for seed in range(10):
        network = network_of(Beside(seed))
        plan = plan_of(network, max_multipliers=25)
        interval = plan.prediction.interval
        shared = run_plan(network, plan, interval, 4)
        met += run_plan(network, plan, interval, 4, None).last != shared.last
    assert met > 0


def test_a_frame_rate_that_is_no_effort_is_surpassed(lenet: Network) -> None:
    """Few frames a second are not computed slowly: one that takes ages could not be simulated."""
    plan = plan_of(lenet, fps=0.001)
    assert plan.multipliers == 1
    assert plan.prediction.interval <= 2 * lenet.macs + 100_000


def test_a_window_memory_of_too_few_rows_stands_still(lenet: Network) -> None:
    plan = plan_of(lenet, max_multipliers=25)
    engines = tuple(dataclasses.replace(engine, slots=4) for engine in plan.engines)
    with pytest.raises(StuckError, match=r"waits for rows of .*\[0\]"):
        run_plan(lenet, dataclasses.replace(plan, engines=engines), plan.prediction.interval, 2)
