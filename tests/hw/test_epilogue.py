"""The epilogue against ir/fixed.py and the tables, map after map."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.delay import delay
from sightline.hw.epilogue import Epilogue
from sightline.hw.parameters import EngineParameters, MapNumbers, Outlet
from sightline.hw.requantize import Requantize
from sightline.ir import fixed
from tests.support.engine_parts import parameters, simulate
from tests.support.examples import examples

TAG = data.StructLayout({"of": unsigned(5)})


@dataclass(frozen=True)
class Sent:
    """A sum in a cycle; `first_map` is where a pixel's maps begin, None if it goes on."""

    value: int
    first_map: int | None
    tag: int


Cycles = list[Sent | None]


def random_engine(rng: random.Random, tables: str) -> EngineParameters:
    """Maps that round in all ways; all, none, or some have tables, of their own or shared."""
    sum_bits = rng.choice([8, 20, 26, 33])
    maps: list[MapNumbers] = []
    entries: list[int] = []
    places = []
    for _ in range(3):
        rounded = rng.randint(3, 10)
        places.append((rounded, len(entries) + (1 << rounded - 1)))
        entries += [rng.randint(-128, 127) for _ in range(1 << rounded)]
    for _ in range(rng.randint(1, 7)):
        has_table = tables == "all" or (tables == "some" and rng.random() < 0.5)
        bits, table = rng.choice(places) if has_table else (8, -1)
        half = 1 << bits - 1
        low, high = sorted(rng.choice([-half, half - 1, rng.randrange(half)]) for _ in range(2))
        bias = rng.randint(-1 << sum_bits - 2, 1 << sum_bits - 2) >> rng.randrange(sum_bits)
        zero = rng.randint(-half, half - 1) >> rng.randrange(bits)
        multiplier = rng.randint(1, (1 << 17) - 1)
        fits = multiplier.bit_length() + sum_bits - bits  # largest sums become largest results
        shift = min(max(1, fits - rng.randint(-1, sum_bits // 2)), 47)
        maps.append(MapNumbers(bias, multiplier, shift, zero, low, high, table))
    return parameters(
        sum_bits=sum_bits,
        maps=tuple(maps),
        tables=tuple(entries) if any(each.table >= 0 for each in maps) else (),
        outlets=(Outlet("bank", 8, 16),),
    )


def random_cycles(rng: random.Random, engine: EngineParameters, gaps: float) -> Cycles:
    """Pixels that begin at any map and go on as far as there are maps, with gaps anywhere."""
    cycles: Cycles = []
    high = (1 << engine.sum_bits - 1) - 1
    for _ in range(8):
        first = rng.randrange(len(engine.maps))
        for number in range(first, rng.randint(first + 1, len(engine.maps))):
            while rng.random() < gaps:
                cycles.append(None)
            value = rng.choice([high, -high - 1, rng.randint(-high - 1, high), rng.randint(-9, 9)])
            value >>= rng.randrange(engine.sum_bits)
            cycles.append(Sent(value, first if number == first else None, rng.randrange(32)))
    return cycles


def expected(engine: EngineParameters, cycles: Cycles) -> list[tuple[int, int] | None]:
    """The value and tag of each cycle."""
    number = 0
    found: list[tuple[int, int] | None] = []
    for sent in cycles:
        if sent is None:
            found.append(None)
            continue
        number = number if sent.first_map is None else sent.first_map
        about = engine.maps[number]
        total = np.asarray(sent.value + about.bias)
        y = fixed.requantize(total, about.multiplier, about.shift, about.zero_point)
        result = int(fixed.saturate(y, about.low, about.high))
        result = engine.tables[about.table + result] if about.table >= 0 else result
        found.append((result, sent.tag))
        number += 1
    return found


def play(
    engine: EngineParameters, cycles: Cycles, rng: random.Random
) -> list[tuple[int, int] | None]:
    """What comes out `latency` cycles later; gaps have anything on the other wires."""
    epilogue = Epilogue(engine, TAG)
    found: list[tuple[int, int] | None] = []

    async def bench(context: Any) -> None:
        for sent in [*cycles, *[None] * epilogue.latency]:
            first = rng.randrange(len(engine.maps))
            context.set(epilogue.valid, sent is not None)
            context.set(epilogue.value, sent.value if sent else rng.randint(-9, 9))
            begins = sent.first_map is not None if sent else rng.random() < 0.5
            context.set(epilogue.pixel_start, begins)
            context.set(epilogue.first_map, (sent.first_map if sent else first) or 0)
            context.set(epilogue.tag, {"of": sent.tag if sent else 0})
            tag = context.get(epilogue.y_tag.of)
            found.append((context.get(epilogue.y), tag) if context.get(epilogue.y_valid) else None)
            await context.tick()

    simulate(epilogue, bench)
    return found[epilogue.latency :]


@examples(25)
@given(
    seed=st.integers(0, 1 << 32),
    tables=st.sampled_from(["all", "none", "some"]),
    gaps=st.sampled_from([0.0, 0.4]),
)
def test_values_are_those_of_the_reference(seed: int, tables: str, gaps: float) -> None:
    rng = random.Random(seed)
    engine = random_engine(rng, tables)
    cycles = random_cycles(rng, engine, gaps)
    assert play(engine, cycles, rng) == expected(engine, cycles)


def differs(tables: str) -> None:
    """Some value must differ from the reference."""
    found = []
    for seed in range(10):
        rng = random.Random(seed)
        engine = random_engine(rng, tables)
        cycles = random_cycles(rng, engine, 0.3)
        found.append(play(engine, cycles, rng) == expected(engine, cycles))
    assert not all(found)


def test_no_rounding_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Requantize._shift
    monkeypatch.setattr(Requantize, "_shift", lambda *given: whole(*given) & ~1)
    differs("none")


def test_a_table_for_maps_without_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Epilogue.looked_up

    def always(self: Epilogue, *given: Any) -> Any:
        self.has_table = [True]
        return whole(self, *given)

    monkeypatch.setattr(Epilogue, "looked_up", always)
    differs("some")


def test_a_tag_that_comes_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sightline.hw.epilogue.delay",
        lambda m, signal, cycles, name: delay(m, signal, cycles - (name == "tag"), name),
    )
    differs("none")
