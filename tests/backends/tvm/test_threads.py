"""Threads of frames: the same values with any number, from many callers, after a fork or a rest."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import pytest

from sightline.backends import reference
from sightline.backends.tvm.executable import CpuExecutable
from sightline.backends.tvm.host import THREADS, use_threads
from sightline.backends.tvm.schedules.spread import PARALLEL_SUMS
from sightline.ir.build import GraphBuilder
from sightline.ir.graph import Graph
from sightline.ir.ops.conv import Conv
from sightline.ir.ops.pointwise import Tanh
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from tests.support.copies import ROOT
from tests.support.cpu import assert_near, compiled

RNG = np.random.default_rng(0)
SHAPE = (1, 3, 30, 29)
FRAMES = [RNG.standard_normal(SHAPE).astype(np.float32) for _ in range(4)]
PATIENCE = 60.0
"""Seconds after which a test hangs."""

TASKS = Path("/proc/self/task")


def network(maps: int) -> Graph:
    """Two filter banks and what follows them, with enough to do for several threads."""
    builder = GraphBuilder("net")
    value, planes = builder.input("x", TensorType(SHAPE)), 3
    for size in (maps, 8):
        weights = RNG.standard_normal((planes * size, 3, 3)).astype(np.float32) / planes
        bank = Conv(Window((3, 3), pads=(1, 1, 1, 1)), Table.dense(planes, size))
        assert planes * size * 9 * SHAPE[2] * SHAPE[3] > PARALLEL_SUMS
        value = builder.add(bank, value, builder.constant(weights, "w"))
        value, planes = builder.add(Tanh(), value), size
    builder.output(value, "y")
    return builder.finish()


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves its number of threads behind."""
    monkeypatch.setenv(THREADS, "2")


@pytest.fixture(scope="module")
def nets() -> list[CpuExecutable]:
    return [compiled(network(maps)) for maps in (16, 24)]


@pytest.fixture(scope="module")
def alone(nets: Sequence[CpuExecutable]) -> list[list[Array]]:
    """Of each network the results of each frame, by one thread."""
    before = os.environ.get(THREADS)
    use_threads(1)
    results = [[run(net, frame) for frame in FRAMES] for net in nets]
    os.environ.pop(THREADS) if before is None else use_threads(int(before))
    return results


def run(net: CpuExecutable, frame: Array) -> Array:
    return net.run({"x": frame})["y"]


def test_one_thread_computes_what_the_reference_does(
    nets: Sequence[CpuExecutable], alone: Sequence[Sequence[Array]]
) -> None:
    for net, results in zip(nets, alone, strict=True):
        assert_near(results[0], reference.run(net.graph, x=FRAMES[0])["y"], 1e-4)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_threads_gives_the_same(
    count: int, nets: Sequence[CpuExecutable], alone: Sequence[Sequence[Array]]
) -> None:
    """Told between frames, up and down."""
    for told in (count, 1, count):
        use_threads(told)
        for net, results in zip(nets, alone, strict=True):
            for frame, wanted in zip(FRAMES, results, strict=True):
                np.testing.assert_array_equal(run(net, frame), wanted)


@pytest.mark.skipif(not TASKS.exists(), reason="only Linux lists the threads of a process")
def test_all_libraries_share_the_threads(nets: Sequence[CpuExecutable]) -> None:
    use_threads(8)
    run(nets[0], FRAMES[0])
    before = len(list(TASKS.iterdir()))
    assert before >= 8
    run(nets[1], FRAMES[0])
    use_threads(2)
    run(compiled(network(32)), FRAMES[0])
    assert len(list(TASKS.iterdir())) <= before


@pytest.mark.parametrize("both", [False, True])
def test_several_callers_at_once(
    both: bool, nets: Sequence[CpuExecutable], alone: Sequence[Sequence[Array]]
) -> None:
    """One of them has the pool, the others compute alone; all are right."""
    wrong: list[int] = []
    finished: list[int] = []

    def frames(caller: int) -> None:
        which = caller % 2 if both else 0
        for number in range(200):
            got = run(nets[which], FRAMES[(caller + number) % 4])
            if not np.array_equal(got, alone[which][(caller + number) % 4]):
                wrong.append(number)
        finished.append(caller)

    callers = [threading.Thread(target=frames, args=(n,), daemon=True) for n in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    assert (sorted(finished), wrong) == ([0, 1, 2], [])


def _in_child(net: CpuExecutable, wanted: Sequence[Array], answer: SimpleQueue[bool]) -> None:
    right = all(np.array_equal(run(net, f), w) for f, w in zip(FRAMES, wanted, strict=True))
    answer.put(right)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_computes_on(
    nets: Sequence[CpuExecutable], alone: Sequence[Sequence[Array]]
) -> None:
    """The child has none of the threads, and makes its own."""
    run(nets[0], FRAMES[0])
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    children = [
        context.Process(target=_in_child, args=(nets[0], alone[0], answers)) for _ in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE)
        assert child.exitcode == 0
    assert [answers.get(), answers.get()] == [True, True]
    np.testing.assert_array_equal(run(nets[0], FRAMES[1]), alone[0][1])


def test_a_frame_after_a_rest(
    nets: Sequence[CpuExecutable], alone: Sequence[Sequence[Array]]
) -> None:
    """Threads sleep soon after a frame, and wake for the next."""
    spent = []
    for number in range(20):
        np.testing.assert_array_equal(run(nets[0], FRAMES[number % 4]), alone[0][number % 4])
        before = time.process_time()
        time.sleep(0.01)
        spent.append(time.process_time() - before)
    # What else there is in the process may spin for a while, but not always.
    assert min(spent) < 0.005, "threads spin on"


def test_a_process_ends_while_threads_spin() -> None:
    script = (
        "import numpy as np\n"
        "from tests.backends.tvm.test_threads import FRAMES, network, run\n"
        "from tests.support.cpu import compiled\n"
        "net = compiled(network(16))\n"
        "print(run(net, FRAMES[0]).shape)\n"
    )
    environment = os.environ | {THREADS: "3"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (0, f"{(1, 8, *SHAPE[2:])}\n"), done.stderr
