"""Connection tables: who sees whom, and how evenly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.frontend import tables
from sightline.ir.errors import UserError
from sightline.ir.table import Table
from tests.support.modules import untyped


def test_lenet_c3_is_table_one_of_the_paper() -> None:
    table = tables.lenet_c3()
    assert table.pairs == 60
    columns = {  # map: its inputs, read off LeCun et al. 1998, table I
        0: (0, 1, 2),
        4: (0, 4, 5),
        5: (0, 1, 5),
        6: (0, 1, 2, 3),
        9: (0, 3, 4, 5),
        11: (0, 1, 2, 5),
        12: (0, 1, 3, 4),
        13: (1, 2, 4, 5),
        14: (0, 2, 3, 5),
        15: (0, 1, 2, 3, 4, 5),
    }
    assert {map_: table.inputs[map_] for map_ in columns} == columns
    assert [len(inputs) for inputs in table.inputs] == [3] * 6 + [4] * 9 + [6]


@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 8), st.data())
def test_random_tables_use_every_input_equally_often(
    channels: int, maps: int, block: int, data: st.DataObject
) -> None:
    fan_in = data.draw(st.integers(1, channels))
    table = tables.random(channels, maps, fan_in, block=block, seed=data.draw(st.integers(0, 9)))
    assert all(len(set(inputs)) == fan_in for inputs in table.inputs)
    uses = Counter(dict.fromkeys(range(channels), 0))
    uses.update(number for inputs in table.inputs for number in inputs)
    assert max(uses.values()) - min(uses.values()) <= 1


def test_random_tables_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    assert tables.random(16, 64, 8, seed=3) == tables.random(16, 64, 8, seed=3)
    assert tables.random(16, 64, 8, seed=3) != tables.random(16, 64, 8, seed=4)


def test_parts_takes_the_largest_block() -> None:
    table = tables.parts(3, ((0,), 10), ((1, 2), 6))
    assert (table.maps, table.block, table.pairs) == (16, 2, 22)
    assert [block.inputs for block in table.blocks()] == [(0,)] * 5 + [(1, 2)] * 3


def test_dense_and_one_to_one_are_groups() -> None:
    assert tables.dense(3, 5).groups == 1
    assert tables.one_to_one(4).groups == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tables.random(3, 5, 4), r"a map sees 1 to 3 inputs, but the fan-in is 4"),
        (lambda: tables.random(3, 5, 0), r"the fan-in of a map is a whole number of .*, found 0"),
        (lambda: tables.random(3, 5, 2, block=0), r"the size of a block is a whole .*, found 0"),
        (lambda: tables.random(3, 0, 2), r"the number of maps is a whole number .*, found 0"),
        (lambda: tables.random(0, 5, 2), r"the number of inputs is a whole number .*, found 0"),
        (lambda: tables.random(3, 5, 2, seed=-1), r"a seed is a whole number of at least 0, .*-1"),
        (lambda: tables.dense(3, -5), r"the number of maps is a whole number .*, found -5"),
        (lambda: tables.one_to_one(0), r"the number of inputs is a whole number .*, found 0"),
        (lambda: tables.parts(3, ((0,), 0)), r"the number of maps of a part is .*, found 0"),
        (lambda: tables.parts(3, ((3,), 4)), r"block 0 .*"),
    ],
)
def test_tables_that_cannot_be_are_refused(make: Callable[[], Table], message: str) -> None:
    with pytest.raises(UserError, match=rf"^\S*test_tables\.py:\d+: {message}\.$"):
        make()


def test_tables_take_numpys_integers() -> None:
    two, three, five = untyped(np.array([2, 3, 5]))
    assert tables.random(three, five, two, seed=two) == tables.random(3, 5, 2, seed=2)
