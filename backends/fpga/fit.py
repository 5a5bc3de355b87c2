"""Making a plan fit its device: what block RAM cannot hold may lie in LUTs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from sightline.backends.fpga.devices.device import Device
from sightline.backends.fpga.engines import engine_parameters
from sightline.backends.fpga.estimate import estimate, total
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Plan

BLOCK_WORDS = 512
"""The words of a block RAM at its widest."""

MOST_IN_LUTS = 256
"""Words beyond which a memory of LUTs takes levels of choices."""


def fitted(network: Network, plan: Plan, device: Device) -> Plan:
    """The plan with its estimate, and weights moved to LUTs while block RAM is short.

    Each move is the one that saves the most block RAM for its LUTs.
    """
    plan = dataclasses.replace(plan, parts=estimate(network, plan, device))
    while total(plan.parts).bram36 > device.bram36:
        before = total(plan.parts)
        found = None
        for moved in moves(network, plan):
            other = dataclasses.replace(moved, parts=estimate(network, moved, device))
            after = total(other.parts)
            saved, cost = before.bram36 - after.bram36, max(1, after.lut - before.lut)
            if saved > 0 and after.lut <= device.lut and (not found or saved / cost > found[0]):
                found = saved / cost, other
        if not found:
            return plan
        plan = found[1]
    return plan


def moves(network: Network, plan: Plan) -> Iterator[Plan]:
    """Plans with more weights in LUTs: of one engine those that fill no whole block, or all."""
    for number, engine in enumerate(plan.engines):
        steps = len(engine_parameters(network, plan, engine).channels)
        over = steps - engine.in_luts
        more = over % BLOCK_WORDS or BLOCK_WORDS
        if engine.kind == "fabric" or over < 1 or more > MOST_IN_LUTS:
            continue
        moved = dataclasses.replace(engine, in_luts=engine.in_luts + more)
        engines = (*plan.engines[:number], moved, *plan.engines[number + 1 :])
        yield dataclasses.replace(plan, engines=engines)
