"""Parts of an engine alone: parameters that hold no more than a part looks at, and a bench."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.sim import Simulator

from sightline.hw.parameters import (
    Block,
    EngineParameters,
    Job,
    MapNumbers,
    Outlet,
    Ring,
    Task,
    WindowShape,
)

RING = Ring("picture", 1, 4, 4, 0)
TASK = Task("bank", 0, False, 0, 0, 0, 0, 1, 4, 0, 1, (1, 1), (1, 1), 1, 0)
JOB = Job(0, 0, 0, 1, 1, 1)
MAP = MapNumbers(0, 1, 1, 0, -128, 127, -1)


def parameters(**change: Any) -> EngineParameters:
    """The smallest engine, with what a test says of it."""
    smallest = EngineParameters(
        name="engine",
        kind="single",
        cascade=4,
        in_luts=0,
        kernel=(1, 1),
        data_bits=8,
        sum_bits=20,
        outside=WindowShape((RING,), 2, (1, 1), 8),
        inside=WindowShape((), 2, (1, 1), 8),
        outlets=(Outlet("bank", 8, 16),),
        tasks=(TASK,),
        jobs=(JOB,),
        blocks=(Block(1, 1),),
        channels=(0,),
        folds=(0,),
        weights=np.ones((1, 1, 1), np.int64),
        maps=(MAP,),
        tables=(),
    )
    return dataclasses.replace(smallest, **change)


def simulate(component: Any, bench: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Run a bench on a component, in Amaranth's own simulator."""
    m = Module()
    m.domains.sync = ClockDomain()  # of its own, for what has no registers
    m.submodules.part = component
    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def fields(context: Any, view: Any) -> dict[str, int]:
    """The numbers of a structure, those of structures in it under their own names."""
    found: dict[str, int] = {}
    for name, field in view.shape():
        part = getattr(view, name)
        if hasattr(field.shape, "members"):
            found |= {f"{name}.{key}": value for key, value in fields(context, part).items()}
        else:
            found[name] = int(context.get(Value.cast(part)))
    return found
