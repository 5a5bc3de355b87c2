"""Which rows of its input a row of results needs, and when they are done with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sightline.backends.fpga.network import Bank


@dataclass(frozen=True)
class RowNeed:
    """For a row of results: its first window begins at `first_row`, and may begin above the rows.

    It sees input rows `oldest` up to `newest`, both counted from 0 and within the picture, unless
    it begins below it: then `oldest` is the row after the last. Rows up to `done` are not needed
    after it. `pool_rows` rows of sums are pooled.
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

    def within(row: int) -> int:
        """A row of the padding becomes the picture's first, or the one after its last."""
        return min(max(0, row), bank.height)

    found = []
    for row in range(bank.rows):
        pooled = min(bank.pool[0], bank.sums[0] - row * bank.pool_strides[0])
        first, end = first_row(row), first_row(row) + (pooled - 1) * stride + kernel
        oldest = within(first)
        done = bank.height if row == bank.rows - 1 else within(first_row(row + 1))
        newest = max(0, within(end) - 1)  # all of it padding: no frame begins before its input
        found.append(RowNeed(first, oldest, newest, done, pooled))
    return tuple(found)
