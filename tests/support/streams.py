"""Streams played cycle by cycle, in any simulator: with idle, with backpressure, with a reset.

A case is plain data, and so is what playing it gives, so that a test computes the one, compares the
other, and the simulator may be another process.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Protocol

STUCK_AFTER = 400
"""Cycles without any transfer after which a component hangs."""

WATCHED_AFTER = 20
"""Cycles that are played after the last expected value, for one that should not come."""


class Wires(Protocol):
    """The ports of a component by name (`i__valid`), in whatever simulator."""

    def set(self, name: str, value: int) -> None: ...

    def get(self, name: str) -> int:
        """The value as unsigned."""
        ...

    async def settle(self) -> None:
        """Let what was set reach all wires."""

    async def tick(self) -> None:
        """Go on to the next cycle."""


@dataclass(frozen=True)
class Case:
    """What is offered at each input, how many values each output must give, and at which pace.

    `idle` and `stall` are how likely it is in a cycle that a source offers nothing, or that a sink
    takes nothing. With `reset_after`, the first so many cycles are played, then comes a reset, and
    all is played from the start. `watch` names wires to record in each cycle.
    """

    inputs: dict[str, list[int]]
    outputs: dict[str, int]
    component: str = ""
    idle: float = 0.0
    stall: float = 0.0
    seed: int = 0
    reset_after: int = 0
    watch: tuple[str, ...] = ()


@dataclass
class Played:
    """The values that each output gave, the cycle of each transfer, and what was watched."""

    values: dict[str, list[int]] = field(default_factory=dict)
    cycles: dict[str, list[int]] = field(default_factory=dict)
    watched: dict[str, list[int]] = field(default_factory=dict)

    def latency(self, source: str, sent: int, sink: str, received: int) -> int:
        """Cycles from one transfer at an input to one at an output."""
        return self.cycles[sink][received] - self.cycles[source][sent]

    def span(self, port: str) -> int:
        """Cycles from the first transfer of a port to its last, both counted."""
        return self.cycles[port][-1] - self.cycles[port][0] + 1


PACES = ((0.0, 0.0), (0.3, 0.3), (0.0, 0.6), (0.6, 0.0), (0.4, 0.8))
"""Idle and stall: full rate, both, a slow sink, a slow source, a very slow sink."""


def paced(case: Case, seeds: int = 1) -> list[Case]:
    """The case at all paces, the full rate first; and at some with a reset on the way."""
    at_all = [
        replace(case, idle=idle, stall=stall, seed=seed)
        for seed in range(seeds)
        for idle, stall in PACES
    ]
    return at_all + [replace(each, reset_after=23 + 4 * k) for k, each in enumerate(at_all[1:3])]


async def play(wires: Wires, case: Case) -> Played:
    """Reset the component, play the case, and record."""
    if case.component:
        wires = _Within(wires, f"{case.component}__")
    rng = random.Random(case.seed)
    if case.reset_after:
        await _reset(wires, case)
        await _Player(wires, case, rng).run(case.reset_after)
    await _reset(wires, case)
    player = _Player(wires, case, rng)
    await player.run(None)
    return player.played


async def _reset(wires: Wires, case: Case) -> None:
    for port in case.inputs:
        wires.set(_names(port).valid, 0)
    for port in case.outputs:
        wires.set(_names(port).ready, 0)
    wires.set("rst", 1)
    await wires.tick()
    wires.set("rst", 0)


@dataclass(frozen=True)
class _Within:
    """The ports of one of several components."""

    wires: Wires
    prefix: str

    def set(self, name: str, value: int) -> None:
        self.wires.set(self._full(name), value)

    def get(self, name: str) -> int:
        return self.wires.get(self._full(name))

    def _full(self, name: str) -> str:
        return name if name == "rst" else self.prefix + name

    async def settle(self) -> None:
        await self.wires.settle()

    async def tick(self) -> None:
        await self.wires.tick()


@dataclass(frozen=True)
class _Names:
    valid: str
    ready: str
    payload: str
    last: str | None = None


def _names(port: str) -> _Names:
    """The wires of a port; those named `axi` are AXI4-Streams, with tlast above tdata."""
    if port == "axi":
        return _Names("axi__tvalid", "axi__tready", "axi__tdata", "axi__tlast")
    return _Names(f"{port}__valid", f"{port}__ready", f"{port}__payload")


AXI_LAST = 1 << 64
"""Added to a beat of an AXI4-Stream that has tlast."""


class _Player:
    def __init__(self, wires: Wires, case: Case, rng: random.Random) -> None:
        self.wires = wires
        self.case = case
        self.rng = rng
        self.is_offered = dict.fromkeys(case.inputs, False)
        self.waits: dict[str, int | None] = dict.fromkeys(case.outputs)
        self.played = Played(
            {port: [] for port in case.outputs},
            {port: [] for port in (*case.inputs, *case.outputs)},
            {name: [] for name in case.watch},
        )

    async def run(self, limit: int | None) -> None:
        """Play for so many cycles, or until all is there, and nothing more comes."""
        cycle, last_transfer, after = 0, 0, 0
        while cycle != limit and after < WATCHED_AFTER:
            self._offer()
            self._take(at_once=self._is_whole())
            await self.wires.settle()
            if self._record(cycle):
                last_transfer = cycle
            await self.wires.tick()
            cycle += 1
            after += self._is_whole()
            got = {port: len(values) for port, values in self.played.values.items()}
            assert cycle - last_transfer < STUCK_AFTER, (
                f"stuck in cycle {cycle}: {got} of {self.case.outputs}, seed {self.case.seed}"
            )

    def _is_whole(self) -> bool:
        counts = self.case.outputs.items()
        return all(len(self.played.values[port]) >= count for port, count in counts)

    def _offer(self) -> None:
        """Once a value is offered, it stays so until it is taken."""
        for port, values in self.case.inputs.items():
            sent = len(self.played.cycles[port])
            if not self.is_offered[port] and sent < len(values):
                self.is_offered[port] = self.rng.random() >= self.case.idle
            names, value = _names(port), 0
            if self.is_offered[port]:
                value = values[sent]
            self.wires.set(names.valid, int(self.is_offered[port]))
            if names.last is not None:
                self.wires.set(names.last, int(value >= AXI_LAST))
                value %= AXI_LAST
            self.wires.set(names.payload, value)

    def _take(self, at_once: bool) -> None:
        for port in self.case.outputs:
            ready = at_once or self.rng.random() >= self.case.stall
            self.wires.set(_names(port).ready, int(ready))

    def _record(self, cycle: int) -> bool:
        """What is transferred in this cycle; a value that waited must be there unchanged."""
        is_any = False
        for port in self.case.inputs:
            if self.is_offered[port] and self.wires.get(_names(port).ready):
                self.played.cycles[port].append(cycle)
                self.is_offered[port] = False
                is_any = True
        for port in self.case.outputs:
            names = _names(port)
            is_valid = self.wires.get(names.valid)
            value = self._payload(names) if is_valid else None
            waited = self.waits[port]
            assert waited is None or value == waited, (
                f"{port} in cycle {cycle}: {waited} waited, and became {value}"
            )
            self.waits[port] = value
            if value is not None and self.wires.get(names.ready):
                self.played.values[port].append(value)
                self.played.cycles[port].append(cycle)
                self.waits[port] = None
                is_any = True
        for name, values in self.played.watched.items():
            values.append(self.wires.get(name))
        return is_any

    def _payload(self, names: _Names) -> int:
        value = self.wires.get(names.payload)
        if names.last is not None and self.wires.get(names.last):
            value += AXI_LAST
        return value
