"""Rows on their way into window memory: places, turns, and who may begin when."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.hdl import Value
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw import row_writer
from sightline.hw.parameters import Ring, WindowShape
from sightline.hw.ring_state import RingState
from sightline.hw.row_writer import RowWriter
from tests.support.engine_parts import fields, simulate
from tests.support.examples import examples

Place = tuple[int, int, int]
"""Slot, bank and word."""


def random_shape(rng: random.Random) -> WindowShape:
    """One to three rings, one behind the other in one memory."""
    slots, width = rng.randint(1, 5), rng.randint(1, 7)
    banks = WindowShape((), slots, (1, width), 8).banks
    rings: list[Ring] = []
    base = rng.randint(0, 3)
    for number in range(rng.randint(1, 3)):
        ring = Ring(f"ring{number}", rng.randint(1, 5), 9, rng.randint(1, 9), base)
        rings.append(ring)
        base += ring.words(banks)
    return WindowShape(tuple(rings), slots, (1, width), 8)


def places(shape: WindowShape, ring: Ring, rows: int) -> list[Place]:
    """Where each value goes, row by row."""
    return [
        (
            row % shape.slots,
            column % shape.banks,
            ring.base + (column // shape.banks << ring.channel_bits) + channel,
        )
        for row in range(rows)
        for column in range(ring.columns)
        for channel in range(ring.channels)
    ]


@dataclass
class Seen:
    """Values written by their cycle, values taken, and the cycles of pulses by their ring."""

    written: dict[int, tuple[Place, int]] = field(default_factory=dict)
    taken: dict[int, tuple[int, int]] = field(default_factory=dict)
    begun: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    arrived: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    offered: list[set[int]] = field(default_factory=list)
    free: list[list[int]] = field(default_factory=list)


def play(
    shape: WindowShape, rows: int, rng: random.Random, idle: float, heeds: bool = True
) -> Seen:
    """Random values of all rings; rows are let go of at random, and so slots come back.

    A writer that does not heed what is free is one that is always told that there is something.
    """
    writer, seen = RowWriter(shape), Seen()
    counts = range(len(shape.rings))
    totals = [rows * ring.columns * ring.channels for ring in shape.rings]
    sent = [0 for _ in counts]
    offered: list[int | None] = [None for _ in counts]
    free = [shape.slots for _ in counts]
    held = [0 for _ in counts]

    async def bench(context: Any) -> None:
        for cycle in range(4000):
            if sent == totals and cycle > 2 + max(seen.taken):
                return
            for ring in counts:
                if offered[ring] is None and sent[ring] < totals[ring] and rng.random() >= idle:
                    offered[ring] = rng.randint(-128, 127)
                context.set(writer.i[ring].valid, offered[ring] is not None)
                context.set(writer.i[ring].payload, offered[ring] or 0)
                context.set(writer.may_begin[ring], free[ring] > 0 or not heeds)
            seen.offered.append({ring for ring in counts if offered[ring] is not None})
            seen.free.append(list(free))
            write = fields(context, writer.write)
            if write.pop("enable"):
                pixel = write.pop("pixel")
                seen.written[cycle] = (write["slot"], write["bank"], write["address"]), pixel
            for ring in counts:
                value = offered[ring]
                if value is not None and context.get(writer.i[ring].ready):
                    assert cycle not in seen.taken, "two values in one cycle"
                    seen.taken[cycle] = ring, value
                    offered[ring], sent[ring] = None, sent[ring] + 1
                if context.get(writer.begin[ring]):
                    seen.begun[ring].append(cycle)
                    free[ring] -= 1
                if context.get(writer.arrived[ring]):
                    seen.arrived[ring].append(cycle)
                    held[ring] += 1
                if held[ring] and rng.random() < 0.1:
                    free[ring], held[ring] = free[ring] + 1, held[ring] - 1
            await context.tick()
        raise AssertionError(f"{sent} of {totals} values after 4000 cycles")

    simulate(writer, bench)
    return seen


def check(shape: WindowShape, rows: int, seen: Seen) -> None:
    goes_to = [iter(places(shape, ring, rows)) for ring in shape.rings]
    number = [0 for _ in shape.rings]
    begun: defaultdict[int, list[int]] = defaultdict(list)
    arrived: defaultdict[int, list[int]] = defaultdict(list)
    written = {}
    for cycle, offered in enumerate(seen.offered):
        lengths = [ring.columns * ring.channels for ring in shape.rings]
        able = [
            ring for ring in offered if number[ring] % lengths[ring] or seen.free[cycle][ring] > 0
        ]
        assert (cycle in seen.taken) == bool(able)
        if not able:
            continue
        ring, value = seen.taken[cycle]
        assert ring == max(able)
        written[cycle + 1] = next(goes_to[ring]), value
        if number[ring] % lengths[ring] == 0:
            begun[ring].append(cycle)
        number[ring] += 1
        if number[ring] % lengths[ring] == 0:
            arrived[ring].append(cycle + 1)
    assert seen.written == written
    assert (seen.begun, seen.arrived) == (begun, arrived)


@examples(12)
@given(seed=st.integers(0, 1 << 32), idle=st.sampled_from([0.0, 0.3, 0.8]))
def test_every_value_goes_to_its_place(seed: int, idle: float) -> None:
    rng = random.Random(seed)
    shape = random_shape(rng)
    rows = shape.slots + 3
    check(shape, rows, play(shape, rows, rng, idle))


def is_noticed(heeds: bool = True) -> None:
    def check_all() -> None:
        for seed in range(12):
            rng = random.Random(seed)
            shape = random_shape(rng)
            check(shape, shape.slots + 3, play(shape, shape.slots + 3, rng, 0.2, heeds))

    with pytest.raises(AssertionError):
        check_all()


def test_a_row_without_a_free_slot_is_noticed() -> None:
    is_noticed(heeds=False)


def test_slots_that_do_not_wrap_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_writer, "wrapped", lambda value, size: value)
    is_noticed()


@examples(20)
@given(seed=st.integers(0, 1 << 32), slots=st.integers(1, 6))
def test_counts_of_a_ring(seed: int, slots: int) -> None:
    """Rows begin, arrive, are let go of, and their slots come back: all at any time."""
    rng, ring = random.Random(seed), RingState(slots)

    async def bench(context: Any) -> None:
        free, under_way, rows, leaving, slot = slots, 0, 0, 0, 0
        for _ in range(80):
            found = [context.get(Value.cast(each)) for each in (ring.free, ring.rows, ring.slot)]
            assert found == [free, rows, slot]
            begin, arrived = free > 0 and rng.random() < 0.5, under_way > 0 and rng.random() < 0.5
            take, release = rng.random() < 0.4, rng.randint(0, rows)
            freed = rng.randint(0, leaving)
            context.set(ring.begin, begin)
            context.set(ring.arrived, arrived)
            context.set(ring.take, take)
            context.set(ring.release, release)
            context.set(ring.freed, freed)
            release = release if take else 0
            free, under_way = free - begin + freed, under_way + begin - arrived
            rows, leaving = rows + arrived - release, leaving + release - freed
            slot = (slot + release) % slots
            await context.tick()

    simulate(ring, bench)


def test_a_ring_of_no_slots_makes_no_sense() -> None:
    with pytest.raises(ValueError, match=r"^a ring has at least one row slot, not 0$"):
        RingState(0)
