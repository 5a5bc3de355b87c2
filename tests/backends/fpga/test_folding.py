"""The engines that are chosen, against all that there could be, and those of known networks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from sightline.backends.fpga.devices.ecp5_85f import ECP5_85F
from sightline.backends.fpga.devices.xc6vlx240t import XC6VLX240T
from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.folding import Budget, Folding, Foldings, slowest
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.program import Array
from sightline.ir.table import Table
from sightline.ir.window import Window
from sightline.models.peers import peer
from sightline.models.scene import scene
from tests.support.accelerators import network_of
from tests.support.bank_chains import Filters, graph_of

MANY = 1 << 20

CHAINS = {
    "two": [Filters(Table.dense(1, 3), (2, 2)), Filters(Table.dense(3, 2), (1, 2))],
    "pooled": [
        Filters(Table.dense(2, 3), (1, 2), pool=Window((2, 2), (2, 2), (0, 0, 1, 1))),
        Filters(Table(3, 3, 2, ((0, 2), (1,))), (2, 1)),
    ],
    "three": [
        Filters(Table.dense(1, 2), (1, 2)),
        Filters(Table.dense(2, 2), (2, 1)),
        Filters(Table.dense(2, 1), (1, 1)),
    ],
}


def network(name: str) -> Network:
    filters = CHAINS[name]
    return extract(graph_of((filters[0].table.channels, 5, 6), 8, filters, 0))


def everything(foldings: Foldings, engines: int) -> Iterator[tuple[Folding, ...]]:
    """All ways to give neighbouring depths to as many engines, each with any array."""
    count = len(foldings.depths)
    for number in range(1, engines + 1):
        for cuts in itertools.combinations(range(1, count), number - 1):
            spans = itertools.pairwise((0, *cuts, count))
            yield from itertools.product(*(arrays(foldings, *span) for span in spans))


def arrays(foldings: Foldings, first: int, last: int) -> list[Folding]:
    banks = [bank for depth in foldings.depths[first:last] for bank in depth]
    rows, columns = (max(bank.layer.kernel[axis] for bank in banks) for axis in (0, 1))
    lanes = max(bank.layer.maps for bank in banks)
    return [
        foldings.folding(banks, Array((rows, columns), taps, count), fabric)
        for taps in range(1, rows * columns + 1)
        for count in range(1, lanes + 1)
        for fabric in (False, True)
    ]


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("budget", [Budget(n, MANY) for n in (1, 2, 3, 5, 8, 13)])
def test_the_fewest_cycles_that_a_budget_of_products_allows(name: str, budget: Budget) -> None:
    require_best(Foldings(network(name), XC6VLX240T), budget)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("budget", [Budget(None, n) for n in (2, 4, 6, 9)])
def test_the_fewest_cycles_that_so_many_dsp_blocks_allow(name: str, budget: Budget) -> None:
    require_best(Foldings(network(name), ECP5_85F), budget)


def require_best(foldings: Foldings, budget: Budget) -> None:
    for engines in range(1, len(foldings.depths) + 1):
        allowed = [
            each
            for each in everything(foldings, engines)
            if budget.allows(each) and sum(f.kind == "fabric" for f in each) <= 1
        ]
        found = foldings.fastest(budget, engines)
        if not allowed:
            assert found is None
            continue
        assert found is not None
        assert budget.allows(found)
        assert len(found) <= engines
        assert slowest(found) == min(map(slowest, allowed))
        names = [bank.name for depth in foldings.depths for bank in depth]
        assert [name for folding in found for name in folding.banks] == names


def test_the_cheapest_for_a_bound() -> None:
    foldings = Foldings(network("two"), XC6VLX240T)
    found = foldings.within(300, Budget(MANY, MANY), 2, 0)
    assert found is not None
    assert slowest(found) <= 300
    least = min(
        sum(folding.products for folding in each)
        for each in everything(foldings, 2)
        if slowest(each) <= 300 and not any(folding.kind == "fabric" for folding in each)
    )
    assert sum(folding.products for folding in found) == least
    assert foldings.within(1, Budget(MANY, MANY), 2, 0) is None


@pytest.mark.parametrize(
    ("name", "budget", "array", "cycles"),
    [
        ("lenet", 25, Array((5, 5), 25, 1), 14_464),
        ("scene", 49, Array((7, 7), 49, 1), 666_816),
        ("scenesame", 392, Array((7, 7), 49, 8), 509_952),
    ],
)
def test_the_networks_that_peers_were_measured_with(
    name: str, budget: int, array: Array, cycles: int
) -> None:
    """One engine, every multiplier of which is busy in every cycle."""
    foldings = Foldings(network_of(peer(name)), XC6VLX240T)
    (found,) = foldings.fastest(Budget(budget, XC6VLX240T.dsp), 1) or ()
    assert found.array == array
    assert found.cycles == cycles
    for engines in (2, 3):
        several = foldings.fastest(Budget(budget, XC6VLX240T.dsp), engines)
        assert several is not None
        assert slowest(several) <= cycles


def test_the_folding_of_the_scene_network_that_works_on_paper() -> None:
    """At a 25th of the frame, where cycles are a 25th too."""
    begin = "norm,norm_1,norm_2"
    foldings = Foldings(network_of(scene(height=48, width=64), "int8", begin), XC6VLX240T)
    found = foldings.fastest(Budget(None, XC6VLX240T.dsp), 4)
    assert found is not None
    first, *others = ((folding.array.taps, folding.array.lanes) for folding in found)
    assert first in ((25, 2), (49, 1)), "22 cycles for a sum of each map"
    assert others == [(49, 6), (49, 24), (1, 8)]
    assert slowest(found) == 2_217_600 // 25
    assert sum(folding.dsps for folding in found) <= XC6VLX240T.dsp
