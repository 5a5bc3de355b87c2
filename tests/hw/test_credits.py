"""The counter of free places: benches/credits.py holds it to a plain count, and uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sightline.hw.credits import Credits
from sightline.hw.fifo import Fifo
from sightline.sim.verilator import SimulationFailedError
from tests.support.gateware import Several, run

BENCH = "tests.hw.benches.credits"
SIZES = {"limit": 21, "most": 9, "depth": 21, "row": 8}


def credits_and_fifo(depth: int) -> Several:
    return Several({"credits": Credits(SIZES["limit"], SIZES["most"]), "fifo": Fifo(8, depth)})


def test_credits(tmp_path: Path) -> None:
    run(credits_and_fifo(SIZES["depth"]), BENCH, tmp_path, [SIZES])


def test_the_bench_sees_a_wrong_count(tmp_path: Path) -> None:
    with pytest.raises(SimulationFailedError, match="assert 21 == 22"):
        run(credits_and_fifo(SIZES["depth"]), BENCH, tmp_path, [{**SIZES, "limit": 22}])


def test_the_bench_sees_a_job_that_stalls(tmp_path: Path) -> None:
    """The FIFO has fewer places than are counted."""
    with pytest.raises(SimulationFailedError, match=r"assert \(.* == 0 or 0\)"):
        run(credits_and_fifo(SIZES["depth"] - 3), BENCH, tmp_path, [SIZES])


@pytest.mark.parametrize(
    ("limit", "most", "message"),
    [
        (0, 1, "a store has 1 place or more, not 0"),
        (4, 5, "5 places at a time is not within 1 and the limit of 4"),
        (4, 0, "0 places at a time is not within 1 and the limit of 4"),
    ],
)
def test_refusals(limit: int, most: int, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Credits(limit, most)
