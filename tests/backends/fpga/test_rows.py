"""Which input rows a row of results needs, against what naive windows touch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.network import Bank
from sightline.backends.fpga.rows import row_needs
from sightline.ir.table import Table
from sightline.ir.window import Window
from tests.support.bank_chains import Filters, graph_of
from tests.support.examples import examples


@st.composite
def banks(draw: st.DrawFn) -> Bank:
    height, kernel = draw(st.integers(5, 16)), draw(st.integers(1, 5))
    stride, pool, step = (draw(st.integers(1, 3)) for _ in range(3))
    above, below = (draw(st.integers(0, kernel - 1)) for _ in range(2))
    sums = (height + above + below - kernel) // stride + 1
    pool = min(pool, sums)
    window = Window((pool, 1), (step, 1), (0, 0, draw(st.integers(0, pool - 1)), 0))
    filters = Filters(Table.dense(1, 1), (kernel, 1), (stride, 1), (above, 0, below, 0), window)
    (bank,) = extract(graph_of((1, height, 4), 8, [filters], 0)).banks
    return bank


def touched(bank: Bank, row: int) -> set[int]:
    """Input rows that windows of a result row begin at or look at, padding left out."""
    first = row * bank.pool_strides[0]
    return {
        at
        for sums in range(first, min(first + bank.pool[0], bank.sums[0]))
        for tap in range(bank.layer.kernel[0])
        if 0 <= (at := sums * bank.layer.strides[0] - bank.pads[0] + tap) < bank.height
    }


@examples(60)
@given(banks())
def test_needs_are_what_windows_touch(bank: Bank) -> None:
    released = 0
    for row, need in enumerate(row_needs(bank)):
        rows = touched(bank, row)
        assert released == need.oldest, "rows are let go of up to the oldest that is needed"
        if rows:
            assert (need.oldest, need.newest) <= (min(rows), max(rows))
            assert need.newest == max(rows)
            assert need.need >= max(rows) + 1 - released
        assert need.first_row + need.above == need.oldest or need.oldest == bank.height
        later = set().union(*(touched(bank, after) for after in range(row + 1, bank.rows)))
        assert not later or need.done <= min(later)
        assert need.need >= need.release >= 0
        released += need.release
    assert released == bank.height, "a frame leaves nothing in the ring"


@pytest.mark.parametrize(("rows", "pools"), [(9, [2, 2, 2, 1]), (8, [2, 2, 2])])
def test_the_last_pool_window_may_be_cut_short(rows: int, pools: list[int]) -> None:
    window = Window((2, 1), (2, 1), (0, 0, 1, 0))
    filters = Filters(Table.dense(1, 1), (3, 1), (1, 1), (0, 0, 0, 0), window)
    (bank,) = extract(graph_of((1, rows, 4), 8, [filters], 0)).banks
    assert [need.pool_rows for need in row_needs(bank)] == pools
