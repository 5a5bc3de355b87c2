"""A planned accelerator as its simulation sees it: what enters, what leaves, what to watch."""

from __future__ import annotations

from collections.abc import Iterator

from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Bank, Network
from sightline.backends.fpga.plan import EnginePlan, Plan
from sightline.sim.design import Design, Gauge, Input, Order, Output, Probe, Row, raster


def design_of(network: Network, plan: Plan, verilog: str) -> Design:
    """The Verilog of a plan with a probe behind each engine, and a gauge on each FIFO."""
    inputs = tuple(
        Input(hardware_name(s.name), s.channels, s.height, s.width, s.bits) for s in network.sources
    )
    outputs = tuple(_output(network, name) for name in network.outputs)
    probes = tuple(_probe(network, engine) for engine in plan.engines)
    top = hardware_name(network.name)
    return Design(verilog, top, inputs, outputs, probes, tuple(_gauges(network, plan)))


def _output(network: Network, name: str) -> Output:
    shape = network.shape(name)
    order = raster(name, (shape.maps, shape.rows, shape.columns))
    return Output(hardware_name(name), shape.bits, order)


def _probe(network: Network, engine: EnginePlan) -> Probe:
    """The results of an engine as they leave its epilogue, in the order of its jobs."""
    banks = {bank.name: bank for bank in network.banks if bank.name in engine.banks}
    rows = [
        Row(each.bank, each.row, banks[each.bank].columns, banks[each.bank].layer.maps)
        for each in engine.order
    ]
    path = f"engine_{hardware_name(engine.name)}"
    bits = max(bank.layer.bits for bank in banks.values())
    return Probe(path, bits, Order(tuple(rows)), f"{path}.result_valid", f"{path}.result")


def _gauges(network: Network, plan: Plan) -> Iterator[Gauge]:
    """Every FIFO of the plan: those of sources hold pixels, the others values."""
    engines = {bank: engine.name for engine in plan.engines for bank in engine.banks}
    for link in plan.links:
        name = hardware_name(link.name)
        inside = ""
        bits = link.depth.bit_length()  # of the level
        if isinstance(network.by_name[link.name], Bank):
            inside = f"engine_{hardware_name(engines[link.name])}."
        path = f"{inside}fifo_{name}"
        yield Gauge(
            f"fifo_{name}",
            bits,
            link.depth,
            f"{path}.level",
            f"{path}.o__valid",
            f"{path}.o__ready",
        )
