"""In which order the engines compute rows: as the rows of the results demand them."""

from __future__ import annotations

from collections.abc import Iterator

from sightline.backends.fpga.network import Bank, Enlarged, Labels, Network, Source, Sum
from sightline.backends.fpga.plan import Row
from sightline.backends.fpga.rows import row_needs


def demand_order(network: Network, ahead: int) -> list[Row]:
    """Rows of all banks of one frame, each after those that it reads.

    Row after row of the results is asked for, and asks for the rows that it needs in turn, and for
    `ahead` rows more, so that a row need not wait for the one computed just before it.
    """
    order: list[Row] = []
    done = dict.fromkeys((bank.name for bank in network.banks), 0)

    def compute(bank: Bank, row: int) -> None:
        while done[bank.name] <= row:
            own = done[bank.name]
            source = network.by_name[bank.source]
            if isinstance(source, Bank):
                need = row_needs(bank)[own]  # rows to let go of must have come, seen or not
                newest = need.oldest + need.need - 1 + ahead
                compute(source, min(newest, source.rows - 1))
            order.append(Row(bank.name, own))
            done[bank.name] = own + 1

    shapes = [network.shape(name) for name in network.outputs]
    for row in range(max(shape.rows for shape in shapes)):
        for name, shape in zip(network.outputs, shapes, strict=True):
            if row < shape.rows:
                for bank, own in demanded(network, name, row):
                    compute(bank, own)
    for bank in network.banks:  # rows that no result needs, for the rings to be emptied
        compute(bank, bank.rows - 1)
    return order


def demanded(network: Network, name: str, row: int) -> Iterator[tuple[Bank, int]]:
    """The rows of banks that a row of a value is made of, those of coarser scales first."""
    match network.by_name[name]:
        case Bank() as bank:
            yield bank, row
        case Enlarged(_, source, factor):
            yield from demanded(network, source, row // factor)
        case Sum(_, left, right):
            yield from demanded(network, right, row)
            yield from demanded(network, left, row)
        case Labels(_, source):
            yield from demanded(network, source, row)
        case Source():
            return
