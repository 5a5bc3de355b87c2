"""Accelerators of small networks: planned, changed, and simulated as a user would."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

import sightline
from sightline.artifact import Artifact
from sightline.backends.fpga.assemble import to_verilog
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Link, Plan
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.planner import make_plan
from sightline.backends.fpga.target import Accelerated
from sightline.ir.graph import Graph
from sightline.simulating import Request, Simulated, Simulation
from tests.support.chains import Beside, Chain

PRECISIONS = ("int8", "int16")
BUDGETS = (4, 9, 16, 25, 40, 60)

FRAMES = 4
"""As many as a plan is made with: the first ones fill it."""


def integers(network: Any, precision: str = "int8") -> Artifact:
    """A float network in integers, calibrated with noise."""
    model = sightline.read(network)
    rng = np.random.default_rng(0)
    frames = {
        node.name: rng.uniform(-1, 1, (4, *node.type.shape[1:])).astype(np.float32)
        for node in model.graph.inputs
    }
    return sightline.compile(sightline.quantize(model, frames, precision), "reference")


def network_of(network: Any, precision: str = "int8", *begin: str) -> Network:
    return extract(integers(network, precision).graph, begin)


def planned_chain(
    seed: int, kind: type[Chain] | type[Beside] = Chain
) -> tuple[Artifact, Accelerated]:
    """A random network with as many multipliers as make one engine of it, or several."""
    artifact = integers(kind(seed), PRECISIONS[seed % 2])
    network = extract(artifact.graph)
    options = PlanOptions(
        max_multipliers=BUDGETS[seed % len(BUDGETS)],
        objective="latency" if seed % 4 == 3 else "interval",
    )
    return artifact, accelerated(artifact.graph, network, make_plan(network, options))


def accelerated(graph: Graph, network: Network, plan: Plan) -> Accelerated:
    return Accelerated(graph, network, plan, to_verilog(network, plan))


def simulated(
    artifact: Artifact, made: Accelerated, source: str | None = None, frames: int = FRAMES
) -> Simulated:
    """Some frames back to back, of noise unless there is a source."""
    return Simulation(artifact, made, Request(source, frames)).run()


def with_depths(plan: Plan, change: Callable[[Link], int]) -> Plan:
    """The same plan with other FIFOs, and the cycles that were predicted of it."""
    links = tuple(dataclasses.replace(link, depth=change(link)) for link in plan.links)
    return dataclasses.replace(plan, links=links)


RECEIVER = 2
"""Pixels that the receiver before a source's FIFO holds itself: a skid buffer's two."""


def one_less(plan: Plan, tight: Link, places: int = 1) -> Plan:
    """The plan with a place less in one FIFO, or some places."""
    return with_depths(plan, lambda link: link.depth - places * (link == tight))
