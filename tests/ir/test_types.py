"""Elements and tensor types."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.ir.types import (
    FLOAT32,
    FLOAT32_END,
    MAX_ELEMENTS,
    Element,
    Float32,
    Int,
    Quant,
    TensorType,
    element_of,
    type_of,
)


@given(st.integers(1, 64), st.booleans())
def test_integers_hold_what_their_bits_do(bits: int, signed: bool) -> None:
    element = Int(bits, signed)
    assert element.high - element.low == 2**bits - 1
    assert (element.low < 0) == signed
    container = np.iinfo(element.dtype)
    assert container.min <= element.low
    assert element.high <= container.max
    assert container.bits == 8 or container.bits < 2 * bits, "the next wider integer"
    assert str(element) == f"{'i' if signed else 'u'}{bits}"
    assert [element.holds(n) for n in (element.low - 1, element.low, element.high)] == [0, 1, 1]
    assert not element.holds(element.high + 1)


@pytest.mark.parametrize("bits", [0, -1, 65])
def test_an_integer_of_other_widths_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=rf"^an integer has 1 to 64 bits, not {bits}$"):
        Int(bits)


@pytest.mark.parametrize("number", [0.5, math.nan, math.inf, -math.inf])
def test_integers_hold_whole_numbers_alone(number: float) -> None:
    assert not Int(64).holds(number)
    assert not Quant(Int(64), 1.0).holds(number)


@pytest.mark.parametrize(
    ("number", "held"),
    [
        (3.4028235e38, True),
        (-3.4028236e38, False),
        (FLOAT32_END, False),
        (10**400, False),
        (math.inf, True),
        (math.nan, True),
    ],
)
def test_floats_hold_what_is_in_range(number: float, held: bool) -> None:
    assert FLOAT32.holds(number) is held


def test_quantized_numbers_are_stored_as_integers() -> None:
    element = Quant(Int(8), 0.5, -3)
    assert element.dtype == np.int8
    assert element.holds(-128)
    assert not element.holds(128)
    assert str(element) == "quant(i8,0x1.0000000000000p-1,-3)"
    assert str(Quant(Int(8), 2)) == "quant(i8,0x1.0000000000000p+1,0)"


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_is_positive_and_finite(scale: float) -> None:
    with pytest.raises(ValueError, match=r"^a scale is a positive finite number, not "):
        Quant(Int(8), scale)


@pytest.mark.parametrize("zero_point", [-129, 128])
def test_a_zero_point_is_one_of_the_integers(zero_point: int) -> None:
    with pytest.raises(ValueError, match=rf"^zero point {zero_point} lies outside i8$"):
        Quant(Int(8), 1.0, zero_point)


def test_a_tensor_type_knows_its_sizes() -> None:
    type_ = TensorType((1, 3, 240, 320))
    assert (type_.rank, type_.size, type_.spatial) == (4, 230_400, (240, 320))
    assert str(type_) == "f32[1,3,240,320]"
    assert type_.with_shape((2,)) == TensorType((2,), FLOAT32)
    assert str(TensorType((), Int(5, False))) == "u5[]"
    assert TensorType(()).size == 1


@pytest.mark.parametrize("shape", [(0,), (1, -1), (3, 0, 2)])
def test_sizes_are_positive(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"^every size of a shape is at least 1, not \["):
        TensorType(shape)


def test_absurd_sizes_are_the_models_mistake() -> None:
    assert TensorType((MAX_ELEMENTS,)).size == MAX_ELEMENTS
    with pytest.raises(
        UserError,
        match=r"^a value of shape \[1, 2147483649\] has 2147483649 elements, and the most that "
        r"are supported is 2147483648\.$",
    ):
        TensorType((1, MAX_ELEMENTS + 1))
    with pytest.raises(
        UserError, match=r"^a value has 33 axes, and the most that are supported is 32\.$"
    ):
        TensorType((1,) * 33)


@pytest.mark.parametrize(
    ("dtype", "element"),
    [("f4", Float32()), ("i1", Int(8)), ("u2", Int(16, False)), ("i8", Int(64))],
)
def test_arrays_have_types(dtype: str, element: Element) -> None:
    array = np.zeros((2, 3), dtype)
    assert element_of(array) == element
    assert type_of(array) == TensorType((2, 3), element)


@pytest.mark.parametrize("dtype", ["f8", "f2", "?", "c8", "U1"])
def test_other_arrays_have_none(dtype: str) -> None:
    with pytest.raises(TypeError, match=r"^no element stands for arrays of "):
        element_of(np.zeros(1, dtype))
