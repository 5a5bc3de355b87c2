"""Cocotb: the counter of free places, alone and in front of a FIFO."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from tests.support.cocotb_wires import CocotbWires, cases

SIZES = cases()[0]


async def start(dut: Any) -> CocotbWires:
    """A running clock, all inputs low, and a reset."""
    wires = await CocotbWires.start(dut)
    for name in ("credits__ask", "credits__take", "credits__give", "credits__amount"):
        wires.set(name, 0)
    for name in ("fifo__i__valid", "fifo__o__ready"):
        wires.set(name, 0)
    await reset(wires)
    return wires


async def reset(wires: CocotbWires) -> None:
    wires.set("rst", 1)
    await wires.tick()
    wires.set("rst", 0)


@cocotb.test()
@cocotb.parametrize(seed=range(4))
async def counts_as_the_model_does(dut: Any, seed: int) -> None:
    """Random jobs, places freed at random, and a reset now and then, against a plain count."""
    wires, rng = await start(dut), random.Random(seed)
    limit, most = SIZES["limit"], SIZES["most"]
    free, enough, is_asking, amount = limit, False, False, 0
    for _ in range(1500):
        if not is_asking and rng.random() < 0.6:
            is_asking, amount = True, rng.randint(0, most)
        take = enough and is_asking and rng.random() < 0.5
        give = free < limit and rng.random() < 0.7
        wires.set("credits__ask", int(is_asking))
        wires.set("credits__amount", amount)
        wires.set("credits__take", int(take))
        wires.set("credits__give", int(give))
        await wires.settle()
        assert wires.get("credits__available") == free
        assert bool(wires.get("credits__enough")) == enough
        await wires.tick()
        enough = is_asking and not take and free >= amount
        free += give - (amount if take else 0)
        is_asking = is_asking and not take
        assert 0 <= free <= limit
        if rng.random() < 0.01:
            await reset(wires)
            free, enough = limit, False


@cocotb.test()
@cocotb.parametrize(seed=range(3), stall=(0.0, 0.4, 0.8))
async def a_job_that_starts_never_stalls(dut: Any, seed: int, stall: float) -> None:
    """Jobs write a row of values without looking at the FIFO, which takes each of them.

    As an engine does it, the next job asks while the one before it still writes.
    """
    wires, rng = await start(dut), random.Random(seed)
    row, to_write, starts, fullest = SIZES["row"], 0, 0, 0
    wires.set("credits__ask", 1)
    wires.set("credits__amount", row)
    for _ in range(600):
        # All that is looked at here comes from registers, and is settled.
        reads = rng.random() >= stall and wires.get("fifo__o__valid") == 1
        begins = to_write <= 1 and wires.get("credits__enough") == 1
        assert to_write == 0 or wires.get("fifo__i__ready")
        fullest = max(fullest, wires.get("fifo__level"))
        wires.set("fifo__i__valid", int(to_write > 0))
        wires.set("fifo__o__ready", int(reads))
        wires.set("credits__give", int(reads))
        wires.set("credits__take", int(begins))
        to_write = max(to_write - 1, 0) + (row if begins else 0)
        starts += begins
        await wires.tick()
    assert starts > 10
    assert fullest <= SIZES["depth"]
    if stall == 0:
        assert starts * row >= 600 - 2 * row
    if stall > 0.5:
        assert fullest > SIZES["depth"] - row
