"""The cycles of a plan: its accelerator as actors, run for some frames."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sightline.backends.fpga.arrivals import offered
from sightline.backends.fpga.engines import engine_banks, engine_parameters
from sightline.backends.fpga.followers import Adder, Enlarger, Sink
from sightline.backends.fpga.loading import ALONE, Loader, Port, is_found, ports_of
from sightline.backends.fpga.names import hardware_name
from sightline.backends.fpga.network import Bank, Enlarged, Labels, Network, Sum
from sightline.backends.fpga.plan import UNBOUNDED, EnginePlan, Plan
from sightline.backends.fpga.rows import row_needs
from sightline.backends.fpga.schedule import Channel, RowStore, StuckError, Work, Worker
from sightline.hw.add import add_latency
from sightline.hw.argmax import ArgMax
from sightline.hw.axi_frame import FrameInput, FrameOutput
from sightline.hw.engine import engine_latency
from sightline.hw.fifo import LATENCY, fifo_form
from sightline.hw.parameters import EngineParameters
from sightline.hw.upsample import Upsample
from sightline.ir.types import Array


class Actor(Protocol):
    def step(self) -> bool:
        """Do the next thing, if all that decides its time is known; whether it was."""
        ...


@dataclass(frozen=True)
class Timing:
    """Of some frames: the first pixel and the last result of each, and the depths with which nobody
    waits for room in a FIFO.

    `ports` are the write ports as each picture found them.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]
    depths: dict[str, int]
    ports: Mapping[str, Port]

    @property
    def pace(self) -> int:
        """The interval, if frames leave as they come; else one that is nearer to what can be."""
        intervals = [end - begin for begin, end in itertools.pairwise(self.last)]
        return max(intervals[len(intervals) // 2 :])

    @property
    def latency(self) -> int:
        """The longest way of a frame through the accelerator, from its first pixel."""
        return max(end - begin for begin, end in zip(self.first, self.last, strict=True))


NOTHING_KNOWN: Mapping[str, Port] = {}


def run_plan(
    network: Network,
    plan: Plan,
    interval: int,
    frames: int,
    ports: Mapping[str, Port] | None = NOTHING_KNOWN,
) -> Timing:
    """The cycles of `frames` frames that come every `interval` cycles.

    Who waits at a port that pictures share follows from when their values come, and that from who
    waited before: each round finds it with the writes of the round before, until nothing changes.
    What comes first in time is right first, and more in each round. `ports` are those to begin
    with; where they are None, each picture has a port of its own.
    """
    run = _Run(network, plan, interval, frames, ports or {})
    timing = run.run()
    while ports is not None and not run.agrees(timing.ports):
        run = _Run(network, plan, interval, frames, timing.ports)
        timing = run.run()
    return timing


class _Run:
    def __init__(
        self,
        network: Network,
        plan: Plan,
        interval: int,
        frames: int,
        ports: Mapping[str, Port],
    ) -> None:
        self.network, self.plan, self.frames = network, plan, frames
        self.assumed = ports
        self.loaders: list[dict[str, Loader]] = []
        self.channels: dict[str, Channel] = {}
        self.actors: list[Actor] = []
        self.workers: list[Worker] = []
        self.first = [np.iinfo(np.int64).max] * frames
        for source in network.sources:
            channel = self.fifo(source.name, source.channels * source.bits)
            times = offered(plan.offer(source.name), frames, source.height * source.width, interval)
            self.first = [min(a, int(b)) for a, b in zip(self.first, times[:, 0], strict=True)]
            for row in times.reshape(-1, source.width):
                channel.put(row + FrameInput.latency)
        for engine in plan.engines:
            self.add_engine(engine)
        self.ends = [self.end(name) for name in network.outputs]

    def run(self) -> Timing:
        while sum(actor.step() for actor in self.actors):  # each of them, as long as one goes on
            pass
        rows = [self.network.shape(name).rows for name in self.network.outputs]
        for (sink, _), count in zip(self.ends, rows, strict=True):
            if len(sink.source.taken) < count * self.frames:
                waiting = [worker.waits_for() for worker in self.workers if not worker.finished]
                raise StuckError("; ".join(waiting))
        last = [
            max(
                int(sink.source.taken[(frame + 1) * count - 1][-1]) + after
                for (sink, after), count in zip(self.ends, rows, strict=True)
            )
            for frame in range(self.frames)
        ]
        depths = {
            name: channel.needed() for name, channel in self.channels.items() if name in self.kept
        }
        return Timing(tuple(self.first), tuple(last), depths, self.ports())

    def ports(self) -> dict[str, Port]:
        """The write ports as each picture finds them, after what was written."""
        return {
            name: port
            for loaders in self.loaders
            for name, port in zip(loaders, ports_of(list(loaders.values())), strict=True)
        }

    def agrees(self, found: Mapping[str, Port]) -> bool:
        """Whether these ports are what was assumed."""
        return all(
            is_found(loader, found[name])
            for loaders in self.loaders
            for name, loader in loaders.items()
        )

    @property
    def kept(self) -> set[str]:
        return {link.name for link in self.plan.links}

    def fifo(self, name: str, bits: int) -> Channel:
        depth = self.plan.link(name).depth
        channel = Channel(name, LATENCY[fifo_form(depth, bits)], depth)
        self.channels[name] = channel
        return channel

    def add_engine(self, engine: EnginePlan) -> None:
        banks = engine_banks(self.network, engine)
        parameters = engine_parameters(self.network, self.plan, engine)
        stores = {bank.name: RowStore(engine.slots) for bank in banks}
        readers = {bank.source: bank.name for bank in banks}
        loaders: dict[str, Loader] = {}
        for bank in banks:
            if bank.source in self.channels:
                wide = bank.source in {source.name for source in self.network.sources}
                loaders[bank.source] = Loader(
                    self.channels[bank.source],
                    stores[bank.name],
                    bank.layer.channels,
                    wide,
                    self.assumed.get(bank.source, ALONE),
                )
            if bank.name not in readers:
                self.fifo(bank.name, bank.layer.bits)
        self.actors += loaders.values()
        self.loaders.append(loaders)
        latency = engine_latency(parameters)
        offsets = {bank.name: row_values(bank, parameters, latency) for bank in banks}
        jobs = []
        for row, job in zip(engine.order, parameters.jobs, strict=True):
            inner = readers.get(row.bank)
            jobs.append(
                Work(
                    f"{row.bank}[{row.row}]",
                    parameters.cycles(job),
                    offsets[row.bank][job.pool_rows],
                    stores[row.bank],
                    job.need,
                    job.release,
                    None if inner else self.channels[row.bank],
                    stores[inner] if inner else None,
                )
            )
        worker = Worker(engine.name, jobs, self.frames)
        self.workers.append(worker)
        self.actors.append(worker)

    def end(self, name: str) -> tuple[Sink, int]:
        """What takes an output, and the cycles from there to its beat."""
        before = 0
        value = self.network.by_name[name]
        if isinstance(value, Labels):
            name, before = value.source, ArgMax.latency
        sink = Sink(self.follow(name))
        self.actors.append(sink)
        return sink, before + FrameOutput.latency

    def follow(self, name: str) -> Channel:
        """The channel of a value behind the engines."""
        if name in self.channels:
            return self.channels[name]
        match self.network.by_name[name]:
            case Enlarged(_, source, factor):
                result = Channel(name, Upsample.latency, UNBOUNDED)
                maps = self.network.shape(source).maps
                self.actors.append(Enlarger(self.follow(source), result, factor, maps, RowStore(2)))
            case Sum(_, left, right, rounding):
                latency = add_latency(rounding.multipliers[0], rounding.shifts[0])
                result = Channel(name, latency, UNBOUNDED)
                self.actors.append(Adder(self.follow(left), self.follow(right), result))
            case _:
                raise AssertionError(f"'{name}' is behind no engine")
        self.channels[name] = result
        return result


def row_values(bank: Bank, parameters: EngineParameters, latency: int) -> Mapping[int, Array]:
    """When each result of a row comes, after the start of its job, by the rows that it pools.

    The sums of a block are taken when its last step of the last sum of the pool window is issued.
    """
    task = next(t for t in parameters.tasks if t.name == hardware_name(bank.name))
    blocks = parameters.task_blocks(task)
    steps = np.array([block.steps for block in blocks])
    found = {}
    for pool_rows in {need.pool_rows for need in row_needs(bank)}:
        sums = np.full(task.columns, pool_rows * task.pool[1])
        sums[-1] = pool_rows * task.last_pool
        ends = np.cumsum(np.outer(sums, steps)).reshape(task.columns, -1)
        times = [ends[:, [n]] + np.arange(block.maps) for n, block in enumerate(blocks)]
        found[pool_rows] = np.concatenate(times, axis=1).reshape(-1).astype(np.int64) + latency
    return found
