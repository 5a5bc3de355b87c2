"""The threads of the runtime by themselves: many small loops, from several callers at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sightline.backends.tvm.library import FLAGS, RUNTIME, linker

STRESS = Path(__file__).parents[2] / "support" / "runtime" / "stress.cpp"
POOL = RUNTIME.parent / "pool.h"
SANITIZED = ("-O1", "-g", "-fsanitize=thread")
SECONDS, SECONDS_OF_A_MUTANT = 30, 4
ATTEMPTS = 5
"""How often a mutant may get away: what threads do to each other is a matter of luck."""

MUTANTS = {
    "parts are taken without a look at who else did": (
        "if (!ticket_.compare_exchange_weak(seen, seen - static_cast<uint64_t>(chunk),",
        "if (ticket_.store(seen - static_cast<uint64_t>(chunk)), false && "
        "!ticket_.compare_exchange_weak(seen, seen,",
    ),
    "nobody is waited for": ("< others;", "< 0;"),
    "two callers have the workers at once": ("busy_.exchange(true, ", "busy_.exchange(false, "),
    "a failure is forgotten": (
        "return failed_.load(std::memory_order_relaxed) ? -1 : 0",
        "return 0",
    ),
    "what was written before a loop may come after it": (
        "generation * GENERATION + static_cast<uint64_t>(parts));",
        "generation * GENERATION + static_cast<uint64_t>(parts), std::memory_order_relaxed);",
    ),
}


def built(folder: Path, pool: str, *flags: str) -> Path:
    (folder / "pool.h").write_text(pool)
    program = folder / "stress"
    command = [*linker(), *FLAGS, *flags, f"-I{folder}", str(STRESS), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "-fsanitize=thread" in flags:
        pytest.skip(f"the compiler has no thread sanitizer: {done.stderr[-200:]}")
    assert not done.returncode, done.stderr
    return program


def stressed(
    program: Path, callers: int, loops: int, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    command = [str(program), str(callers), str(loops)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)


def test_every_part_runs_once(tmp_path: Path) -> None:
    program = built(tmp_path, POOL.read_text())
    for callers in (1, 2, 4):
        done = stressed(program, callers, 50_000)
        assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


@pytest.fixture(scope="module")
def sanitizer_works(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Some kernels place memory where the sanitizer does not expect it."""
    program = built(tmp_path_factory.mktemp("sanitized"), POOL.read_text(), *SANITIZED)
    done = stressed(program, 1, 1)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("the thread sanitizer does not run on this kernel")


def test_no_thread_reads_what_another_writes(tmp_path: Path, sanitizer_works: None) -> None:
    program = built(tmp_path, POOL.read_text(), *SANITIZED)
    for callers in (1, 3):
        done = stressed(program, callers, 3_000)
        assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr[-3000:]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_pool_is_noticed(name: str, tmp_path: Path, sanitizer_works: None) -> None:
    right, wrong = MUTANTS[name]
    source = POOL.read_text()
    assert source.count(right) == 1
    program = built(tmp_path, source.replace(right, wrong), *SANITIZED)
    for _ in range(ATTEMPTS):
        try:
            done = stressed(program, 3, 3_000, SECONDS_OF_A_MUTANT)
        except subprocess.TimeoutExpired:
            return
        if done.returncode != 0:
            return
    pytest.fail("the stress found nothing wrong")
