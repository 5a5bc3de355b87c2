"""The largest of a pool window, and the way of its sums out, against plain lists."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw import pool_max
from sightline.hw.pool_max import PoolMax
from sightline.hw.serializer import Serializer
from tests.support.clocked import Inputs, play_clocked
from tests.support.engine_parts import fields, simulate
from tests.support.examples import examples

BITS = 9
BLOCK = data.StructLayout({"maps": 4, "first_block": 1, "tag": unsigned(6)})


def pool_windows(rng: random.Random, lanes: int) -> tuple[list[Inputs], dict[int, list[int]]]:
    """Windows of one to five sums with gaps anywhere, and the largest of each by its cycle."""
    cycles: list[Inputs] = []
    largest: dict[int, list[int]] = {}
    limit = rng.choice([1, 255])
    for _ in range(8):
        count = rng.randint(1, 5)
        seen = []
        for number in range(count):
            while rng.random() < 0.3:
                wild = [rng.randint(-256, 255) for _ in range(lanes)]
                flags = {name: rng.randrange(2) for name in ("first", "last")}
                cycles.append({"sums": wild, "valid": 0, **flags})
            sums = [rng.randint(-limit - 1, limit) for _ in range(lanes)]
            seen.append(sums)
            flags = {"first": int(number == 0), "last": int(number == count - 1)}
            cycles.append({"sums": sums, "valid": 1, **flags})
        largest[len(cycles) - 1 + PoolMax.latency] = [max(each) for each in zip(*seen, strict=True)]
    return [*cycles, {"valid": 0}], largest


def pooled(lanes: int, cycles: list[Inputs]) -> dict[int, list[int]]:
    pool = PoolMax(BITS, lanes)
    seen = play_clocked(
        pool,
        cycles,
        lambda get: [get(pool.largest[n]) for n in range(lanes)] if get(pool.done) else None,
    )
    return {cycle: sums for cycle, sums in enumerate(seen) if sums is not None}


@examples(20)
@given(seed=st.integers(0, 1 << 32), lanes=st.integers(1, 4))
def test_the_largest_of_each_window(seed: int, lanes: int) -> None:
    cycles, largest = pool_windows(random.Random(seed), lanes)
    assert pooled(lanes, cycles) == largest


def test_maxima_of_unsigned_numbers_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: negative sums taken for large ones."""
    monkeypatch.setattr(pool_max, "signed", unsigned)
    cycles, largest = pool_windows(random.Random(0), 2)
    found = {
        cycle: [value - (value >> BITS - 1 << BITS) for value in sums]
        for cycle, sums in pooled(2, cycles).items()
    }
    assert found.keys() == largest.keys()
    assert found != largest


Block = tuple[list[int], int, int]
"""Sums of the lanes, whether it is the first of a pixel, and its tag."""


def random_blocks(rng: random.Random, lanes: int, apart: int) -> dict[int, Block]:
    """Blocks by the cycle in which they come, as close as they may, or up to `apart` later."""
    blocks: dict[int, Block] = {}
    cycle = 0
    for _ in range(10):
        maps = rng.randint(1, lanes)
        sums = [rng.randint(-256, 255) for _ in range(maps)]
        blocks[cycle] = sums, rng.randrange(2), rng.randrange(64)
        cycle += maps + rng.randint(0, apart)
    return blocks


def serialized(lanes: int, blocks: dict[int, Block], rng: random.Random) -> dict[int, Any]:
    """Each value with its cycle, its mark of a pixel's start, and its tag."""
    serializer = Serializer(BITS, lanes, BLOCK)
    found = {}

    async def bench(context: Any) -> None:
        for cycle in range(max(blocks) + lanes + 4):
            sums, first, tag = blocks.get(cycle, ([], 0, 0))
            context.set(serializer.load, cycle in blocks)
            context.set(serializer.block, {"maps": len(sums), "first_block": first, "tag": tag})
            for lane in range(lanes):
                wild = rng.randint(-256, 255)
                context.set(serializer.sums[lane], sums[lane] if lane < len(sums) else wild)
            if context.get(serializer.valid):
                start = context.get(serializer.pixel_start)
                tag = fields(context, serializer.of)["tag"]
                found[cycle] = context.get(serializer.value), start, tag
            await context.tick()

    simulate(serializer, bench)
    return found


def expected(blocks: dict[int, Block]) -> dict[int, Any]:
    return {
        cycle + Serializer.latency + lane: (value, int(first and lane == 0), tag)
        for cycle, (sums, first, tag) in blocks.items()
        for lane, value in enumerate(sums)
    }


@examples(20)
@given(seed=st.integers(0, 1 << 32), lanes=st.integers(1, 6), apart=st.sampled_from([0, 3]))
def test_sums_leave_one_a_cycle(seed: int, lanes: int, apart: int) -> None:
    rng = random.Random(seed)
    blocks = random_blocks(rng, lanes, apart)
    assert serialized(lanes, blocks, rng) == expected(blocks)


def test_a_block_that_comes_too_early_loses_sums() -> None:
    blocks: dict[int, Block] = {0: ([1, 2, 3], 1, 5), 2: ([4, 5, 6], 0, 6)}
    found = serialized(3, blocks, random.Random(0))
    assert [value for value, *_ in found.values()] == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("made", [lambda: PoolMax(8, 0), lambda: Serializer(8, 0, BLOCK)])
def test_what_makes_no_sense(made: Any) -> None:
    with pytest.raises(ValueError, match=r"^there is at least one lane, not 0$"):
        made()
