"""Steps and weights of an array against a naive filter bank, and their counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends.fpga.extract import extract
from sightline.backends.fpga.folding import bank_cycles, sum_cycles
from sightline.backends.fpga.network import Bank, Layer
from sightline.backends.fpga.program import (
    Array,
    LayerSteps,
    fewest_sums,
    layer_steps,
    map_numbers,
    step_weights,
)
from sightline.backends.fpga.rows import row_needs
from sightline.ir.table import Table
from sightline.ir.types import Array as Numbers
from sightline.ir.window import Window
from tests.support.bank_chains import Filters, graph_of
from tests.support.examples import examples

KERNELS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Blocks of maps that see some of the inputs, in any order."""
    channels, maps = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    block = draw(st.integers(1, maps))
    inputs = st.lists(st.integers(0, channels - 1), min_size=1, max_size=channels, unique=True)
    rows = [tuple(draw(inputs)) for _ in range(-(-maps // block))]
    return Table(channels, maps, block, tuple(rows))


@st.composite
def arrays(draw: st.DrawFn, kernel: tuple[int, int]) -> Array:
    """For a kernel of this size or smaller ones."""
    larger = (kernel[0] + draw(st.integers(0, 2)), kernel[1] + draw(st.integers(0, 2)))
    taps = draw(st.integers(1, larger[0] * larger[1]))
    return Array(larger, taps, draw(st.integers(1, 10)))


def bank_of(filters: Filters) -> Bank:
    graph = graph_of((filters.table.channels, 9, 11), 8, [filters], 0)
    (bank,) = extract(graph).banks
    return bank


def naive_sums(layer: Layer, table: Table, windows: Numbers) -> list[int]:
    """The sum of each map over `windows`, [channel, row, column]."""
    found = []
    pair = 0
    for block in range(len(table.inputs)):
        for _ in range(min(table.block, table.maps - block * table.block)):
            total = 0
            for channel in table.inputs[block]:
                for i in range(layer.kernel[0]):
                    for j in range(layer.kernel[1]):
                        product = layer.weights[pair, i, j] * windows[channel, i, j]
                        total += int(product)
                pair += 1
            found.append(total)
    return found


def array_sums(layer: Layer, array: Array, program: LayerSteps, windows: Numbers) -> list[int]:
    """The same as the array does it: step by step, a block's sums when its steps are over."""
    weights = step_weights(layer, array, program.steps)
    folds = -(-array.kernel[0] * array.kernel[1] // array.taps)
    found, steps = [], iter(zip(program.steps, weights, strict=True))
    for block in program.blocks:
        sums = np.zeros(array.lanes, np.int64)
        for _ in range(block.steps):
            step, factors = next(steps)
            cells = np.zeros(folds * array.taps, np.int64)
            cells[: array.kernel[0] * array.kernel[1]] = windows[max(step.channel, 0)].reshape(-1)
            taps = cells[step.fold * array.taps :][: array.taps]
            sums += taps @ factors
        found += sums[: block.maps].tolist()
    assert next(steps, None) is None
    return found


@examples(40)
@given(st.data(), tables(), KERNELS, st.integers(1, 9), st.integers(1, 12))
def test_steps_and_weights_are_the_filter_bank(
    data: st.DataObject, table: Table, kernel: tuple[int, int], sums: int, before: int
) -> None:
    layer = bank_of(Filters(table, kernel)).layer
    array = data.draw(arrays(kernel))
    program = layer_steps(layer, array, sums, before)
    rng = np.random.default_rng(0)
    windows = rng.integers(-128, 128, (table.channels, *array.kernel))
    expected = naive_sums(layer, table, windows)
    assert array_sums(layer, array, program, windows) == expected
    assert len(program.steps) == sum_cycles(layer, array, sums, before)
    # The sums of a block leave one a cycle while the next is computed.
    waits = [before, *(block.maps for block in program.blocks)]
    for leaving, block in zip(waits, program.blocks, strict=False):
        assert block.steps * sums >= leaving


def test_a_wrong_weight_is_found() -> None:
    table = Table.dense(2, 3)
    layer = bank_of(Filters(table)).layer
    array = Array((3, 3), 4, 2)
    program = layer_steps(layer, array, 1, 1)
    windows = np.arange(1, 19).reshape(2, 3, 3)
    expected = naive_sums(layer, table, windows)
    weights = layer.weights.copy()
    weights[4, 1, 1] += 1
    object.__setattr__(layer, "weights", weights)
    assert array_sums(layer, array, program, windows) != expected


@examples(30)
@given(
    st.data(),
    tables(),
    KERNELS,
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_cycles_of_a_bank_are_its_steps_at_all_sums(
    data: st.DataObject,
    table: Table,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    pool: tuple[int, int],
) -> None:
    ends = tuple(data.draw(st.integers(0, size - 1)) for size in pool)
    window = Window(pool, pool, (0, 0, *ends))
    bank = bank_of(Filters(table, kernel, strides, (1, 1, 1, 1), window))
    array = data.draw(arrays(kernel))
    whole = layer_steps(bank.layer, array, fewest_sums(bank), 1)
    columns = sum(min(pool[1], bank.sums[1] - column * pool[1]) for column in range(bank.columns))
    rows = sum(min(pool[0], bank.sums[0] - row * pool[0]) for row in range(bank.rows))
    assert bank_cycles(bank, array, 1) == len(whole.steps) * rows * columns
    assert rows == sum(need.pool_rows for need in row_needs(bank))
    # Folding never does with fewer products than there are multiply-accumulates.
    assert bank.macs <= array.products * bank_cycles(bank, array, 1)


def test_numbers_repeat_where_there_is_one_for_all_maps() -> None:
    layer = bank_of(Filters(Table.dense(1, 4))).layer
    numbers = list(map_numbers(layer, 7))
    assert [each.bias for each in numbers] == list(layer.biases)
    assert {each.table for each in numbers} == {7}
    assert [each.shift for each in numbers] == list(layer.rounding.shifts)


@pytest.mark.parametrize(("taps", "lanes"), [(0, 1), (10, 1), (1, 0)])
def test_arrays_that_cannot_be(taps: int, lanes: int) -> None:
    with pytest.raises(ValueError, match=rf"1 to 9 taps.*not {taps} and {lanes}"):
        Array((3, 3), taps, lanes)


def test_folds_are_the_parts_of_the_window_in_which_a_kernel_lies() -> None:
    array = Array((5, 5), 5, 1)
    assert array.folds((5, 5)) == [0, 1, 2, 3, 4]
    assert array.folds((2, 3)) == [0, 1]
    assert Array((5, 5), 25, 1).folds((1, 1)) == [0]
    assert Array((5, 5), 1, 1).folds((2, 2)) == [0, 1, 5, 6]
