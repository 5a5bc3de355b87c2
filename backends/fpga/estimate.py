"""What an accelerator will take of its device, before any synthesis, part by part."""

from __future__ import annotations

from sightline.backends.fpga.devices.device import Device
from sightline.backends.fpga.engines import engine_parameters
from sightline.backends.fpga.network import Enlarged, Labels, Network, Sum
from sightline.backends.fpga.plan import EnginePlan, Part, Plan
from sightline.backends.fpga.resources import (
    Resources,
    mac_array_resources,
    memory_resources,
)
from sightline.hw.add import is_plain
from sightline.hw.epilogue import bias_bits
from sightline.hw.parameters import EngineParameters, WindowShape
from sightline.hw.requantize import rounding_dsps

LUT_INPUTS = 4
"""Choices that a LUT makes one of."""


def estimate(network: Network, plan: Plan, device: Device) -> tuple[Part, ...]:
    """Each engine, each FIFO, and what follows."""
    parts = [engine_part(network, plan, engine, device) for engine in plan.engines]
    for link in plan.links:
        memory = memory_resources(link.bits, link.depth, device)
        counters = Resources(lut=4 * link.depth.bit_length(), ff=3 * link.depth.bit_length())
        parts.append(Part(f"fifo {link.name}", memory + counters + Resources(ff=link.bits)))
    for follower in network.followers:
        parts.append(Part(follower.name, follower_resources(network, follower, device)))
    return tuple(parts)


def total(parts: tuple[Part, ...]) -> Resources:
    return sum((part.resources for part in parts), Resources())


def engine_label(engine: EnginePlan) -> str:
    """The name of its part."""
    return f"engine {engine.name}"


def engine_part(network: Network, plan: Plan, engine: EnginePlan, device: Device) -> Part:
    parameters = engine_parameters(network, plan, engine)
    steps = len(parameters.channels)
    array = mac_array_resources(
        parameters.taps,
        parameters.lanes,
        steps,
        parameters.kind,
        parameters.data_bits,
        parameters.sum_bits,
        device,
        parameters.in_luts,
    )
    windows = sum(
        (window_resources(shape, device) for shape in (parameters.outside, parameters.inside)),
        Resources(),
    )
    return Part(engine_label(engine), array + windows + epilogue_resources(parameters, device))


def window_resources(shape: WindowShape, device: Device) -> Resources:
    """Banks of words, and the choices that turn their rows and columns into place."""
    if not shape.rings:
        return Resources()
    rows, columns = shape.kernel
    bank = memory_resources(shape.slots * shape.bits, shape.depth, device)
    turned = shape.banks * rows * shape.bits
    placed = rows * columns * shape.bits
    choices = turned * -(-shape.slots // LUT_INPUTS) + placed * -(-shape.banks // LUT_INPUTS)
    registers = shape.banks * shape.slots * shape.bits + turned + placed
    banks = Resources(0, bank.bram36 * shape.banks, bank.lut * shape.banks, 0)
    return banks + Resources(lut=choices + placed // 2, ff=registers)


def epilogue_resources(parameters: EngineParameters, device: Device) -> Resources:
    """The largest of a pool window, one sum after another, rounding, table, and the loops."""
    bits, lanes = parameters.sum_bits, parameters.lanes
    rounding = Resources(
        dsp=rounding_dsps(bits, bias_bits(parameters)), lut=12 * bits, ff=14 * bits
    )
    numbers = memory_resources(bits + 40, len(parameters.maps), device)
    table = memory_resources(parameters.bits, max(1, len(parameters.tables)), device)
    jobs = memory_resources(80, len(parameters.jobs), device)
    steps = memory_resources(8, len(parameters.channels), device)
    pooled = any(task.pool != (1, 1) for task in parameters.tasks)
    sums = Resources(lut=lanes * bits * (3 if pooled else 1), ff=2 * lanes * bits)
    loops = Resources(lut=900, ff=700)
    return rounding + numbers + table + jobs + steps + sums + loops


def follower_resources(
    network: Network, follower: Enlarged | Sum | Labels, device: Device
) -> Resources:
    shape = network.shape(follower.name)
    match follower:
        case Enlarged(_, source, _):
            small = network.shape(source)
            return memory_resources(small.bits, 2 * small.columns * small.maps, device) + Resources(
                lut=100, ff=80
            )
        case Sum(_, _, _, rounding):
            scales = not is_plain(rounding.multipliers[0], rounding.shifts[0])
            return Resources(dsp=int(scales), lut=6 * shape.bits, ff=6 * shape.bits)
        case Labels():
            return Resources(lut=3 * 16 + 20, ff=40)
