"""The order of rows: each once, after all that it reads, and no earlier than it is asked for."""

from __future__ import annotations

import pytest

from sightline.backends.fpga.network import Bank, Network
from sightline.backends.fpga.order import demand_order
from sightline.backends.fpga.plan import Row
from sightline.backends.fpga.rows import row_needs
from tests.support.accelerators import network_of
from tests.support.chains import Chain, TwoScales

CHAINS = range(0, 12, 2)


def problems(network: Network, order: list[Row]) -> list[str]:
    """Rows that are there twice, out of turn, or before those that they read."""
    done = dict.fromkeys((bank.name for bank in network.banks), 0)
    found = []
    for row in order:
        bank = network.by_name[row.bank]
        assert isinstance(bank, Bank)
        if row.row != done[row.bank]:
            found.append(f"{row} out of turn")
        done[row.bank] = row.row + 1
        newest = row_needs(bank)[row.row].newest
        if bank.source in done and done[bank.source] <= newest:
            found.append(f"{row} before row {newest} of {bank.source}")
    found += [f"{b.name} ends at {done[b.name]}" for b in network.banks if done[b.name] != b.rows]
    return found


@pytest.fixture(scope="module")
def networks() -> list[Network]:
    return [network_of(TwoScales()), *(network_of(Chain(seed)) for seed in CHAINS)]


@pytest.mark.parametrize("ahead", [0, 1, 2, 9])
def test_every_row_once_after_what_it_reads(networks: list[Network], ahead: int) -> None:
    for network in networks:
        assert problems(network, demand_order(network, ahead)) == []


def test_a_wrong_order_is_found(networks: list[Network]) -> None:
    network = networks[0]
    order = demand_order(network, 0)
    assert problems(network, order[:-1])
    assert problems(network, [*order, order[-1]])
    readers = [n for n, row in enumerate(order) if row.bank == network.banks[-1].name]
    swapped = list(order)
    swapped.insert(0, swapped.pop(readers[0]))
    assert problems(network, swapped)


def test_scales_are_interleaved_as_their_rows_are_asked_for(networks: list[Network]) -> None:
    """Two fine rows of scores for a coarse one, the coarse one first."""
    network = networks[0]
    last = [bank.name for bank in network.banks if network.depth(bank) == 2]
    rows = [row for row in demand_order(network, 0) if row.bank in last]
    fine, coarse = sorted(last, key=lambda name: -network.shape(name).rows)
    assert [row.bank for row in rows] == [coarse, fine, fine] * 4


def test_nothing_is_computed_before_it_is_asked_for(networks: list[Network]) -> None:
    """Without rows ahead, the rows before a bank's are those that it needs, and no more."""
    network = networks[0]
    done = dict.fromkeys((bank.name for bank in network.banks), 0)
    readers = {bank.source: bank for bank in network.banks}
    for row in demand_order(network, 0):
        reader = readers.get(row.bank)
        if reader is not None and done[reader.name] < reader.rows:
            assert row.row <= row_needs(reader)[done[reader.name]].newest
        done[row.bank] += 1
