"""The sequencer against the loops of its docstring, and the list of jobs before it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.job_list import JobList, job_columns
from sightline.hw.parameters import Block, EngineParameters, Job, Ring, Task, WindowShape
from sightline.hw.sequencer import STEP_FIELDS, Sequencer
from tests.support.engine_parts import JOB, TASK, fields, parameters, simulate
from tests.support.examples import examples

Step = dict[str, int]
LANES = 4
LONGEST = 4000
"""Cycles that no random jobs take."""


def random_engine(rng: random.Random) -> EngineParameters:
    """One to three tasks of several blocks, on rings at any place, and jobs of them."""
    slots = rng.randint(1, 7)
    blocks: list[Block] = []
    tasks: list[Task] = []
    rings: list[Ring] = []
    for number in range(rng.randint(1, 3)):
        own = [Block(rng.randint(1, 4), rng.randint(1, LANES)) for _ in range(rng.randint(1, 3))]
        pool = (rng.randint(1, 3), rng.randint(1, 3))
        rings.append(Ring(f"ring{number}", rng.randint(1, 5), 24, 40, rng.randint(0, 9)))
        tasks.append(
            dataclasses.replace(
                TASK,
                name=f"task{number}",
                ring=number,
                fill=rng.randint(-128, 127),
                first_block=len(blocks),
                first_step=sum(each.steps for each in blocks),
                first_map=sum(each.maps for each in blocks),
                maps=sum(each.maps for each in own),
                columns=rng.randint(1, 4),
                first_column=rng.randint(-3, 2),
                column_step=rng.randint(1, 6),
                strides=(rng.randint(1, slots), rng.randint(1, 3)),
                pool=pool,
                last_pool=rng.randint(1, pool[1]),
            )
        )
        blocks += own
    jobs = [random_job(rng, tasks, slots) for _ in range(rng.randint(1, 4))]
    steps = sum(each.steps for each in blocks)
    return parameters(
        kernel=(1, 4),
        outside=WindowShape(tuple(rings), slots, (1, 4), 8),
        inside=WindowShape((), slots, (1, 4), 8),
        tasks=tuple(tasks),
        jobs=tuple(jobs),
        blocks=tuple(blocks),
        channels=(0,) * steps,
        folds=(0,) * steps,
        weights=np.zeros((steps, 1, LANES), np.int64),
    )


def random_job(rng: random.Random, tasks: list[Task], slots: int) -> Job:
    task = rng.randrange(len(tasks))
    return dataclasses.replace(
        JOB,
        task=task,
        first_row=rng.randint(-3, 5),
        above=rng.randint(0, slots - 1),
        release=rng.randint(0, slots),
        pool_rows=rng.randint(1, tasks[task].pool[0]),
    )


def steps_of(engine: EngineParameters, number: int, slot: int) -> Iterator[Step]:
    """All steps of a job by the loops, `slot` being that of its ring's oldest row."""
    job = engine.jobs[number]
    task = engine.tasks[job.task]
    columns = job_columns(engine)
    about = {f"job.{name}": columns[name][number] for name in STEP_FIELDS}
    for pixel in range(task.columns):
        sums = task.last_pool if pixel == task.columns - 1 else task.pool[1]
        first = task.first_step
        for block in engine.task_blocks(task):
            for row in range(job.pool_rows):
                for column in range(sums):
                    for step in range(block.steps):
                        yield about | {
                            "step": first + step,
                            "row": job.first_row + row * task.strides[0],
                            "column": task.first_column
                            + pixel * task.column_step
                            + column * task.strides[1],
                            "slot": (slot - job.above + row * task.strides[0]) % engine.slots,
                            "first_step": int(step == 0),
                            "last_step": int(step == block.steps - 1),
                            "first_sum": int(row == column == 0),
                            "last_sum": int((row, column) == (job.pool_rows - 1, sums - 1)),
                            "first_block": int(first == task.first_step),
                            "maps": block.maps,
                        }
            first += block.steps


@dataclass
class Seen:
    """What a sequencer did: jobs with the slot and cycle of each, and steps by their cycle."""

    taken: list[tuple[int, int, int]]
    steps: dict[int, Step]
    ended: dict[int, tuple[int, int]]


def play(engine: EngineParameters, jobs: int, rng: random.Random, idle: float) -> Seen:
    """Offer jobs in the order of the list, at random times; a slot of its own to each cycle."""
    sequencer, seen = Sequencer(engine), Seen([], {}, {})
    columns = job_columns(engine)

    async def bench(context: Any) -> None:
        offered, cycle, quiet = False, 0, 0
        while quiet < 6:
            assert cycle < LONGEST, "it goes on without end"
            number = len(seen.taken) % len(engine.jobs)
            more = len(seen.taken) < jobs
            offered = more and (offered or rng.random() >= idle)
            slot = rng.randrange(engine.slots)
            payload = {name: column[number] for name, column in columns.items()}
            context.set(sequencer.jobs.payload, payload)
            context.set(sequencer.jobs.valid, offered)
            context.set(sequencer.slot, slot)
            if context.get(sequencer.valid):
                seen.steps[cycle] = fields(context, sequencer.issue)
            if context.get(sequencer.ended):
                ring = context.get(Value.cast(sequencer.ended_ring))
                seen.ended[cycle] = (ring, context.get(Value.cast(sequencer.ended_release)))
            if offered and context.get(sequencer.jobs.ready):
                seen.taken.append((number, slot, cycle))
                offered = False
            quiet = 0 if more or context.get(sequencer.valid) else quiet + 1
            cycle += 1
            await context.tick()

    simulate(sequencer, bench)
    return seen


def check(engine: EngineParameters, seen: Seen, jobs: int) -> None:
    """Every job issues its steps from the cycle after it was taken on, and nothing else does."""
    steps: dict[int, Step] = {}
    ended = {}
    for number, slot, cycle in seen.taken:
        own = list(steps_of(engine, number, slot))
        assert len(own) == engine.cycles(engine.jobs[number])
        assert cycle + 1 not in steps
        steps |= {cycle + 1 + place: step for place, step in enumerate(own)}
        job = engine.jobs[number]
        ended[cycle + len(own)] = (engine.tasks[job.task].ring, job.release)
    assert len(seen.taken) == jobs
    assert seen.steps == steps
    assert seen.ended == ended


@examples(25)
@given(seed=st.integers(0, 1 << 32), idle=st.sampled_from([0.0, 0.5, 0.9]))
def test_steps_are_those_of_the_loops(seed: int, idle: float) -> None:
    rng = random.Random(seed)
    engine = random_engine(rng)
    seen = play(engine, 5, rng, idle)
    check(engine, seen, 5)
    if not idle:  # one job behind the other, in every cycle from the first one's on
        assert list(seen.steps) == list(range(1, 1 + len(seen.steps)))


ONE_STEP = parameters(tasks=(dataclasses.replace(TASK, columns=1),))


def test_a_job_of_one_step_ends_with_it() -> None:
    seen = play(ONE_STEP, 4, random.Random(0), 0.0)
    check(ONE_STEP, seen, 4)
    assert [cycle for *_, cycle in seen.taken] == [0, 1, 2, 3]


def faulty(monkeypatch: pytest.MonkeyPatch, method: str, fault: Any) -> None:
    """Random engines must differ from their loops with a method of the sequencer changed."""
    whole = getattr(Sequencer, method)
    monkeypatch.setattr(Sequencer, method, lambda *given, **more: fault(whole, *given, **more))

    def check_all() -> None:
        for seed in range(20):
            rng = random.Random(seed)
            engine = random_engine(rng)
            check(engine, play(engine, 5, rng, 0.0), 5)

    with pytest.raises(AssertionError):
        check_all()


def test_a_row_slot_that_does_not_wrap_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.hw.sequencer.wrapped", lambda value, size: value)
    faulty(monkeypatch, "begin_pixel", lambda whole, *given: whole(*given))


def test_a_pool_window_that_is_not_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin_job(whole: Any, self: Sequencer, m: Any) -> None:
        whole(self, m)
        m.d.sync += self.job.last_pool.eq(self.jobs.payload.pool_columns)

    faulty(monkeypatch, "begin_job", begin_job)


def test_a_block_that_begins_at_the_pixels_first_step_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load_block(whole: Any, self: Sequencer, m: Any, table: Any, step: Any, **more: Any) -> None:
        whole(self, m, table, self.job.first_step, **more)

    faulty(monkeypatch, "load_block", load_block)


def test_an_end_that_comes_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: a gap of a cycle behind each job."""

    def send(whole: Any, self: Sequencer, m: Any) -> None:
        whole(self, m)
        m.d.comb += self.jobs.ready.eq(~self.running)

    monkeypatch.setattr(
        Sequencer, "send", lambda self, m, whole=Sequencer.send: send(whole, self, m)
    )
    rng = random.Random(0)
    seen = play(random_engine(rng), 5, rng, 0.0)
    assert list(seen.steps) != list(range(1, 1 + len(seen.steps)))


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("wait", [0, 1, 7])
def test_the_list_offers_jobs_in_turn(jobs: int, wait: int) -> None:
    listed = tuple(dataclasses.replace(JOB, first_row=number) for number in range(jobs))
    listing, rows, cycles = JobList(parameters(jobs=listed)), [], []

    async def bench(context: Any) -> None:
        waited = 0
        for cycle in range(80):
            valid = context.get(listing.o.valid)
            waited = waited + 1 if valid else 0
            context.set(listing.o.ready, valid and waited > wait)
            if valid and waited > wait:
                rows.append(fields(context, listing.o.payload)["first_row"])
                cycles.append(cycle)
                waited = 0
            await context.tick()

    simulate(listing, bench)
    assert rows == [number % jobs for number in range(len(rows))]
    assert set(np.diff(cycles).tolist()) == {JobList.latency + wait}
