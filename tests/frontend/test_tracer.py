"""Symbolic tensors: reshapes and divisions as in NumPy, and constants that are finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.backends import reference
from sightline.frontend import nn
from sightline.frontend.nn import Tensor
from sightline.frontend.trace import trace
from sightline.ir.errors import UserError
from sightline.ir.types import Array, Shape
from tests.support.modules import Lambda, untyped

SHAPE = (2, 3, 4)
X = np.arange(24, dtype=np.float32).reshape(SHAPE)


def run(function: Callable[[Tensor], Any]) -> Array:
    return reference.run(trace(Lambda(function), {"x": SHAPE}).graph, x=X)["output"]


@pytest.mark.parametrize("shape", [(-1,), (6, -1), (4, -1, 3), (24, -1), (np.int64(8), -1), (4, 6)])
def test_one_size_of_a_reshape_is_what_the_others_leave(shape: Shape) -> None:
    np.testing.assert_array_equal(run(lambda x: x.reshape(*shape)), X.reshape(shape))
    np.testing.assert_array_equal(run(lambda x: x.reshape(shape)), X.reshape(shape))


@given(st.lists(st.sampled_from([-1, 0, 1, 2, 3, 4, 5, 6, 24]), min_size=1, max_size=4))
def test_reshapes_are_refused_where_numpy_refuses_them(shape: list[int]) -> None:
    try:
        expected = X.reshape(shape)
    except ValueError:
        with pytest.raises(UserError, match=r"test_tracer\.py:\d+\)?: (cannot reshape|a shape is)"):
            run(lambda x: x.reshape(*shape))
    else:
        np.testing.assert_array_equal(run(lambda x: x.reshape(*shape)), expected)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (-1, 5),
            r"cannot reshape f32\[2,3,4\] to \[-1, 5\]: its 24 elements are no multiple of 5",
        ),
        ((-1, -1), r"a shape is whole numbers of at least 1, and at most one -1, found \(-1, -1\)"),
        ((0, -1), r"a shape is whole numbers of at least 1, and at most one -1, found \(0, -1\)"),
        ((2.5,), r"a shape is whole numbers of at least 1, and at most one -1, found \(2\.5,\)"),
    ],
)
def test_a_reshape_that_does_not_fit_is_told(shape: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"^\S*test_tracer\.py:\d+: {message}\.$"):
        run(lambda x: x.reshape(*shape))


@pytest.mark.parametrize(
    "divisor", [2, 3.0, np.float32(0.1), np.array([1, 2, 3, 4]), np.full((3, 1), -7.0), 1e-30]
)
def test_division_is_by_constants(divisor: Any) -> None:
    np.testing.assert_allclose(run(lambda x: x / divisor), X / divisor, rtol=3e-7)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: x / x,
            r"something is divided by a traced value, .* Normalize with nn\.Divisive",
        ),
        (
            lambda x: 1 / x,
            r"something is divided by a traced value, .* Normalize with nn\.Divisive",
        ),
        (lambda x: np.ones(4) / x, r"something is divided by a traced value, .* Normalize with nn"),
        (lambda x: x / 0, r"a traced value is divided by zero\.$"),
        (lambda x: x / np.array([1, 0, 2, 3]), r"a traced value is divided by zero\.$"),
        (lambda x: x / float("inf"), r"a divisor must be finite in single precision, found inf\.$"),
        (lambda x: x / "2", r"a divisor is made of numbers in single precision, found '2'\.$"),
    ],
)
def test_divisions_that_cannot_be_are_refused(
    function: Callable[[Tensor], Any], message: str
) -> None:
    with pytest.raises(UserError, match=rf"^\S*test_tracer\.py:\d+: {message}"):
        run(function)


@pytest.mark.parametrize(
    ("constant", "found"),
    [
        (1e300, r"must be finite in single precision, found 1e\+300"),
        (float("nan"), r"must be finite in single precision, found nan"),
        (-np.inf, r"must be finite in single precision, found -inf"),
        (np.array([1, 2, 3, 3.5e38]), r"must be finite in single precision, found 3\.5e\+38"),
        (10**400, r"is made of numbers in single precision, found 10000"),
        ("a", r"is made of numbers in single precision, found 'a'"),
        (None, r"is made of numbers in single precision, found None"),
        (1j, r"is made of numbers in single precision, found 1j"),
        ([[1], [1, 2]], r"is made of numbers in single precision, found \[\[1\], \[1, 2\]\]"),
    ],
)
@pytest.mark.parametrize(
    "operate", [lambda x, c: x * c, lambda x, c: c * x, lambda x, c: x + c, lambda x, c: c - x]
)
def test_constants_are_finite_numbers(operate: Any, constant: Any, found: str) -> None:
    with pytest.raises(UserError, match=rf"^\S*test_tracer\.py:\d+: a constant {found}"):
        run(lambda x: operate(x, constant))


def test_constants_are_any_numbers_that_single_precision_holds() -> None:
    np.testing.assert_allclose(run(lambda x: x * 10**30 + True), X * np.float32(1e30) + 1)
    four: Any = [1, 2, 3, 4]
    np.testing.assert_array_equal(run(lambda x: x + four), X + four)


@pytest.mark.parametrize("index", [slice("a"), slice(None, None, 0), slice(0.5, 2)])
def test_a_slice_of_no_numbers_is_refused(index: slice) -> None:
    with pytest.raises(UserError, match=r"^\S*test_tracer\.py:\d+: \[slice\(.* slices no axis: "):
        run(lambda x: x[index])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: nn.cat([]), r"\(\S*test_tracer\.py:\d+\): a concatenation has no operands\.$"),
        (lambda x: nn.cat(x), r": what is concatenated is a list of tensors, found Tensor\(f32\[2"),
        (
            lambda x: nn.cat(untyped([np.ones(3)])),
            r": concat was given array\(.*, which is",
        ),
        (
            lambda x: nn.pad(x, untyped("a")),
            r"test_tracer\.py:\d+: a padding is one whole",
        ),
        (lambda x: x.transpose("a"), r"test_tracer\.py:\d+: the attribute 'order' of Transpose is"),
    ],
)
def test_functions_on_tensors_name_the_line(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(function)
