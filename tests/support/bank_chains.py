"""Chains of filter banks as graphs of integers, and the engines that compute them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from amaranth.hdl import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.backends.fpga import devices
from sightline.backends.fpga.engines import engine_parameters
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.folding import Foldings
from sightline.backends.fpga.frames import random_frame, values_in
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.pace import with_depths
from sightline.backends.fpga.plan import Plan
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.backends.fpga.planner import begin_plan
from sightline.backends.fpga.program import Array as Multipliers
from sightline.hw.engine import Engine
from sightline.ir.build import GraphBuilder
from sightline.ir.encoding import Encoding
from sightline.ir.fixed import MAX_SHIFT, sum_bounds, width_of
from sightline.ir.graph import Graph
from sightline.ir.ops.integer_bank import IntegerConv
from sightline.ir.ops.pooling import MaxPool
from sightline.ir.ops.quantization import Lookup, Requantize
from sightline.ir.table import Table
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from sightline.passes.fuse import fuse


@dataclass(frozen=True)
class Filters:
    """One filter bank: its windows, what it sees, and how its sums are rounded.

    `pads` are above, left, below, right. Rounded sums of `rounded` bits are held within `held`, or
    else within all their integers; with `has_table` they are an index, else they are the result.
    """

    table: Table
    kernel: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    pool: Window | None = None
    bits: int = 8
    rounded: int = 8
    has_table: bool = False
    held: tuple[int, int] | None = None


def graph_of(
    shape: tuple[int, int, int], bits: int, filters: Sequence[Filters], seed: int
) -> Graph:
    """A chain of stages on a picture of maps, rows and columns; its numbers are drawn."""
    rng = np.random.default_rng(seed)
    builder = GraphBuilder("chain")
    y = builder.input("x", TensorType((1, *shape), Int(bits)))
    for number, each in enumerate(filters):
        y = _stage(builder, y, Int(bits), each, f"bank{number}", rng)
        bits = each.bits
    builder.output(y, "y")
    return fuse(builder.finish())


def _stage(
    builder: GraphBuilder,
    x: str,
    data: Int,
    bank: Filters,
    name: str,
    rng: np.random.Generator,
) -> str:
    """A filter bank whose rounded sums fill their integers, and more."""
    planes, maps = bank.table.pairs, bank.table.maps
    weights = rng.integers(-127, 128, (planes, *bank.kernel)).astype(np.int8)
    blocks = list(bank.table.blocks())
    seen = [weights[b.pairs].reshape(b.maps, -1) for b in blocks]
    ends = [sum_bounds(each, data.low, data.high) for each in seen]
    reach = max(int(np.abs(end).max()) for pair in ends for end in pair)
    biases = rng.integers(-reach // 8, reach // 8 + 1, maps).astype(np.int64)
    width = width_of(-reach - reach // 8 - 1, reach + reach // 8 + 1)
    window = Window(bank.kernel, bank.strides, bank.pads)
    fill = int(rng.integers(data.low, data.high + 1))
    operands = (
        builder.constant(weights, f"{name}.weight"),
        builder.constant(biases.astype(Int(width).dtype), f"{name}.bias"),
    )
    y = builder.add(IntegerConv(window, bank.table, width, fill), x, *operands, name=name)
    if bank.pool is not None:
        y = builder.add(MaxPool(bank.pool), y, name=f"{name}.pool")
    y = _rounded(builder, y, bank, reach, name, rng)
    if not bank.has_table:
        return y
    to = Encoding(bank.bits, 1.0)
    storage = to.storage
    entries = rng.integers(storage.low, storage.high + 1, 1 << bank.rounded)
    table = builder.constant(entries.astype(storage.dtype), f"{name}.table")
    return builder.add(Lookup(to), y, table, name=f"{name}.result")


def _rounded(
    builder: GraphBuilder,
    y: str,
    bank: Filters,
    reach: int,
    name: str,
    rng: np.random.Generator,
) -> str:
    storage = Int(bank.rounded if bank.has_table else bank.bits)
    shifts = rng.integers(17, 24, bank.table.maps)
    wanted = rng.uniform(1.5, 6, bank.table.maps) * storage.high / reach * 2.0**shifts
    while wanted.max() >= 1 << 17 and shifts.min() > 1:
        shifts, wanted = shifts - 1, wanted / 2
    while wanted.min() < 4 and shifts.max() < MAX_SHIFT:
        shifts, wanted = shifts + 1, wanted * 2
    multipliers = np.clip(wanted, 1, (1 << 17) - 1).astype(np.int32)
    shape = (1, bank.table.maps, 1, 1)
    operands = (
        builder.constant(multipliers.reshape(shape), f"{name}.multipliers"),
        builder.constant(shifts.astype(np.int8).reshape(shape), f"{name}.shifts"),
    )
    zero = int(rng.integers(storage.low // 2, storage.high // 2))
    low, high = bank.held or (storage.low, storage.high)
    rounding = Requantize(Encoding(storage.bits, 1.0, zero), low, high)
    return builder.add(rounding, y, *operands, name=f"{name}.rounded")


@dataclass(frozen=True)
class EngineChoice:
    """How many depths of the chain an engine takes, and its multipliers."""

    depths: int
    folds: int
    lanes: int
    kind: str


def planned(
    graph: Graph, choices: Sequence[EngineChoice], ahead: int = 0, **options: Any
) -> tuple[Network, Plan]:
    """The plan of engines as chosen, with FIFOs as deep as they must be."""
    network = extract(graph)
    wishes = PlanOptions(**options)
    foldings = Foldings(network, devices.device(wishes.device))
    found, first = [], 0
    for choice in choices:
        banks = [b for depth in foldings.depths[first : first + choice.depths] for b in depth]
        first += choice.depths
        kernel = (
            max(bank.layer.kernel[0] for bank in banks),
            max(bank.layer.kernel[1] for bank in banks),
        )
        taps = -(-kernel[0] * kernel[1] // min(choice.folds, kernel[0] * kernel[1]))
        array = Multipliers(kernel, taps, choice.lanes)
        folding = foldings.folding(banks, array, choice.kind == "fabric")
        found.append(dataclasses.replace(folding, kind=choice.kind))
    assert first == len(foldings.depths), "every bank is in an engine"
    plan = begin_plan(network, wishes, tuple(found), ahead)
    return network, with_depths(network, plan)


class Chain(wiring.Component):
    """The engines of a plan one behind the other, from stream `i` to stream `o`.

    `results` are what each engine gives as it leaves its epilogue.
    """

    def __init__(self, network: Network, plan: Plan) -> None:
        self.network = network
        self.plan = plan
        self.engines = [Engine(engine_parameters(network, plan, engine)) for engine in plan.engines]
        (source,), (output,) = network.sources, network.outputs
        results = {
            f"result_{number}": Out(signed(engine.parameters.bits))
            for number, engine in enumerate(self.engines)
        }
        flags = {f"result_{number}_valid": Out(1) for number in range(len(self.engines))}
        super().__init__(
            {
                "i": In(stream.Signature(signed(source.bits))),
                "o": Out(stream.Signature(signed(network.shape(output).bits))),
                **results,
                **flags,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        upstream: Any = wiring.flipped(self.i)
        for number, engine in enumerate(self.engines):
            m.submodules[f"engine_{number}"] = engine
            (ring,), (outlet,) = engine.parameters.outside.rings, engine.parameters.outlets
            arriving = getattr(engine, f"i_{ring.name}")
            m.d.comb += [
                arriving.payload.eq(upstream.payload),
                arriving.valid.eq(upstream.valid),
                upstream.ready.eq(arriving.ready),
            ]
            upstream = getattr(engine, f"o_{outlet.name}")
            m.d.comb += [
                getattr(self, f"result_{number}").eq(engine.result),
                getattr(self, f"result_{number}_valid").eq(engine.result_valid),
            ]
        wiring.connect(m, upstream, wiring.flipped(self.o))
        return m


@dataclass(frozen=True)
class Chained:
    """A chain with the pictures that are sent through it, and all that must come of them."""

    graph: Graph
    network: Network
    plan: Plan
    frames: int
    seed: int = 0

    @cached_property
    def values(self) -> list[dict[str, Array]]:
        """Of every frame each value of the network."""
        names = set(self.network.by_name)
        frames = (random_frame(self.graph, self.seed + k) for k in range(self.frames))
        return [values_in(self.graph, self.network, names, frame) for frame in frames]

    @property
    def sent(self) -> list[int]:
        return self._raster(self.network.sources[0].name)

    @property
    def wanted(self) -> list[int]:
        return self._raster(self.network.outputs[0])

    def results(self, number: int) -> list[int]:
        """What an engine must give, in the order of its jobs."""
        order = self.plan.engines[number].order
        found = [each[row.bank][:, row.row].T.reshape(-1) for each in self.values for row in order]
        return [int(value) for value in np.concatenate(found)]

    def _raster(self, name: str) -> list[int]:
        found = [each[name].transpose(1, 2, 0).reshape(-1) for each in self.values]
        return [int(value) for value in np.concatenate(found)]
