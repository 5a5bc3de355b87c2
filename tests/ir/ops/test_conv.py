"""Filter banks and linear layers: volumes, chunks, and what is refused."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.op import Op
from sightline.ir.ops import conv
from sightline.ir.ops.conv import Conv, Linear
from sightline.ir.table import Table
from sightline.ir.types import Array, TensorType
from sightline.ir.window import Window
from tests.support.examples import examples
from tests.support.naive import naive
from tests.support.refusals import bytes_, refusal, typed
from tests.support.strange_graphs import LENET_C3, tables

BANK = Conv(Window((3, 3)), Table.dense(2, 4))


def randoms(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check(op: Op, *operands: Array) -> None:
    assert op.infer(*(TensorType(x.shape) for x in operands)).shape == naive(op, *operands).shape
    np.testing.assert_allclose(op.evaluate(*operands), naive(op, *operands), rtol=1e-4, atol=1e-4)


@examples(40)
@given(tables(), st.booleans())
def test_any_table_multiplies_the_planes_that_it_names(table: Table, biased: bool) -> None:
    operands = [randoms(1, table.channels, 3, 3), randoms(table.pairs, 2, 2, seed=1)]
    operands += [randoms(table.maps, seed=2)] if biased else []
    check(Conv(Window((2, 2)), table), *operands)


def test_the_third_layer_of_lenet() -> None:
    check(Conv(Window((5, 5)), LENET_C3), randoms(1, 6, 6, 7), randoms(60, 5, 5), randoms(16))


@pytest.mark.parametrize(
    ("window", "sizes"),
    [
        (Window((3,), (2,), (1, 2), (2,)), (11,)),
        (Window((2, 3, 2), (1, 2, 1), (0, 1, 1, 1, 0, 2), (2, 1, 1)), (5, 6, 4)),
    ],
    ids=["signals", "volumes"],
)
def test_windows_of_any_rank(window: Window, sizes: tuple[int, ...]) -> None:
    table = Table(3, 4, 3, ((0, 2), (1,)))
    check(Conv(window, table), randoms(2, 3, *sizes), randoms(7, *window.kernel), randoms(4))


@pytest.mark.parametrize("column_bytes", [1, 1000, 5000, 1 << 40])
def test_chunks_leave_the_result_as_it_is(
    monkeypatch: pytest.MonkeyPatch, column_bytes: int
) -> None:
    op = Conv(Window((3, 3), (2, 1), (1, 1, 1, 1)), Table.grouped(4, 6, 2))
    operands = randoms(2, 4, 13, 9), randoms(12, 3, 3), randoms(6)
    wanted = op.evaluate(*operands)
    monkeypatch.setattr(conv, "COLUMN_BYTES", column_bytes)
    np.testing.assert_allclose(op.evaluate(*operands), wanted, rtol=1e-6, atol=1e-6)


def test_chunks_bound_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    op = Conv(Window((7, 7)), Table.dense(8, 8))
    x, weights = randoms(1, 8, 80, 80), randoms(64, 7, 7)
    unfolded = 8 * 49 * 74 * 74 * 4
    monkeypatch.setattr(conv, "COLUMN_BYTES", unfolded // 20)
    tracemalloc.start()
    op.evaluate(x, weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < unfolded / 4


def test_an_absent_plane_is_never_multiplied() -> None:
    x = randoms(1, 2, 4, 4)
    x[:, 1] = np.nan
    y = Conv(Window((3, 3)), Table(2, 2, 1, ((0,), (1,)))).evaluate(x, randoms(2, 3, 3))
    assert np.isfinite(y[:, 0]).all()
    assert np.isnan(y[:, 1]).all()


def test_refuses_operands_of_other_sizes() -> None:
    x, weights, bias = typed(1, 2, 8, 8), typed(8, 3, 3), typed(4)
    assert refusal(BANK, typed(1, 3, 8, 8), weights) == (
        "the filter bank sees 2 input maps, but its input f32[1,3,8,8] has 3."
    )
    assert refusal(BANK, x, typed(4, 2, 3, 3)) == (
        "the weights must be of shape [8, 3, 3], found [4, 2, 3, 3]."
    )
    assert refusal(BANK, x, weights, typed(8)) == "the bias must be of shape [4], found [8]."
    assert refusal(BANK, typed(2, 8, 8), weights) == (
        "expected an input of a filter bank [N, C, *spatial], which has rank 4, found f32[2,8,8] "
        "of rank 3."
    )
    assert refusal(BANK, typed(1, 2, 2, 8), weights, bias) == (
        "the window 3x3 covers 3x3, more than its padded input 2x8. Pad the input, or use a "
        "smaller kernel or dilation."
    )


def test_refuses_integers() -> None:
    message = "expected floating-point operands, found i8["
    assert refusal(BANK, bytes_(1, 2, 8, 8), typed(8, 3, 3)).startswith(message)
    assert refusal(BANK, typed(1, 2, 8, 8), bytes_(8, 3, 3)).startswith(message)
    assert refusal(BANK, typed(1, 2, 8, 8), typed(8, 3, 3), bytes_(4)).startswith(message)
    assert refusal(Linear(), typed(1, 2), bytes_(3, 2)).startswith(message)
    assert refusal(Linear(), typed(1, 2), typed(3, 2), bytes_(3)).startswith(message)


@pytest.mark.parametrize(
    ("pads", "strides"),
    [((10**12,) * 4, (10**12, 10**12)), ((30_000,) * 4, (1, 1)), ((10**9, 0, 0, 0), (10**9, 1))],
)
def test_refuses_padding_beyond_any_memory(pads: tuple[int, ...], strides: tuple[int, ...]) -> None:
    bank = Conv(Window((3, 3), strides, pads), Table.dense(2, 4))
    assert re.fullmatch(
        r"a value of shape \[1, 2, \d+, \d+\] has \d+ elements, and the most that are supported "
        r"is 2147483648\.",
        refusal(bank, typed(1, 2, 8, 8), typed(8, 3, 3)),
    )


def test_linear_refuses_operands_of_other_sizes() -> None:
    assert refusal(Linear(), typed(1, 2), typed(4, 3)) == (
        "the fully connected layer takes 3 features, but its input f32[1,2] has 2."
    )
    assert refusal(Linear(), typed(1, 2, 1, 1), typed(4, 2)) == (
        "expected the input of a fully connected layer [N, features], which has rank 2, found "
        "f32[1,2,1,1] of rank 4."
    )
    assert refusal(Linear(), typed(1, 2), typed(4)) == (
        "expected the weights of a fully connected layer [out, in], which has rank 2, found "
        "f32[4] of rank 1."
    )
    assert refusal(Linear(), typed(1, 2), typed(4, 2), typed(2)) == (
        "the bias must be of shape [4], found [2]."
    )
