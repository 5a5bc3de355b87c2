"""Movement of data: every element type, borders, ranks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.op import Op
from sightline.ir.ops.movement import (
    Concat,
    Flatten,
    Gather,
    Identity,
    Pad,
    Reshape,
    Slice,
    Transpose,
)
from sightline.ir.types import Int, Quant, TensorType
from tests.support.arrays import i8
from tests.support.examples import examples
from tests.support.naive import naive
from tests.support.refusals import bytes_, refusal, typed

QUANT = Quant(Int(8), 0.5, 3)


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Identity(), (2, 3)),
        (Slice((0, 2), (2, -1), (1, -1)), (2, 3)),
        (Pad((1, 0, 0, 2), "constant", -7.0), (3, 5)),
        (Pad((1, 0, 0, 2), "edge"), (3, 5)),
        (Pad((1, 0, 0, 2), "reflect"), (3, 5)),
        (Reshape((3, 2)), (3, 2)),
        (Flatten(0), (1, 6)),
        (Transpose((1, 0)), (3, 2)),
        (Gather(1, (2, 2, 0)), (2, 3)),
    ],
)
def test_any_element_moves(op: Op, shape: tuple[int, ...]) -> None:
    x = i8([[-128, 127, 1], [2, 3, 4]])
    assert op.infer(TensorType((2, 3), QUANT)) == TensorType(shape, QUANT)
    np.testing.assert_array_equal(op.evaluate(x), naive(op, x), strict=True)


@pytest.mark.parametrize(
    ("op", "shape"),
    [(Reshape(()), (1, 1)), (Reshape((1, 1)), ()), (Transpose(()), ()), (Identity(), ()),
     (Slice((), (), ()), ()), (Flatten(0), ())],
)  # fmt: skip
def test_scalars_move(op: Op, shape: tuple[int, ...]) -> None:
    x = np.full(shape, 2.5, np.float32)
    y = op.evaluate(x)
    assert np.asarray(y).shape == op.infer(typed(*shape)).shape
    assert np.asarray(y).item() == 2.5


steps = st.sampled_from((-3, -1, 1, 2, 9))
axes = st.integers(1, 6).flatmap(
    lambda size: st.tuples(st.just(size), st.integers(0, size - 1), st.integers(-1, size), steps)
)


@examples(200)
@given(st.lists(axes, min_size=1, max_size=3))
def test_any_slice_walks_its_axes(bounds: list[tuple[int, int, int, int]]) -> None:
    sizes, starts, stops, steps = (tuple(column) for column in zip(*bounds, strict=True))
    x = np.arange(np.prod(sizes), dtype=np.int32).reshape(sizes)
    op = Slice(starts, stops, steps)
    wanted = naive(op, x)
    if wanted.size:
        assert op.infer(TensorType(sizes, Int(32))).shape == wanted.shape
        np.testing.assert_array_equal(op.evaluate(x), wanted, strict=True)
    else:
        assert refusal(op, TensorType(sizes, Int(32))).endswith(" is empty.")


def test_concatenation_refuses_what_does_not_fit() -> None:
    assert refusal(Concat(), typed(1, 2, 3), typed(1, 2, 4)) == (
        "cannot concatenate f32[1,2,3] and f32[1,2,4] along axis 1: their other sizes differ."
    )
    assert refusal(Concat(), typed(1, 2, 3), typed(1, 2)) == (
        "cannot concatenate f32[1,2,3] and f32[1,2] along axis 1: their other sizes differ."
    )
    assert refusal(Concat(), typed(1, 2), bytes_(1, 2)) == (
        "cannot concatenate f32[1,2] and i8[1,2]: their elements differ."
    )
    assert refusal(Concat(3), typed(1, 2)) == "axis 3 lies outside the 2 axes of the operand."
    assert refusal(Concat()) == "a concatenation has no operands."


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (
            Slice((0,), (1,), (1,)),
            "the slice [0] to [1] by [1] does not give one number for each axis of f32[2,3].",
        ),
        (
            Slice((0, 0), (1, 1), (1,)),
            "the slice [0, 0] to [1, 1] by [1] does not give one number for each axis of f32[2,3].",
        ),
        (Slice((0, 0), (1, 1), (1, 0)), "the slice 0 to 1 by 0 lies outside an axis of 3."),
        (Slice((0, 3), (1, 3), (1, 1)), "the slice 3 to 3 by 1 lies outside an axis of 3."),
        (Slice((-1, 0), (1, 1), (1, 1)), "the slice -1 to 1 by 1 lies outside an axis of 2."),
        (Slice((0, 0), (1, 4), (1, 1)), "the slice 0 to 4 by 1 lies outside an axis of 3."),
        (
            Slice((0, 1), (1, 1), (1, 1)),
            "the slice [0, 1] to [1, 1] by [1, 1] of f32[2,3] is empty.",
        ),
        (
            Slice((0, 1), (1, -1), (1, 1)),
            "the slice [0, 1] to [1, -1] by [1, 1] of f32[2,3] is empty.",
        ),
        (Pad((1, 1)), "pads [1, 1] must be 4 numbers of at least 0 for f32[2,3]."),
        (
            Pad((1, -1, 0, 0)),
            "pads [1, -1, 0, 0] must be 4 numbers of at least 0 for f32[2,3].",
        ),
        (
            Pad((0,) * 4, "wrap"),
            "the pad mode 'wrap' is not supported. Use constant, edge or reflect.",
        ),
        (
            Pad((0, 0, 2, 0), "reflect"),
            "pads [0, 0, 2, 0] reflect more than there is of f32[2,3].",
        ),
        (
            Pad((0,) * 4, value=1e39),
            "padding with 1e+39 is not possible: f32[2,3] cannot hold it.",
        ),
        (
            Pad((0, 10**12, 0, 0)),
            "a value of shape [2, 1000000000003] has 2000000000006 elements, and the most that "
            "are supported is 2147483648.",
        ),
        (Reshape((4,)), "cannot reshape f32[2,3] of 6 elements to [4] of 4."),
        (Reshape((-2, -3)), "cannot reshape f32[2,3] of 6 elements to [-2, -3] of 6."),
        (
            Reshape((6,) + (1,) * 40),
            "a value has 41 axes, and the most that are supported is 32.",
        ),
        (Flatten(3), "axis 3 lies outside the 2 axes of the operand."),
        (Flatten(-3), "axis -3 lies outside the 2 axes of the operand."),
        (Transpose((0, 0)), "[0, 0] does not order the 2 axes of f32[2,3]."),
        (Transpose((0, -1)), "[0, -1] does not order the 2 axes of f32[2,3]."),
        (Transpose((0,)), "[0] does not order the 2 axes of f32[2,3]."),
        (
            Gather(1, (0, 3)),
            "indices run from 0 to 2 along axis 1 of f32[2,3], found [0, 3].",
        ),
        (Gather(0, (-1,)), "indices run from 0 to 1 along axis 0 of f32[2,3], found [-1]."),
        (Gather(0, ()), "indices run from 0 to 1 along axis 0 of f32[2,3], found []."),
        (Gather(2, (0,)), "axis 2 lies outside the 2 axes of the operand."),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value)[:40],
)
def test_refuses(op: Op, message: str) -> None:
    assert refusal(op, typed(2, 3)) == message


def test_a_scalar_has_no_border() -> None:
    assert refusal(Pad(()), typed()) == "f32[] has no axis to pad."


@pytest.mark.parametrize("value", [128.0, -129.0, 0.5, float("nan"), float("inf")])
def test_padding_is_a_number_that_the_element_has(value: float) -> None:
    message = f"padding with {value} is not possible: i8[3] cannot hold it."
    assert refusal(Pad((1, 1), "constant", value), bytes_(3)) == message


def test_padding_with_infinity_suits_a_maximum() -> None:
    y = Pad((1, 0), "constant", float("-inf")).evaluate(np.zeros(1, np.float32))
    assert y.tolist() == [float("-inf"), 0.0]
