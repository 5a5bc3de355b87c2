"""Constants: nobody changes them, and their content is their name."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sightline.ir.constant import Constant
from sightline.ir.types import FLOAT32, Array, Int, Quant, TensorType
from tests.support.arrays import f32, i8


def test_is_read_only() -> None:
    constant = Constant(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        constant.array[0] = 1.0


def test_does_not_follow_its_source() -> None:
    source = np.arange(4, dtype=np.float32)
    constant, backwards = Constant(source), Constant(source[::-1])
    source[:] = 9.0
    assert constant.array.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert backwards.array.tolist() == [3.0, 2.0, 1.0, 0.0]
    source_of_view = np.zeros((2, 2), np.int8)
    view = Constant(source_of_view.T)
    source_of_view[0, 1] = 1
    assert not view.array.any()


def test_is_equal_by_content() -> None:
    one = Constant(np.arange(6, dtype=np.float32).reshape(2, 3))
    same = Constant(np.arange(6, dtype=np.float32).reshape(3, 2).reshape(2, 3).copy(order="F"))
    assert one == same
    assert hash(one) == hash(same)
    assert one.key == same.key == one.digest[:16]
    assert re.fullmatch(r"[0-9a-f]{64}", one.digest)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(4, np.float32), np.zeros((2, 2), np.float32)),
        (np.zeros(4, np.float32), np.zeros(4, np.int32)),
        (np.zeros(4, np.int32), np.zeros(4, np.uint32)),
        (f32([0.0]), f32([-0.0])),
        (i8([1]), i8([2])),
    ],
)
def test_differs_by_shape_element_and_bits(one: Array, other: Array) -> None:
    assert Constant(one) != Constant(other)


def test_differs_by_what_its_integers_stand_for() -> None:
    plain = i8([1, 2])
    quantized = Constant(plain, Quant(Int(8), 0.5))
    assert quantized != Constant(plain)
    assert quantized != Constant(plain, Quant(Int(8), 0.25))
    assert quantized == Constant(plain, Quant(Int(8), 0.5))
    assert quantized != plain


def test_knows_its_type_and_name() -> None:
    constant = Constant(np.zeros((2, 3), np.uint8), Int(5, False))
    assert constant.type == TensorType((2, 3), Int(5, False))
    assert repr(constant) == f"Constant(u5[2,3] @{constant.key})"
    assert Constant(np.zeros((), np.float32)).type == TensorType((), FLOAT32)


def test_refuses_an_array_of_another_type() -> None:
    with pytest.raises(TypeError, match=r"^i8 is stored as int8, not float32$"):
        Constant(np.zeros(1, np.float32), Int(8))
    with pytest.raises(TypeError, match=r"^no element stands for arrays of float64$"):
        Constant(np.zeros(1))
