"""The plan of an accelerator as `compile` tells it: tables for people, JSON for scripts."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from sightline.backends.fpga import devices
from sightline.backends.fpga.engines import engine_banks
from sightline.backends.fpga.estimate import engine_label, total
from sightline.backends.fpga.resources import TOLD
from sightline.backends.fpga.target import Accelerated
from sightline.terminal import show_table

PARTS = {"DSP": "dsp", "BRAM": "bram36", "LUT": "lut", "FF": "ff"}


def plan_as_dict(made: Accelerated) -> dict[str, Any]:
    """What a plan foretells, and what it is estimated to take."""
    plan = made.plan
    return {
        "device": plan.device,
        "clock_mhz": plan.clock_mhz,
        "predicted_cycles_per_frame": plan.prediction.interval,
        "predicted_latency_cycles": plan.prediction.latency,
        "multipliers": plan.multipliers,
        "mac_utilization": plan.utilization,
        "estimate": dataclasses.asdict(total(plan.parts)),
    }


def tell_plan(made: Accelerated) -> None:
    """Its engines, its FIFOs, what all takes of the chip, and how fast it will be."""
    _tell_engines(made)
    fifos = [[link.name, f"{link.depth:,}", str(link.bits)] for link in made.plan.links]
    show_table(["FIFO behind", "depth", "bits"], fifos, numbers=["depth", "bits"])
    plan, device = made.plan, devices.device(made.plan.device)
    used = total(plan.parts)
    resources = [
        [told, f"{getattr(used, kind):,g}", f"{getattr(device, kind):,}"]
        for kind, told in TOLD.items()
    ]
    columns = ["", "estimated", f"on {device.name}"]
    show_table(columns, resources, numbers=columns[1:])
    interval = plan.prediction.interval
    click.echo(
        f"planned for {device.told}: {plan.multipliers:,} multipliers, "
        f"{100 * plan.utilization:.1f}% of them busy; a frame every {interval:,} cycles, "
        f"{1e6 * plan.clock_mhz / interval:,.1f} a second at an assumed {plan.clock_mhz:g} MHz; "
        f"{plan.prediction.latency:,} cycles from a frame's first pixel to its last result"
    )


def _tell_engines(made: Accelerated) -> None:
    """What each computes, with how many products a cycle, and what it takes."""
    estimates = {part.name: part.resources for part in made.plan.parts}
    rows = []
    for engine in made.plan.engines:
        macs = sum(bank.macs for bank in engine_banks(made.network, engine))
        products = engine.array.products
        rows.append(
            [
                ", ".join(engine.banks),
                f"{engine.array.taps} x {engine.array.lanes}",
                engine.kind,
                f"{100 * macs / (products * made.plan.prediction.interval):.1f}%",
                str(engine.slots),
                *(
                    f"{getattr(estimates[engine_label(engine)], kind):,g}"
                    for kind in PARTS.values()
                ),
            ]
        )
    columns = ["engine of", "taps x maps", "products", "busy", "rows", *PARTS]
    show_table(columns, rows, numbers=["taps x maps", *columns[3:]])
