"""Pooling: volumes, integers, borders, and windows in the padding alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.pooling import (
    AveragePool,
    GlobalAveragePool,
    GlobalMaxPool,
    LPPool,
    MaxPool,
    SumPool,
)
from sightline.ir.types import Array, Int, TensorType
from sightline.ir.window import Window
from tests.support.examples import examples
from tests.support.naive import naive
from tests.support.naive.loops import cells, is_inside
from tests.support.naive.windows import outputs_of, seen
from tests.support.refusals import bytes_, refusal, typed

PADDING_ALONE = "has windows that lie in the padding alone. Pad by less than the kernel."


def randoms(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    "op",
    [
        MaxPool(Window((2, 3, 2), (1, 2, 1), (0, 1, 1, 1, 0, 0))),
        SumPool(Window((2, 3, 2), (2, 2, 2), (0, 3, 1, 1, 0, 4))),
        AveragePool(Window((2, 3, 2), (1, 2, 1), (0, 1, 1, 1, 0, 0))),
        AveragePool(Window((2, 2, 2), pads=(1,) * 6), (1, 0, 0, 0, 1, 1)),
        LPPool(Window((2, 3, 2), pads=(1,) * 6, dilation=(1, 1, 2)), 3.0),
    ],
)
def test_volumes(op: Op) -> None:
    x = randoms(2, 2, 4, 6, 5)
    assert op.infer(TensorType(x.shape)).shape == naive(op, x).shape
    np.testing.assert_allclose(op.evaluate(x), naive(op, x), rtol=1e-5, atol=1e-5)


@st.composite
def lines(draw: st.DrawFn) -> tuple[Window, int, tuple[int, int]]:
    """A window along one axis, the size of it, and how much of the padding counts."""
    kernel, stride, dilation, size = (draw(st.integers(1, 5)) for _ in range(4))
    pads = draw(st.integers(0, 12)), draw(st.integers(0, 12))
    counted = draw(st.integers(0, pads[0])), draw(st.integers(0, pads[1]))
    window = Window((kernel,), (stride,), pads, (dilation,))
    if window.reach[0] > size + sum(pads):
        window = Window((1,), (stride,), pads)
    return window, size, counted


@examples(300)
@given(lines())
def test_windows_that_see_nothing_are_found(case: tuple[Window, int, tuple[int, int]]) -> None:
    window, size, counted = case
    in_map = [
        sum(is_inside(pixel, (size,)) for _, pixel in seen(window, position))
        for position in cells(outputs_of(window, (size,)))
    ]
    counts = [
        sum(-counted[0] <= p < size + counted[1] for _, (p,) in seen(window, position))
        for position in cells(outputs_of(window, (size,)))
    ]
    assert accepts(MaxPool(window), size) == all(in_map)
    assert accepts(AveragePool(window), size) == all(in_map)
    assert accepts(AveragePool(window, counted), size) == all(counts)
    if all(counts):
        assert AveragePool(window, counted).counts((size,)).tolist() == counts


def accepts(op: Op, size: int) -> bool:
    try:
        op.infer(typed(1, 1, size))
    except UserError:
        return False
    return True


def test_padding_alone() -> None:
    pool = MaxPool(Window((2, 2), pads=(0, 2, 0, 0)))
    assert refusal(pool, typed(1, 1, 4, 4)) == (
        f"max pooling of kernel [2, 2], dilation [1, 1] and pads [0, 2, 0, 0] {PADDING_ALONE}"
    )
    dilated = MaxPool(Window((2, 1), dilation=(3, 1), pads=(3, 0, 3, 0)))
    assert refusal(dilated, typed(1, 1, 1, 4)).endswith(PADDING_ALONE)
    assert dilated.infer(typed(1, 1, 3, 4)) == typed(1, 1, 6, 4)
    average = AveragePool(Window((2, 2), pads=(0, 2, 0, 0)))
    assert refusal(average, typed(1, 1, 4, 4)).startswith("average pooling of kernel [2, 2], ")


def test_max_pooling_takes_integers_and_its_padding_never_wins() -> None:
    op = MaxPool(Window((3, 3), pads=(1, 1, 1, 1)))
    x = np.full((1, 1, 3, 3), -128, np.int8)
    assert op.infer(bytes_(1, 1, 3, 3)) == bytes_(1, 1, 3, 3)
    np.testing.assert_array_equal(op.evaluate(x), x, strict=True)
    lowest = np.full((1, 1, 3, 3), np.finfo(np.float32).min, np.float32)
    np.testing.assert_array_equal(op.evaluate(lowest), lowest, strict=True)
    assert GlobalMaxPool().infer(bytes_(1, 2, 3, 3)) == TensorType((1, 2, 1, 1), Int(8))


def test_l2_pooling_stays_in_range() -> None:
    x = np.full((1, 1, 2, 2), 1e30, np.float32)
    assert LPPool(Window((2, 2))).evaluate(x).item() == pytest.approx(2e30)
    x = np.full((1, 1, 2, 2), 1e-30, np.float32)
    assert LPPool(Window((2, 2))).evaluate(x).item() == pytest.approx(2e-30)


@pytest.mark.parametrize("p", [0.5, 0.0, -2.0, float("inf"), float("nan")])
def test_lp_pooling_refuses_other_powers(p: float) -> None:
    message = f"L_p pooling needs a finite p of at least 1, found {p}."
    assert refusal(LPPool(Window((2, 2)), p), typed(1, 1, 4, 4)) == message


@pytest.mark.parametrize("op", [SumPool(Window((2, 2))), AveragePool(Window((2, 2)))])
def test_means_and_sums_refuse_integers(op: Op) -> None:
    message = "expected floating-point operands, found i8[1,1,4,4]."
    assert refusal(op, bytes_(1, 1, 4, 4)) == message


@pytest.mark.parametrize("op", [cls(Window((2, 2))) for cls in (MaxPool, AveragePool, LPPool)])
def test_refuses_inputs_of_another_size(op: Op) -> None:
    assert refusal(op, typed(1, 1, 4)) == (
        "expected the input of a pooling [N, C, *spatial], which has rank 4, found f32[1,1,4] of "
        "rank 3."
    )
    assert refusal(op, typed(1, 1, 1, 4)).startswith("the window 2x2 covers 2x2, more than its ")


@pytest.mark.parametrize(
    ("counted", "message"),
    [
        ((1, 1), "counted [1, 1] needs 4 numbers, as pads."),
        ((2, 0, 0, 0), "counted [2, 0, 0, 0] must lie between 0 and the pads [1, 1, 1, 1]."),
        ((0, -1, 0, 0), "counted [0, -1, 0, 0] must lie between 0 and the pads [1, 1, 1, 1]."),
    ],
)
def test_average_pooling_refuses_counts_beyond_its_pads(
    counted: tuple[int, ...], message: str
) -> None:
    pool = AveragePool(Window((3, 3), pads=(1, 1, 1, 1)), counted)
    assert refusal(pool, typed(1, 1, 4, 4)) == message


@pytest.mark.parametrize("cls", [MaxPool, SumPool, AveragePool, LPPool])
@pytest.mark.parametrize(
    "window",
    [
        Window((2, 2), (10**15, 10**15), (10**15,) * 4),
        Window((2, 2), (1, 1), (30_000,) * 4),
        Window((3, 1), (1, 1), (10**12, 0, 10**12, 0), (10**12, 1)),
    ],
)
def test_refuses_padding_beyond_any_memory(cls: type[Op], window: Window) -> None:
    pool = cls(window)  # type: ignore[call-arg]
    assert re.fullmatch(
        r"a value of shape \[1, 1, \d+, \d+\] has \d+ elements, and the most that are supported "
        r"is 2147483648\.",
        refusal(pool, typed(1, 1, 4, 4)),
    )


def test_huge_counts_are_judged_without_counting() -> None:
    far = 1 << 29
    hit = Window((3, 1), (1, 1), (far, 0, far, 0), (far, 1))
    assert MaxPool(hit).infer(typed(1, 1, 4, 1)) == typed(1, 1, 4, 1)
    window = Window((3, 1), (1, 1), (far + 1, 0, far, 0), (far, 1))
    assert refusal(MaxPool(window), typed(1, 1, 4, 1)).endswith(PADDING_ALONE)
    whole = AveragePool(Window((1, 1), pads=(far, 0, far, 0)), (far, 0, far, 0))
    assert whole.infer(typed(1, 1, 4, 1)) == typed(1, 1, 2 * far + 4, 1)


@pytest.mark.parametrize("op", [GlobalAveragePool(), GlobalMaxPool()])
def test_global_pooling_takes_maps(op: Op) -> None:
    assert refusal(op, typed(1, 3)) == (
        "expected maps [N, C, H, W], which has rank 4, found f32[1,3] of rank 2."
    )
    assert op.infer(typed(2, 3, 5, 4)) == typed(2, 3, 1, 1)


def test_global_mean_of_many_pixels_is_accurate() -> None:
    x = np.full((1, 1, 1000, 1000), 0.1, np.float32)
    assert GlobalAveragePool().evaluate(x).item() == pytest.approx(0.1, rel=1e-6)
