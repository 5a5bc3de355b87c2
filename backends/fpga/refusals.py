"""A network that does not fit: what is missing, where, and what would fit."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.backends.fpga.devices.device import Device
from sightline.backends.fpga.estimate import total
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.ir.errors import UserError

TOLD = {
    "dsp": "DSP blocks",
    "bram36": "block RAMs of 36 kbit",
    "lut": "LUTs",
    "ff": "flip-flops",
}


def size_refusal(plan: Plan, device: Device, others: Sequence[str]) -> UserError:
    """The smallest plan that was found takes more than the device has."""
    needed = total(plan.parts)
    short = {
        name: getattr(needed, name) / getattr(device, name)
        for name in TOLD
        if getattr(needed, name) > getattr(device, name)
    }
    resource = max(short, key=short.__getitem__)
    largest = max(plan.parts, key=lambda part: float(getattr(part.resources, resource)))
    needs, has = getattr(needed, resource), getattr(device, resource)
    problem = (
        f"the network does not fit {device.told}: it needs {needs:g} {TOLD[resource]}, "
        f"{needs - has:g} more than the {has:g} that there are; the most, "
        f"{getattr(largest.resources, resource):g}, is for '{largest.name}'"
    )
    wide = any(engine.data_bits > 8 for engine in plan.engines)
    ways = [f"--device {name}" for name in others]
    ways += ["the precision int8, which takes about half"] if wide else []
    fix = f"What fits: {' or '.join(ways)}." if ways else "Compile a smaller network, or frame."
    return UserError(problem, fix=fix)


def rate_refusal(network: Network, options: PlanOptions, fastest: Plan | None) -> UserError:
    """No plan is as fast as was asked for."""
    assert fastest is not None
    assert options.fps is not None
    cycles = fastest.prediction.interval
    slowest = max(network.banks, key=lambda bank: bank.macs)
    most = "" if options.max_multipliers is None else f" and {options.max_multipliers} multipliers"
    return UserError(
        f"{options.fps:g} frames a second need a frame in {options.clock * 1e6 / options.fps:,.0f} "
        f"cycles of {options.clock:g} MHz, but on {options.device}{most} one takes {cycles:,}; "
        f"most of its work is '{slowest.name}'",
        fix=f"What fits: --fps {int(options.clock * 1e7 / cycles) / 10:g}, or "
        f"--clock-mhz {-(-cycles * options.fps // 1e6):g} if the device allows it.",
        node=slowest.name,
        where=slowest.where,
    )
