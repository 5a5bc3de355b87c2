"""Windows at any place of pictures in memory, and the pixels that each step takes of them."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw import window_memory
from sightline.hw.fetch import Fetch
from sightline.hw.parameters import EngineParameters, Ring, WindowShape
from sightline.hw.window_memory import WindowMemory
from sightline.ir.types import Array
from tests.support.engine_parts import JOB, TASK, parameters, simulate
from tests.support.examples import examples

Write = tuple[str, dict[str, int]]


@dataclasses.dataclass(frozen=True)
class Picture:
    """The rows of a ring that are in memory: row `first` up to the last lies from `slot` on."""

    ring: Ring
    inside: bool
    first: int
    slot: int
    pixels: Array  # [row, column, channel], of which slots hold some


def random_engine(rng: random.Random) -> EngineParameters:
    """Rings of any size one behind the other, in one memory or two, and all folds of a kernel."""
    kernel = (rng.randint(1, 7), rng.randint(1, 7))
    cells = kernel[0] * kernel[1]
    taps = rng.choice([1, kernel[1], -(-cells // 2), cells])
    slots, bits = kernel[0] + rng.randint(0, 3), rng.choice([8, 16])
    shapes = [
        random_shape(rng, name, slots, kernel, bits, count)
        for name, count in (("outside", rng.randint(1, 2)), ("inside", rng.randint(0, 2)))
    ]
    channels = max(ring.channels for shape in shapes for ring in shape.rings)
    steps = [(c, fold) for c in range(channels) for fold in range(-(-cells // taps))]
    tasks = [
        dataclasses.replace(TASK, ring=number, inside=bool(inside), fill=rng.randint(-128, 127))
        for inside, shape in enumerate(shapes)
        for number in range(len(shape.rings))
    ]
    return parameters(
        kernel=kernel,
        data_bits=bits,
        outside=shapes[0],
        inside=shapes[1],
        tasks=tuple(tasks),
        jobs=tuple(dataclasses.replace(JOB, task=number) for number in range(len(tasks))),
        channels=tuple(channel for channel, _ in steps),
        folds=tuple(fold for _, fold in steps),
        weights=np.zeros((len(steps), taps, 1), np.int64),
    )


def random_shape(
    rng: random.Random, name: str, slots: int, kernel: tuple[int, int], bits: int, count: int
) -> WindowShape:
    empty = WindowShape((), slots, kernel, bits)
    rings: list[Ring] = []
    base = 0
    for number in range(count):
        size = rng.randint(1, 9), rng.randint(1, 12)
        rings.append(Ring(f"{name}_{number}", rng.randint(1, 5), *size, base))
        base += rings[-1].words(empty.banks)
    return dataclasses.replace(empty, rings=tuple(rings))


def random_picture(rng: random.Random, engine: EngineParameters, number: int) -> Picture:
    task = engine.tasks[number]
    ring = (engine.inside if task.inside else engine.outside).rings[task.ring]
    half = 1 << engine.data_bits - 1
    random_pixels = np.random.default_rng(rng.randrange(1 << 32))
    pixels = random_pixels.integers(-half, half, (ring.rows, ring.columns, ring.channels))
    first = rng.randint(0, max(0, ring.rows - engine.slots))
    return Picture(ring, task.inside, first, rng.randrange(engine.slots), pixels)


def writes(engine: EngineParameters, picture: Picture) -> list[Write]:
    """All pixels of the rows that are in memory."""
    ring, banks = picture.ring, engine.outside.banks
    rows = range(picture.first, min(picture.first + engine.slots, ring.rows))
    return [
        (
            "inside" if picture.inside else "outside",
            {
                "enable": 1,
                "slot": (picture.slot + row - picture.first) % engine.slots,
                "bank": column % banks,
                "address": ring.base + (column // banks << ring.channel_bits) + channel,
                "pixel": int(picture.pixels[row, column, channel]),
            },
        )
        for row in rows
        for column in range(ring.columns)
        for channel in range(ring.channels)
    ]


def random_step(
    rng: random.Random, engine: EngineParameters, pictures: list[Picture]
) -> tuple[dict[str, Any], list[int]]:
    """A step on one of the pictures, and the pixels that it takes."""
    number = rng.randrange(len(pictures))
    picture, fill = pictures[number], engine.tasks[number].fill
    ring, (rows, columns) = picture.ring, engine.kernel
    steps = [n for n, each in enumerate(engine.channels) if each < ring.channels]
    step = rng.choice(steps)
    held = min(engine.slots, ring.rows)
    # Padding above is there if the picture's first row is, and below if its last one is.
    top = picture.first if picture.first else 1 - rows
    end = picture.first + held - rows if picture.first + held < ring.rows else ring.rows - 1
    row, column = rng.randint(top, max(top, end)), rng.randint(1 - columns, ring.columns - 1)
    padded = np.pad(
        picture.pixels, ((rows, rows), (columns, columns), (0, 0)), constant_values=fill
    )
    window = padded[row + rows : row + 2 * rows, column + columns : column + 2 * columns]
    cells = window[:, :, engine.channels[step]].reshape(-1).tolist()
    start = engine.folds[step] * engine.taps
    taps = [*cells, *[0] * engine.taps][start : start + engine.taps]
    job = {
        "inside": int(picture.inside),
        "base": ring.base,
        "channel_bits": ring.channel_bits,
        "rows": ring.rows,
        "columns": ring.columns,
        "fill": fill,
    }
    slot = (picture.slot + row - picture.first) % engine.slots
    return {"step": step, "row": row, "column": column, "slot": slot, "job": job}, taps


def play(
    engine: EngineParameters, pictures: list[Picture], steps: list[dict[str, Any]]
) -> list[list[int]]:
    """Write all pictures, then take the steps one a cycle; the pixels of each."""
    fetch = Fetch(engine)
    found: list[list[int]] = []

    async def bench(context: Any) -> None:
        for name, write in [each for picture in pictures for each in writes(engine, picture)]:
            for other in fetch.used:
                context.set(getattr(fetch, other).enable, 0)
            context.set(getattr(fetch, name), write)
            await context.tick()
        for name in fetch.used:
            context.set(getattr(fetch, name).enable, 0)
        for issue in [*steps, *[steps[0]] * fetch.latency]:
            context.set(fetch.issue, issue)
            found.append([context.get(fetch.taps[tap]) for tap in range(engine.taps)])
            await context.tick()

    simulate(fetch, bench)
    return found[fetch.latency :]


def check(seed: int, count: int = 40) -> None:
    rng = random.Random(seed)
    engine = random_engine(rng)
    pictures = [random_picture(rng, engine, number) for number in range(len(engine.tasks))]
    drawn = [random_step(rng, engine, pictures) for _ in range(count)]
    assert play(engine, pictures, [step for step, _ in drawn]) == [taps for _, taps in drawn]


@examples(12)
@given(seed=st.integers(0, 1 << 32))
def test_pixels_of_any_window(seed: int) -> None:
    check(seed)


def is_noticed() -> None:
    def check_all() -> None:
        for seed in range(10):
            check(seed)

    with pytest.raises(AssertionError):
        check_all()


def test_rows_that_do_not_go_round_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_memory, "wrapped", lambda value, size: value)
    is_noticed()


def test_a_window_that_comes_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WindowMemory, "latency", WindowMemory.latency + 1)
    is_noticed()


def test_what_is_written_is_seen_from_the_next_cycle_on() -> None:
    """And what was read in the cycle before is what was there until then."""
    memory = WindowMemory(WindowShape((Ring("picture", 1, 1, 1, 0),), 1, (1, 1), 8))
    found = []

    async def bench(context: Any) -> None:
        read = {"real_rows": 1, "real_columns": 1}
        context.set(memory.read, read)
        for cycle in range(40):
            context.set(memory.write, {"enable": 1, "pixel": cycle})
            found.append(context.get(Value.cast(memory.window[0]).as_signed()))
            await context.tick()

    simulate(memory, bench)
    late = [cycle - value for cycle, value in enumerate(found)][WindowMemory.latency + 2 :]
    # A read is of what was written a cycle before it, or in the two after it.
    assert len(set(late)) == 1
    assert late[0] in (WindowMemory.latency + 1, WindowMemory.latency, WindowMemory.latency - 1)


def test_what_makes_no_sense() -> None:
    ring = Ring("picture", 1, 4, 4, 0)
    with pytest.raises(ValueError, match=r"^a window of 3 rows does not fit 2 row slots$"):
        WindowMemory(WindowShape((ring,), 2, (3, 3), 8))
    with pytest.raises(ValueError, match=r"^a window memory has at least one row slot, not 0$"):
        WindowShape((ring,), 0, (1, 1), 8)
