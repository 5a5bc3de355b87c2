"""Which rows of its input a row of results needs, and when they are done with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sightline.backends.fpga.network import Bank


@dataclass(frozen=True)
class RowNeed:
    """For a row of results: its first window begins at `first_row`, and may begin above the rows.

    It sees input rows `oldest` up to `newest`, both counted from 0 and within the picture; rows
    up to `done` are not needed after it. `pool_rows` rows of sums are pooled.
    """

    first_row: int
    oldest: int
    newest: int
    done: int
    pool_rows: int

    @property
    def above(self) -> int:
        return self.oldest - self.first_row

    @property
    def release(self) -> int:
        return self.done - self.oldest

    @property
    def need(self) -> int:
        """Rows that must be there, counted from the oldest; those to let go must have come."""
        return max(self.newest + 1 - self.oldest, self.release)


@cache
def row_needs(bank: Bank) -> tuple[RowNeed, ...]:
    """For each row of a bank's results."""
    stride, kernel = bank.layer.strides[0], bank.layer.kernel[0]

    def first_row(row: int) -> int:
        return row * bank.pool_strides[0] * stride - bank.pads[0]

    found = []
    for row in range(bank.rows):
        pooled = min(bank.pool[0], bank.sums[0] - row * bank.pool_strides[0])
        first, end = first_row(row), first_row(row) + (pooled - 1) * stride + kernel
        oldest = min(max(0, first), bank.height - 1)
        is_last = row == bank.rows - 1
        done = bank.height if is_last else max(0, first_row(row + 1))
        found.append(RowNeed(first, oldest, min(end, bank.height) - 1, done, pooled))
    return tuple(found)
