"""From an engine's plan to the numbers that its gateware is made of."""

from __future__ import annotations

import numpy as np

from sightline.backends.fpga import devices
from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Bank, Layer, Network
from sightline.backends.fpga.plan import EnginePlan, Plan, Row
from sightline.backends.fpga.program import (
    LayerSteps,
    fewest_sums,
    layer_steps,
    map_numbers,
    step_weights,
    widest_block,
)
from sightline.backends.fpga.rows import row_needs
from sightline.hw.parameters import (
    EngineParameters,
    Job,
    MapNumbers,
    Outlet,
    Ring,
    Task,
    WindowShape,
)


def engine_banks(network: Network, engine: EnginePlan) -> list[Bank]:
    return [bank for bank in network.banks if bank.name in engine.banks]


def leaving(banks: list[Bank]) -> list[Bank]:
    """The banks of an engine whose results it does not read itself."""
    own = {bank.source for bank in banks}
    return [bank for bank in banks if bank.name not in own]


def engine_parameters(network: Network, plan: Plan, engine: EnginePlan) -> EngineParameters:
    """All that makes an engine, of the network's numbers and the engine's plan."""
    banks = engine_banks(network, engine)
    rings = _Rings(banks, engine)
    outlets = tuple(
        Outlet(hardware_name(bank.name), bank.layer.bits, plan.link(bank.name).depth)
        for bank in leaving(banks)
    )
    tables = _Tables(banks, engine)
    targets = {outlet.name: index for index, outlet in enumerate(outlets)}
    tasks = [
        _task(bank, rings, tables, targets | rings.destinations(len(outlets))) for bank in banks
    ]
    index = {bank.name: number for number, bank in enumerate(banks)}
    steps = [step for each in tables.programs for step in each.steps]
    return EngineParameters(
        hardware_name(engine.name),
        engine.kind,
        devices.device(plan.device).cascade,
        engine.in_luts,
        engine.array.kernel,
        engine.data_bits,
        max(bank.layer.sum_bits for bank in banks),
        rings.outside,
        rings.inside,
        outlets,
        tuple(tasks),
        tuple(_job(network, engine, index[row.bank], row) for row in engine.order),
        tuple(block for each in tables.programs for block in each.blocks),
        tuple(max(step.channel, 0) for step in steps),
        tuple(step.fold for step in steps),
        np.concatenate(
            [
                step_weights(layer, engine.array, each.steps)
                for layer, each in zip(tables.layers, tables.programs, strict=True)
            ]
        ),
        tuple(tables.maps),
        tuple(tables.entries),
    )


class _Rings:
    """Where each bank's input lies: outside if it comes as a stream, inside if it is own."""

    def __init__(self, banks: list[Bank], engine: EnginePlan) -> None:
        names = {bank.name for bank in banks}
        self.sources_inside = [bank.source for bank in banks if bank.source in names]
        self.outside = self.shape([b for b in banks if b.source not in names], engine)
        self.inside = self.shape([b for b in banks if b.source in names], engine)

    def shape(self, banks: list[Bank], engine: EnginePlan) -> WindowShape:
        empty = WindowShape((), engine.slots, engine.array.kernel, engine.data_bits)
        rings: list[Ring] = []
        base = 0
        for bank in banks:
            ring = Ring(
                hardware_name(bank.source), bank.layer.channels, bank.height, bank.width, base
            )
            rings.append(ring)
            base += ring.words(empty.banks)
        return WindowShape(tuple(rings), engine.slots, engine.array.kernel, engine.data_bits)

    def place(self, bank: Bank) -> tuple[int, bool]:
        """The number of the ring that a bank reads, and whether it is inside."""
        inside = bank.source in self.sources_inside
        rings = (self.inside if inside else self.outside).rings
        return [ring.name for ring in rings].index(hardware_name(bank.source)), inside

    def destinations(self, outlets: int) -> dict[str, int]:
        return {ring.name: outlets + number for number, ring in enumerate(self.inside.rings)}


class _Tables:
    """The layers of an engine one after the other in its tables of blocks, steps and maps."""

    def __init__(self, banks: list[Bank], engine: EnginePlan) -> None:
        self.layers = list(dict.fromkeys(bank.layer for bank in banks))
        self.programs: list[LayerSteps] = []
        self.maps: list[MapNumbers] = []
        self.entries: list[int] = []
        self.first: dict[Layer, tuple[int, int, int]] = {}
        for layer in self.layers:
            sums = min(fewest_sums(bank) for bank in banks if bank.layer is layer)
            blocks = sum(len(each.blocks) for each in self.programs)
            steps = sum(len(each.steps) for each in self.programs)
            self.first[layer] = blocks, steps, len(self.maps)
            before = widest_block(self.layers, engine.array)
            self.programs.append(layer_steps(layer, engine.array, sums, before))
            table = -1 if layer.table is None else len(self.entries) + len(layer.table) // 2
            self.maps += map_numbers(layer, table)
            self.entries += [] if layer.table is None else layer.table.tolist()


def _task(bank: Bank, rings: _Rings, tables: _Tables, targets: dict[str, int]) -> Task:
    ring, inside = rings.place(bank)
    first_block, first_step, first_map = tables.first[bank.layer]
    last = (bank.columns - 1) * bank.pool_strides[1]
    return Task(
        hardware_name(bank.name),
        ring,
        inside,
        bank.fill,
        first_block,
        first_step,
        first_map,
        bank.layer.maps,
        bank.columns,
        -bank.pads[1],
        bank.pool_strides[1] * bank.layer.strides[1],
        bank.layer.strides,
        bank.pool,
        min(bank.pool[1], bank.sums[1] - last),
        targets[hardware_name(bank.name)],
    )


def _job(network: Network, engine: EnginePlan, task: int, row: Row) -> Job:
    found = network.by_name[row.bank]
    assert isinstance(found, Bank)
    need = row_needs(found)[row.row]
    above = need.above % engine.slots  # padding may be higher than the ring, which goes round
    return Job(task, need.first_row, above, need.need, need.release, need.pool_rows)
