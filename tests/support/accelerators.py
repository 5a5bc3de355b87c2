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
from sightline.backends.fpga.plan_options import FpgaOptions
from sightline.backends.fpga.target import Accelerated
from sightline.ir.graph import Graph
from sightline.simulating import Request, Simulated, Simulation

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


def accelerated(graph: Graph, network: Network, plan: Plan) -> Accelerated:
    return Accelerated(graph, network, plan, to_verilog(network, plan))


def simulated(artifact: Artifact, made: Accelerated, source: str | None = None) -> Simulated:
    """Some frames back to back, of noise unless there is a source."""
    return Simulation(artifact, made, Request(source, FRAMES)).run()


def with_depths(plan: Plan, change: Callable[[Link], int]) -> Plan:
    """The same plan with other FIFOs, and the cycles that were predicted of it."""
    links = tuple(dataclasses.replace(link, depth=change(link)) for link in plan.links)
    return dataclasses.replace(plan, links=links)
