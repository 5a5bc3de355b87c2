"""The actors of the schedule by hand: when values come, wait, and what stands still."""

from __future__ import annotations

import numpy as np

from sightline.backends.fpga.followers import Adder, Enlarger, Sink
from sightline.backends.fpga.loading import SLOT_LOADED, Loader, Port, ports_of
from sightline.backends.fpga.schedule import (
    CREDIT_SEEN,
    JOB_LIST,
    ROWS_SEEN,
    SLOT_SEEN,
    Channel,
    RowStore,
    Work,
    Worker,
    in_turn,
)
from sightline.ir.types import Array


def times(*cycles: int) -> Array:
    return np.array(cycles, np.int64)


def test_in_turn_each_comes_no_earlier_than_it_may() -> None:
    assert in_turn(times(5, 0, 6, 20), 1).tolist() == [5, 6, 7, 20]
    assert in_turn(times(0, 0, 9), 3).tolist() == [0, 3, 9]


def test_a_channel_has_room_again_when_values_leave() -> None:
    channel = Channel("c", 2, 4)
    assert channel.room_at(4) == -CREDIT_SEEN
    assert channel.room_at(5) is None
    channel.put(times(10, 11, 12))
    assert channel.ready[0].tolist() == [12, 13, 14]
    assert channel.room_at(1) == -CREDIT_SEEN
    assert channel.room_at(2) is None
    channel.taken.append(times(30, 31, 32))
    assert [channel.room_at(cost) for cost in (2, 3, 4)] == [30, 31, 32]


def test_the_depth_that_a_channel_needs() -> None:
    pixels = Channel("pixels", 1, 100)
    pixels.put(times(0, 1, 2, 3))
    pixels.taken.append(times(10, 11, 12, 13))
    assert pixels.needed() == 4
    pixels = Channel("pixels", 1, 100)
    pixels.put(times(0, 10, 20, 30))
    pixels.taken.append(times(1, 11, 21, 31))
    assert pixels.needed() == 1
    rows = Channel("rows", 1, 100)
    rows.put(times(5, 6, 7), reserved_at=0)
    rows.put(times(15, 16, 17), reserved_at=10)
    rows.taken += [times(8, 9, 10), times(18, 19, 20)]
    # At 10 + 0 the job must see room: of the first row one value had left by 10 - CREDIT_SEEN.
    assert rows.needed() == 6 - 1


def test_a_loader_waits_for_a_slot() -> None:
    channel, store = Channel("c", 0, 100), RowStore(1)
    loader = Loader(channel, store, 2, wide=False)
    assert not loader.step()
    channel.put(times(0, 1, 2, 3))
    channel.put(times(4, 5, 6, 7))
    assert loader.step()
    assert store.whole == [3]
    assert not loader.step(), "when the slot becomes free is not known"
    store.freed.append(50)
    assert loader.step()
    first = 50 + SLOT_LOADED
    assert channel.taken[1].tolist() == [first, first + 1, first + 2, first + 3]
    assert store.whole == [3, first + 3]


def test_a_loader_of_pixels_takes_one_when_the_channels_of_the_last_are_written() -> None:
    channel, store = Channel("c", 0, 100), RowStore(4)
    loader = Loader(channel, store, 3, wide=True)
    channel.put(times(0, 1, 20))
    assert loader.step()
    taken = channel.taken[0].tolist()
    assert taken[1] - taken[0] == 3
    assert taken[2] == 20
    assert store.whole == [23]


def test_free_cycles_of_a_shared_port() -> None:
    port = Port(times(3, 4, 7))
    free = [cycle for cycle in range(12) if cycle not in (3, 4, 7)]
    assert port.cycle(np.arange(9)).tolist() == free
    firsts = [next(n for n, at in enumerate(free) if at >= cycle) for cycle in range(11)]
    assert port.number(np.arange(11)).tolist() == firsts


def test_of_pictures_that_are_written_at_once_the_last_goes_first() -> None:
    loaders = [
        Loader(Channel(name, 0, 9), RowStore(4), 2, wide=False) for name in ("fine", "coarse")
    ]
    for loader in loaders:
        loader.channel.put(times(0, 1, 2, 8))
        assert loader.step()
    fine, coarse = ports_of(loaders)
    assert (fine.taken.tolist(), coarse.taken.tolist()) == ([0, 1, 2, 8], [])
    again = Loader(Channel("fine", 0, 9), RowStore(4), 2, wide=False, port=fine)
    again.channel.put(times(0, 1, 2, 8))
    assert again.step()
    assert again.writes[0].tolist() == [3, 4, 5, 9]
    assert again.store.whole == [9]


def worker(need: int, release: int, store: RowStore, out: Channel, cycles: int = 10) -> Worker:
    offsets = times(cycles, cycles + 1)
    return Worker("engine", [Work("row", cycles, offsets, store, need, release, out, None)], 3)


def test_a_job_starts_when_its_rows_are_there() -> None:
    store, out = RowStore(8), Channel("out", 1, 100)
    engine = worker(2, 1, store, out)
    store.whole += [5]
    assert not engine.step()
    assert engine.waits_for() == "engine waits for rows of row"
    store.whole += [40, 41]
    assert engine.step()
    assert out.reserved == [40 + ROWS_SEEN]
    assert store.freed == [40 + ROWS_SEEN + 10]
    assert engine.step()
    assert out.reserved[1] == 40 + ROWS_SEEN + 10, "jobs follow each other without a gap"


def test_short_jobs_follow_as_fast_as_their_list_is_read() -> None:
    store, out = RowStore(8), Channel("out", 1, 100)
    store.whole += [0, 0, 0]
    engine = worker(1, 1, store, out, cycles=1)
    while engine.step():
        pass
    assert engine.finished
    assert np.diff(out.reserved).tolist() == [JOB_LIST, JOB_LIST]


def test_a_job_waits_for_room_or_stands_still() -> None:
    store, out = RowStore(8), Channel("out", 1, 3)
    store.whole += [0, 0, 0]
    engine = worker(1, 1, store, out)
    assert engine.step()
    assert not engine.step()
    assert engine.waits_for() == "engine waits for room for its results of row"
    out.taken.append(times(100, 101))
    assert engine.step()
    assert out.reserved[1] == 100 + CREDIT_SEEN


def test_a_job_writes_its_own_memory_when_a_slot_is_free() -> None:
    source, own = RowStore(8), RowStore(1)
    source.whole += [0, 0]
    first = Work("a", 10, times(15, 16), source, 1, 1, None, own)
    engine = Worker("engine", [first], 2)
    assert engine.step()
    assert own.whole == [ROWS_SEEN + 16]
    assert not engine.step()
    own.freed.append(70)
    assert engine.step()
    assert own.whole[1] == 70 + SLOT_SEEN + 16


def test_followers_enlarge_add_and_take() -> None:
    small, large, other, total = (Channel(name, 0, 100) for name in ("s", "l", "o", "t"))
    enlarger = Enlarger(small, large, 2, 1, RowStore(2))
    adder, sink = Adder(large, other, total), Sink(total)
    small.put(times(0, 1))
    assert enlarger.step()
    assert [row.tolist() for row in large.ready] == [[0, 0, 1, 1]] * 2
    for cycle in (10, 20):
        other.put(times(cycle, cycle, cycle, cycle))
        assert adder.step()
        assert sink.step()
    assert not sink.step()
    assert total.taken[0].tolist() == [10, 11, 12, 13]
    assert total.taken[1].tolist() == [20, 21, 22, 23]
    assert other.taken[1].tolist() == large.taken[1].tolist()
