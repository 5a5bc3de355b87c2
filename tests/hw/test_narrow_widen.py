"""The width converters: groups of values one by one, and back."""

from __future__ import annotations

import re

import pytest

from sightline.hw.narrow import Narrow
from sightline.hw.widen import Widen
from tests.support.gateware import Several, play_in_verilog
from tests.support.streams import Case, Played, paced

BITS = 5
COUNTS = (1, 2, 3, 8)
VALUES = [k * 11 % 32 for k in range(12 * 8)]


def groups(count: int) -> list[int]:
    """The values side by side in groups, the first lowest."""
    return [
        sum(value << (BITS * k) for k, value in enumerate(VALUES[start : start + count]))
        for start in range(0, len(VALUES), count)
    ]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, Played]]:
    narrows = {f"narrow_{count}": Narrow(BITS, count) for count in COUNTS}
    widens = {f"widen_{count}": Widen(BITS, count) for count in COUNTS}
    cases = []
    for count in COUNTS:
        given = Case({"i": groups(count)}, {"o": len(VALUES)}, component=f"narrow_{count}")
        cases += paced(given)
        given = Case({"i": VALUES}, {"o": len(VALUES) // count}, component=f"widen_{count}")
        cases += paced(given)
    results = play_in_verilog(Several(narrows | widens), cases, tmp_path_factory.mktemp("widths"))
    return list(zip(cases, results, strict=True))


@pytest.mark.parametrize("count", COUNTS)
def test_narrow(played: list[tuple[Case, Played]], count: int) -> None:
    of_this = [each for each in played if each[0].component == f"narrow_{count}"]
    for case, result in of_this:
        assert result.values["o"] == VALUES, case
    full_rate = of_this[0][1]
    assert full_rate.latency("i", 0, "o", 0) == Narrow.latency
    assert full_rate.span("o") == len(VALUES)


@pytest.mark.parametrize("count", COUNTS)
def test_widen(played: list[tuple[Case, Played]], count: int) -> None:
    of_this = [each for each in played if each[0].component == f"widen_{count}"]
    for case, result in of_this:
        assert result.values["o"] == groups(count), case
    full_rate = of_this[0][1]
    assert full_rate.latency("i", count - 1, "o", 0) == Widen.latency
    assert full_rate.span("i") == len(VALUES)


def test_a_group_has_values() -> None:
    for converter in (Narrow, Widen):
        with pytest.raises(ValueError, match=re.escape("a group has 1 value or more, not 0")):
            converter(BITS, 0)
