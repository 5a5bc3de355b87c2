"""Components that never stall, cycle by cycle in Amaranth's own simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

Inputs = Mapping[str, int | Sequence[int]]
"""The values of ports, or of the elements of a port that is an array."""


def play_clocked(
    component: Any,
    inputs: Sequence[Inputs],
    sample: Callable[[Callable[[Any], Any]], Any],
    reset_at: int | None = None,
) -> list[Any]:
    """What `sample` reads in each cycle, before the inputs of that cycle are clocked in."""
    reset = Signal()
    simulator = Simulator(ResetInserter(reset)(component))
    simulator.add_clock(1e-8)
    seen: list[Any] = []

    async def bench(context: Any) -> None:
        for cycle, values in enumerate(inputs):
            context.set(reset, cycle == reset_at)
            for name, value in values.items():
                port = getattr(component, name)
                for index, each in enumerate(value if isinstance(value, Sequence) else ()):
                    context.set(port[index], each)
                if isinstance(value, int):
                    context.set(port, value)
            seen.append(sample(context.get))
            await context.tick()

    simulator.add_testbench(bench)
    simulator.run()
    return seen
