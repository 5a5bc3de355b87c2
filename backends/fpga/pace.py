"""How fast frames may come, and how deep FIFOs must be for nobody to wait at that pace."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from sightline.backends.fpga.arrivals import fast_offers, uniform_offers
from sightline.backends.fpga.loading import Port
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Plan, Prediction
from sightline.backends.fpga.timing import Timing, run_plan

TRIES = 8
"""How often the interval is taken from the run before, until frames leave as they come."""

FRAMES, MORE_FRAMES = 4, 12
"""Frames that a plan is tried with, the first of which fill it; more where they are small."""

SMALL = 50_000
"""Cycles of a frame that is."""


def settled(network: Network, plan: Plan, ports: Mapping[str, Port] | None) -> tuple[Plan, Timing]:
    """The plan with the interval at which frames leave as they come, and how it runs so.

    Pictures share write ports, beginning with these; without any, each has a port of its own, which
    is found faster.
    """
    for _ in range(TRIES):
        interval = plan.prediction.interval
        fast = plan.objective == "latency"
        offers = fast_offers(network) if fast else uniform_offers(network, interval)
        plan = dataclasses.replace(plan, offers=offers)
        frames = MORE_FRAMES if interval < SMALL else FRAMES
        timing = run_plan(network, plan, interval, frames, ports)
        reached = timing.latency if fast else timing.pace
        plan = dataclasses.replace(plan, prediction=Prediction(reached, timing.latency))
        if reached == interval:
            break
        ports = None if ports is None else timing.ports
    return plan, timing


def with_depths(network: Network, plan: Plan) -> Plan:
    """The plan with each FIFO as deep as it must be for nobody to wait, and no deeper."""
    plan, timing = settled(network, plan, {})
    return settled(network, with_links(plan, timing.depths), timing.ports)[0]


def with_links(plan: Plan, depths: Mapping[str, int]) -> Plan:
    """The plan with FIFOs of these depths."""
    sized = (dataclasses.replace(link, depth=depths[link.name]) for link in plan.links)
    return dataclasses.replace(plan, links=tuple(sized))
