"""Connection tables: the plain ones, ragged ones, their blocks and runs, and what is refused."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from sightline.ir.errors import UserError
from sightline.ir.table import MAX_MAPS, Block, Table
from tests.support.strange_graphs import LENET_C3, tables


def planes(table: Table) -> list[tuple[int, int]]:
    """(input, output) of every kernel, in the order of the weights."""
    return [
        (channel, output)
        for output in range(table.maps)
        for channel in table.inputs[output // table.block]
    ]


def test_dense_sees_everything() -> None:
    table = Table.dense(3, 2)
    assert planes(table) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert (table.groups, table.pairs) == (1, 6)
    assert list(table.blocks()) == [Block(0, 2, (0, 1, 2), 0)]


def test_groups_see_their_own() -> None:
    table = Table.grouped(4, 6, 2)
    assert table.inputs == ((0, 1), (2, 3))
    assert (table.block, table.groups, table.pairs) == (3, 2, 12)
    assert [block.pairs for block in table.blocks()] == [slice(0, 6), slice(6, 12)]


def test_depthwise_is_as_many_groups_as_channels() -> None:
    table = Table.grouped(5, 10, 5)
    assert table.inputs == ((0,), (1,), (2,), (3,), (4,))
    assert (table.groups, table.pairs) == (5, 10)


def test_the_third_layer_of_lenet_has_60_kernels() -> None:
    assert LENET_C3.pairs == 60
    assert LENET_C3.groups is None
    fan_ins = [[len(block.inputs) for block in run] for run in LENET_C3.runs()]
    assert fan_ins == [[3] * 6, [4] * 9, [6]]


@given(tables())
def test_blocks_cover_maps_and_weights_in_order(table: Table) -> None:
    blocks = list(table.blocks())
    assert [n for block in blocks for n in range(block.first, block.last)] == list(
        range(table.maps)
    )
    pairs = [n for b in blocks for n in range(b.pairs.start, b.pairs.stop)]
    assert pairs == list(range(table.pairs)) == list(range(len(planes(table))))
    for block in blocks:
        seen = [(channel, n) for n in range(block.first, block.last) for channel in block.inputs]
        assert planes(table)[block.pairs] == seen


@given(tables())
def test_runs_are_the_longest_alike(table: Table) -> None:
    runs = list(table.runs())
    assert [block for run in runs for block in run] == list(table.blocks())
    looks = [{(block.maps, len(block.inputs)) for block in run} for run in runs]
    assert all(len(look) == 1 for look in looks)
    assert all(one != other for one, other in itertools.pairwise(looks))


@given(tables())
def test_attributes_read_back(table: Table) -> None:
    attributes = table.to_attributes()
    assert set(attributes) <= set(Table.KEYS)
    assert Table.from_attributes(attributes) == table


@pytest.mark.parametrize(
    ("table", "attributes"),
    [
        (Table.dense(3, 4), {"maps": (3, 4)}),
        (Table.grouped(4, 4, 2), {"maps": (4, 4), "groups": 2}),
        (Table(4, 4, 2, ((0, 1), (2, 3))), {"maps": (4, 4), "groups": 2}),
        (
            Table(4, 4, 2, ((2, 3), (0, 1))),
            {"maps": (4, 4), "block": 2, "inputs": ((2, 3), (0, 1))},
        ),
        (Table(2, 3, 5, ((0, 1),)), {"maps": (2, 3), "block": 5, "inputs": ((0, 1),)}),
    ],
)
def test_plain_tables_print_as_groups(table: Table, attributes: dict[str, Any]) -> None:
    assert table.to_attributes() == attributes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1, ((0,),)), "a table of 0 inputs, 1 maps and blocks of 1 is empty."),
        ((1, 1, 0, ((0,),)), "a table of 1 inputs, 1 maps and blocks of 0 is empty."),
        (
            (2, 5, 2, ((0,), (1,))),
            "5 maps in blocks of 2 are 3 blocks, but the table lists inputs for 2.",
        ),
        ((2, 2, 1, ((0,), ())), "block 1 of the table sees []: empty or twice."),
        ((2, 1, 1, ((0, 0),)), "block 0 of the table sees [0, 0]: empty or twice."),
        (
            (2, 1, 1, ((0, 2),)),
            "block 0 of the table sees [0, 2], but inputs run from 0 to 1.",
        ),
        ((2, 1, 1, ((-1,),)), "block 0 of the table sees [-1], but inputs run from 0 to 1."),
        ((2, 1.5, 1, ((0,),)), "a table's sizes (2, 1.5, 1) is no list of whole numbers."),
        ((2, 1, 1, (0,)), "a table's inputs 0 is no list of whole numbers."),
    ],
)
def test_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        Table(*arguments)


@pytest.mark.parametrize(("channels", "maps", "groups"), [(4, 6, 4), (3, 4, 2), (4, 4, 0)])
def test_refuses_groups_that_do_not_divide(channels: int, maps: int, groups: int) -> None:
    with pytest.raises(
        UserError,
        match=rf"^{groups} groups do not divide {channels} input and {maps} output maps\.$",
    ):
        Table.grouped(channels, maps, groups)


def test_refuses_absurd_banks_before_listing_their_inputs() -> None:
    with pytest.raises(
        UserError,
        match=rf"^a filter bank of {10**12} input and 1 output maps is too large: {MAX_MAPS} are "
        r"supported\.$",
    ):
        Table.dense(10**12, 1)


@pytest.mark.parametrize(
    "attributes",
    [{"groups": 2}, {"maps": (2, 2), "block": 1}, {"maps": (2, 2), "inputs": ((0,), (1,))}],
)
def test_refuses_half_a_table(attributes: dict[str, Any]) -> None:
    with pytest.raises(
        UserError, match=r"^a table is maps, and groups or block and inputs: found \{"
    ):
        Table.from_attributes(attributes)


@given(tables())
def test_dense_weights_have_zeros_where_nothing_is_seen(table: Table) -> None:
    weights = 1 + np.arange(table.pairs * 2).reshape(table.pairs, 2)
    dense = table.dense_weights(weights)
    assert dense.shape == (table.maps, table.channels, 2)
    assert np.count_nonzero(dense) == weights.size
    for kernel, (channel, output) in zip(weights, planes(table), strict=True):
        np.testing.assert_array_equal(dense[output, channel], kernel)
