"""Tables of named numbers against the lists that they are made of."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Shape
from hypothesis import given
from hypothesis import strategies as st

from sightline.hw.field_rom import FieldRom, shape_of
from tests.support.engine_parts import fields, simulate
from tests.support.examples import examples
from tests.support.gateware import to_verilog

Columns = dict[str, list[int]]
NUMBERS = st.integers(-(1 << 40), 1 << 40) | st.integers(-2, 2)


@st.composite
def tables(draw: st.DrawFn) -> Columns:
    """Columns of any numbers, some of one number alone."""
    depth = draw(st.sampled_from([1, 2, 3, 5, 8, 70]))
    names = draw(st.sets(st.sampled_from("abcd"), min_size=1))
    return {
        name: draw(
            st.lists(NUMBERS, min_size=depth, max_size=depth) | NUMBERS.map(lambda n: [n] * depth)
        )
        for name in sorted(names)
    }


def read(rom: FieldRom, addresses: list[int]) -> list[dict[str, int]]:
    """The row of each address, in the cycle in which it is promised."""
    found: list[dict[str, int]] = []

    async def bench(context: Any) -> None:
        for address in [*addresses, *[0] * rom.latency]:
            context.set(rom.address, address)
            found.append(fields(context, rom.row))
            await context.tick()

    simulate(rom, bench)
    return found[rom.latency :]


@examples(30)
@given(columns=tables(), ahead=st.booleans(), data=st.data())
def test_rows_are_those_of_the_columns(columns: Columns, ahead: bool, data: st.DataObject) -> None:
    rom = FieldRom(columns, ahead=ahead)
    places = st.integers(0, rom.depth - 1)
    addresses = data.draw(st.lists(places, min_size=1, max_size=20))
    wanted = [{name: column[n] for name, column in columns.items()} for n in addresses]
    assert read(rom, addresses) == wanted
    assert rom.latency == (0 if ahead else 2)


@given(column=st.lists(NUMBERS, min_size=1, max_size=5))
def test_shapes_are_as_narrow_as_can_be(column: list[int]) -> None:
    shape = shape_of(column)

    def holds(shape: Shape) -> bool:
        low = -(1 << shape.width - 1) if shape.signed else 0
        high = (1 << shape.width - shape.signed) - 1
        return low <= min(column) and max(column) <= high

    assert holds(shape)
    assert shape.signed == (min(column) < 0)
    assert shape.width == 1 or not holds(Shape(shape.width - 1, shape.signed))


def test_constant_columns_take_no_memory() -> None:
    assert "reg" not in to_verilog(FieldRom({"a": [-3] * 100, "b": [5] * 100}))
    assert 'rom_style = "block"' in to_verilog(FieldRom({"a": list(range(100)), "b": [5] * 100}))


def test_a_row_of_a_later_cycle_is_noticed() -> None:
    """Mutant: a table that says it were faster than it is."""
    rom = FieldRom({"a": [1, 2, 3]})
    rom.latency = 1
    with pytest.raises(AssertionError):
        assert read(rom, [2, 1, 0]) == [{"a": 3}, {"a": 2}, {"a": 1}]


@pytest.mark.parametrize("columns", [{"a": [1], "b": [1, 2]}, {"a": []}])
def test_what_makes_no_sense(columns: Columns) -> None:
    with pytest.raises(
        ValueError, match=r"^columns of a table are equally long and not empty, not"
    ):
        FieldRom(columns)
