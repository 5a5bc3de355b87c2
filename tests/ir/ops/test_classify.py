"""Softmax and argmax: ranges, ties, ranks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.ir.op import Op
from sightline.ir.ops.classify import ArgMax, Softmax
from sightline.ir.types import Int, TensorType
from tests.support.arrays import f32, i8
from tests.support.refusals import bytes_, refusal, typed


def test_softmax_of_large_scores() -> None:
    x = f32([[1e4, 1e4, -1e4], [-1e30, -1e30, -1e30]])
    np.testing.assert_allclose(Softmax().evaluate(x), [[0.5, 0.5, 0.0], [1 / 3] * 3], rtol=1e-6)


def test_softmax_sums_to_one_along_its_axis() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    for axis in (-3, -1, 0, 1, 2):
        np.testing.assert_allclose(Softmax(axis).evaluate(x).sum(axis), 1.0, rtol=1e-6)


def test_the_lowest_index_of_those_that_tie() -> None:
    assert ArgMax().evaluate(f32([[1, 3, 3], [2, 2, 2]])).tolist() == [1, 0]
    assert ArgMax().evaluate(i8([[-128, -128, -1]])).tolist() == [2]


def test_argmax_takes_the_axis_away() -> None:
    assert ArgMax(-1).infer(bytes_(2, 5, 7)) == TensorType((2, 5), Int(32))
    label = ArgMax(0).evaluate(f32([1, 5, 2]))
    assert isinstance(label, np.ndarray)
    assert (label.shape, label.dtype.name, label.item()) == ((), "int32", 1)


@pytest.mark.parametrize(("op", "axis"), [(Softmax(2), 2), (ArgMax(-3), -3), (ArgMax(2), 2)])
def test_refuses_an_axis_that_is_not_there(op: Op, axis: int) -> None:
    assert refusal(op, typed(2, 3)) == f"axis {axis} lies outside the 2 axes of the operand."


def test_softmax_refuses_integers() -> None:
    assert refusal(Softmax(), bytes_(2, 3)) == "expected floating-point operands, found i8[2,3]."
