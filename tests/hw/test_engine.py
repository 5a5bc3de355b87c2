"""Engines on random chains of filter banks: every value of every stage is the reference's."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.fpga import engines
from sightline.backends.fpga.program import layer_steps
from sightline.backends.fpga.timing import row_values
from sightline.hw.engine import Engine
from sightline.hw.parameters import Block, WindowShape
from sightline.hw.requantize import Requantize
from sightline.ir.table import Table
from sightline.ir.window import Window
from tests.support.bank_chains import Chain, Chained, EngineChoice, Filters, graph_of, planned
from tests.support.engine_parts import JOB, MAP, RING, TASK, parameters
from tests.support.examples import TIMES, examples
from tests.support.gateware import Several, play_in_python, play_in_verilog
from tests.support.streams import STUCK_AFTER, Case, Played

FRAMES = 3

SEEDS = (11, 18)
"""Of chains with one and two engines, of all kinds of products, 8 and 16 bits, with tables."""


def unsigned(values: list[int], bits: int) -> list[int]:
    return [value & (1 << bits) - 1 for value in values]


def case_of(chained: Chained, chain: Chain, name: str = "", **more: Any) -> Case:
    """All frames through a chain, and each engine's results watched."""
    results = [f"result_{number}" for number in range(len(chain.engines))]
    return Case(
        {"i": unsigned(chained.sent, chained.network.sources[0].bits)},
        {"o": len(chained.wanted)},
        name,
        watch=(*results, *(f"{result}_valid" for result in results)),
        **more,
    )


def check(chained: Chained, chain: Chain, played: Played) -> None:
    for number, engine in enumerate(chain.engines):
        watched = played.watched[f"result_{number}"], played.watched[f"result_{number}_valid"]
        results = [value for value, is_valid in zip(*watched, strict=True) if is_valid]
        assert results == unsigned(chained.results(number), engine.parameters.bits)
    (output,) = chained.network.outputs
    assert played.values["o"] == unsigned(chained.wanted, chained.network.shape(output).bits)


def random_window(
    rng: np.random.Generator, size: list[int], most: int, strides: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    kernel = [int(rng.integers(1, min(most, each) + 1)) for each in size]
    steps = [int(rng.integers(1, strides + 1)) for _ in size]
    return (kernel[0], kernel[1]), (steps[0], steps[1])


def end_of(rng: np.random.Generator, size: int, cell: int, step: int) -> int:
    """Padding behind the sums, with which the last window alone is cut short, if any is."""
    end = int(rng.integers(0, cell))
    last = (size + end - cell) // step * step
    return end if last < size and last - step + cell <= size else 0


def random_filters(rng: np.random.Generator, channels: int, size: list[int]) -> Filters:
    """Any kernel, table and rounding; padding up to a whole kernel; a pooling that may be cut."""
    kernel, strides = random_window(rng, size, 5, 2)
    drawn = [int(rng.integers(0, k + 1)) if rng.random() < 0.6 else 0 for k in kernel * 2]
    pads = (drawn[0], drawn[1], drawn[2], drawn[3])
    maps, block = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    seen = [
        tuple(sorted(rng.choice(channels, int(rng.integers(1, channels + 1)), replace=False)))
        for _ in range(-(-maps // block))
    ]
    sums = list(Window(kernel, strides, pads).slide(tuple(size)))
    pool = None
    if rng.random() < 0.6:
        cells, steps = random_window(rng, sums, 3, 3)
        ends = [end_of(rng, *axis) for axis in zip(sums, cells, steps, strict=True)]
        pool = Window(cells, steps, (0, 0, *ends))
    has_table = bool(rng.random() < 0.4)
    rounded = int(rng.integers(6, 11)) if has_table else 8
    held = (-(1 << rounded - 3), (1 << rounded - 2) - 1) if rng.random() < 0.4 else None
    bits = 16 if rng.random() < 0.25 else 8
    return Filters(
        Table(channels, maps, block, tuple(seen)),
        kernel,
        strides,
        pads,
        pool,
        bits,
        rounded,
        has_table,
        held,
    )


def random_chain(seed: int) -> Chained:
    """One to three banks on one or two engines; chains of long rows are drawn again."""
    rng = np.random.default_rng(seed)
    while True:
        shape = (int(rng.integers(1, 4)), int(rng.integers(1, 9)), int(rng.integers(1, 9)))
        bits = int(rng.choice([8, 8, 16]))
        filters: list[Filters] = []
        channels, size = shape[0], list(shape[1:])
        for _ in range(rng.integers(1, 4)):
            filters.append(random_filters(rng, channels, size))
            channels = filters[-1].table.maps
            window = Window(filters[-1].kernel, filters[-1].strides, filters[-1].pads)
            size = list(window.slide(tuple(size)))
            if filters[-1].pool is not None:
                size = list(filters[-1].pool.slide(tuple(size)))
        split = int(rng.integers(1, len(filters) + 1))
        parts = [part for part in (filters[:split], filters[split:]) if part]
        widths = [bits, *(each.bits for each in filters)]
        choices, first = [], 0
        for part in parts:
            wide = max(widths[first : first + len(part)]) > 8
            kind = str(rng.choice(["single", "fabric"] if wide else ["packed", "single", "fabric"]))
            folds, lanes = int(rng.integers(1, 5)), int(rng.integers(1, 4))
            choices.append(EngineChoice(len(part), folds, lanes, kind))
            first += len(part)
        graph = graph_of(shape, bits, filters, seed)
        network, plan = planned(graph, choices, int(rng.integers(0, 3)))
        made = Chained(graph, network, plan, FRAMES, seed)
        rows = [
            each.cycles(job)
            for e in Chain(network, plan).engines
            for each in [e.parameters]
            for job in each.jobs
        ]
        if max(rows) < STUCK_AFTER // 3 and sum(rows) < 500:
            return made


@examples(4)
@given(seed=st.integers(0, 1 << 32), pace=st.sampled_from([(0.0, 0.0), (0.3, 0.3), (0.0, 0.7)]))
def test_any_chain(seed: int, pace: tuple[float, float]) -> None:
    chained = dataclasses.replace(random_chain(seed), frames=2)
    chain = Chain(chained.network, chained.plan)
    case = case_of(chained, chain, idle=pace[0], stall=pace[1], seed=seed)
    check(chained, chain, play_in_python(chain, case))


def test_chains_in_verilog_at_all_paces_and_after_a_reset(tmp_path: Path) -> None:
    seeds = (*SEEDS, *range(100, 99 + TIMES))  # more by night
    made = {f"chain_{seed}": random_chain(seed) for seed in seeds}
    chains = {name: Chain(each.network, each.plan) for name, each in made.items()}
    cases = []
    for number, (name, each) in enumerate(made.items()):
        plain = case_of(each, chains[name], name, seed=number)
        middle = each.plan.prediction.interval * 3 // 2
        cases += [
            plain,
            dataclasses.replace(plain, idle=0.3, stall=0.5, reset_after=middle),
        ]
    for case, played in zip(cases, play_in_verilog(Several(chains), cases, tmp_path), strict=True):
        check(made[case.component], chains[case.component], played)


def chain_of(
    shape: tuple[int, int, int],
    filters: list[Filters],
    choices: list[EngineChoice],
    bits: int = 8,
    ahead: int = 0,
) -> tuple[Chained, Chain]:
    graph = graph_of(shape, bits, filters, 0)
    network, plan = planned(graph, choices, ahead)
    return Chained(graph, network, plan, 2), Chain(network, plan)


def play(chained: Chained, chain: Chain, **more: Any) -> Played:
    played = play_in_python(chain, case_of(chained, chain, **more))
    check(chained, chain, played)
    return played


DENSE = Filters(Table.dense(2, 8), pads=(1, 1, 1, 1))
DEPTHWISE = Filters(Table.grouped(8, 8, 8), (1, 1))
ONE = [EngineChoice(1, 1, 2, "packed")]
BOTH = [EngineChoice(2, 1, 8, "packed")]

CASES: dict[str, tuple[tuple[int, int, int], list[Filters], list[EngineChoice], int, int]] = {
    "narrow blocks behind wide ones": ((2, 4, 4), [DENSE, DEPTHWISE], BOTH, 8, 1),
    "a table of which only a part is seen": (
        (1, 4, 5),
        [Filters(Table.dense(1, 2), rounded=10, has_table=True, held=(-100, 300))],
        ONE,
        8,
        0,
    ),
    "tables of several sizes": (
        (1, 6, 6),
        [
            Filters(Table.dense(1, 2), rounded=10, has_table=True),
            Filters(Table.dense(2, 2), rounded=8, has_table=True),
        ],
        [EngineChoice(2, 1, 2, "single")],
        8,
        0,
    ),
    "a picture smaller than the kernel": (
        (3, 1, 2),
        [Filters(Table.dense(3, 2), (5, 3), pads=(2, 1, 2, 1))],
        ONE,
        8,
        0,
    ),
    "rows of padding alone": (
        (1, 3, 4),
        [Filters(Table.dense(1, 3), (2, 2), pads=(5, 3, 4, 2))],
        ONE,
        8,
        0,
    ),
    "rows of fewer cycles than the list takes": (
        (1, 3, 3),
        [Filters(Table.dense(1, 1))],
        [EngineChoice(1, 1, 1, "single")],
        8,
        0,
    ),
    "narrow pictures on an engine for wide ones": (
        (2, 5, 5),
        [Filters(Table.dense(2, 3), bits=16), Filters(Table.dense(3, 2), (2, 2))],
        [EngineChoice(2, 1, 2, "single")],
        8,
        0,
    ),
    "rows of an engine's own that nobody needs": (
        (2, 4, 5),
        [Filters(Table.dense(2, 2), (2, 3)), Filters(Table.dense(2, 2), (2, 2), (2, 1))],
        [EngineChoice(2, 2, 2, "single")],
        8,
        0,
    ),
    "the largest kernel": (
        (1, 8, 9),
        [Filters(Table.dense(1, 2), (7, 7), (2, 2), (3, 3, 3, 3))],
        [EngineChoice(1, 2, 2, "packed")],
        8,
        0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_rare(name: str) -> None:
    shape, filters, choices, bits, ahead = CASES[name]
    play(*chain_of(shape, filters, choices, bits, ahead))


def test_each_result_comes_in_its_cycle() -> None:
    """From the cycle in which a job is taken on, as the cycle model has it."""
    filters = [Filters(Table.dense(2, 5), pool=Window((2, 2), (2, 2), (0, 0, 1, 1)))]
    chained, chain = chain_of((2, 7, 7), filters, [EngineChoice(1, 2, 3, "packed")])
    (engine,), (bank,) = chain.engines, chained.network.banks
    taken = ["engines__0__sequencer__jobs__valid", "engines__0__sequencer__jobs__ready"]
    case = case_of(chained, chain)
    played = play_in_python(chain, dataclasses.replace(case, watch=(*case.watch, *taken)))
    valid, ready = (played.watched[name] for name in taken)
    starts = [cycle for cycle in range(len(valid)) if valid[cycle] and ready[cycle]]
    times = row_values(bank, engine.parameters, engine.latency)
    jobs = engine.parameters.jobs * chained.frames
    wanted = [
        start + int(time)
        for start, job in zip(starts, jobs, strict=False)
        for time in times[job.pool_rows]
    ]
    came = played.watched["result_0_valid"]
    assert [cycle for cycle, is_valid in enumerate(came) if is_valid] == wanted


def is_noticed(name: str, idle: float = 0.0) -> None:
    shape, filters, choices, bits, ahead = CASES[name]
    chained, chain = chain_of(shape, filters, choices, bits, ahead)
    with pytest.raises(AssertionError):
        play(chained, chain, idle=idle)


def test_sums_that_are_overrun_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: the first block of a layer does not wait for the last one of another."""
    monkeypatch.setattr(
        engines,
        "layer_steps",
        lambda layer, array, sums, before: layer_steps(layer, array, sums, 0),
    )
    is_noticed("narrow blocks behind wide ones")


def test_a_job_that_does_not_wait_for_its_last_row_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = engines._job

    def early(*given: Any) -> Any:
        job = whole(*given)
        return dataclasses.replace(job, need=job.need - 1)

    monkeypatch.setattr(engines, "_job", early)
    is_noticed("the largest kernel", idle=0.8)


def test_rounding_toward_zero_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Requantize._shift
    monkeypatch.setattr(Requantize, "_shift", lambda *given: whole(*given) & ~1)
    is_noticed("the largest kernel")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"inside": WindowShape((RING,), 3, (1, 1), 8)},
            r"has 3 row slots and windows of \(1, 1\), but its memory of rings outside has 2 and",
        ),
        (
            {"folds": (0, 0)},
            r"has blocks of 1 steps, but channels, folds and weights of \(1, 2, 1\)",
        ),
        ({"maps": (MAP, MAP)}, "has blocks of 1 maps, but the numbers of 2"),
        (
            {"blocks": (Block(1, 2),), "maps": (MAP, MAP)},
            "has 1 lanes, but a block of 2 maps",
        ),
        (
            {"tasks": (dataclasses.replace(TASK, destination=1),)},
            "has 1 rings and 1 destinations, but 'bank' reads ring 0 and writes to 1",
        ),
        ({"jobs": (dataclasses.replace(JOB, task=1),)}, "has 1 tasks, but job 0 is of task 1"),
        (
            {"jobs": (dataclasses.replace(JOB, need=3),)},
            "has 2 row slots, but job 0 needs 3 rows and lets go of 1",
        ),
    ],
)
def test_parts_that_do_not_go_together(change: dict[str, Any], problem: str) -> None:
    Engine(parameters())
    with pytest.raises(ValueError, match=f"^the engine engine {problem}"):
        Engine(parameters(**change))
