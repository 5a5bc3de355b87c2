"""One stream to several readers, and several streams in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from amaranth.hdl import signed

from sightline.hw.fork import Fork
from sightline.hw.join import Join
from tests.support.gateware import Several, play_in_verilog
from tests.support.streams import Case, paced

VALUES = [k * 11 % 64 for k in range(120)]


def test_fork_and_join(tmp_path: Path) -> None:
    parts = {
        "fork": Fork(6, 3),
        "single": Fork(6, 1),
        "join": Join({"x": 6, "y": signed(4), "z": 1}),
    }
    readers = {f"o__{k}": len(VALUES) for k in range(3)}
    forks = paced(Case({"i": VALUES}, readers, component="fork"))
    singles = paced(Case({"i": VALUES}, {"o__0": len(VALUES)}, component="single"))
    sides = {
        "i__x": VALUES,
        "i__y": [value % 16 for value in reversed(VALUES)],
        "i__z": [value // 5 % 2 for value in VALUES],
    }
    joins = paced(Case(sides, {"o": len(VALUES)}, component="join"))
    results = iter(play_in_verilog(Several(parts), [*forks, *singles, *joins], tmp_path))

    fork_results = [next(results) for _ in forks]
    assert all(result.values == dict.fromkeys(readers, VALUES) for result in fork_results)
    assert fork_results[0].cycles["i"] == fork_results[0].cycles["o__2"] == list(range(120))
    assert any(len({tuple(each.cycles[port]) for port in readers}) == 3 for each in fork_results)
    for _ in singles:
        assert next(results).values["o__0"] == VALUES

    join_results = [next(results) for _ in joins]
    wanted = [x | y << 6 | z << 10 for x, y, z in zip(*sides.values(), strict=True)]
    assert all(result.values["o"] == wanted for result in join_results)
    assert join_results[0].cycles["i__y"] == join_results[0].cycles["o"] == list(range(120))


def test_refusals() -> None:
    with pytest.raises(ValueError, match=re.escape("a fork has 1 reader or more, not 0")):
        Fork(8, 0)
    with pytest.raises(ValueError, match=re.escape("a join has 1 stream or more, not 0")):
        Join({})
