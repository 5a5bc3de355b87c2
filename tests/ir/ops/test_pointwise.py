"""Pointwise ops and arithmetic: broadcasting, special numbers, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.pointwise import (
    Abs,
    Clip,
    LeakyRelu,
    Relu,
    Sigmoid,
    SoftShrink,
    Tanh,
)
from tests.support.arrays import f32
from tests.support.naive import naive
from tests.support.refusals import bytes_, refusal, typed

UNARY = [Abs(), Clip(), LeakyRelu(), Relu(), Sigmoid(), SoftShrink(), Tanh()]
BINARY = [Add(), Mul(), Sub()]


@pytest.mark.parametrize("op", BINARY)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_operands_broadcast(op: Op, shapes: hnp.BroadcastableShapes) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(shape).astype(np.float32) for shape in shapes.input_shapes)
    assert op.infer(typed(*x.shape), typed(*y.shape)) == typed(*shapes.result_shape)
    np.testing.assert_allclose(op.evaluate(x, y), naive(op, x, y), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "meaning"),
    [
        (Abs(), lambda x: -x if x < 0 else x),
        (Clip(-0.5, 2.0), lambda x: sorted((-0.5, x, 2.0))[1]),
        (LeakyRelu(0.1), lambda x: x if x > 0 else 0.1 * x),
        (Relu(), lambda x: x if x > 0 else 0.0),
        (Sigmoid(), lambda x: 1 / (1 + math.exp(-x))),
        (SoftShrink(0.5), lambda x: 0.0 if abs(x) <= 0.5 else x - math.copysign(0.5, x)),
        (Tanh(), lambda x: (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1)),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_formulas_are_what_the_docstrings_say(op: Op, meaning: Callable[[float], float]) -> None:
    x = np.linspace(-4, 4, 161, dtype=np.float32)
    wanted = [meaning(float(number)) for number in x]
    np.testing.assert_allclose(op.evaluate(x), wanted, rtol=1e-5, atol=1e-6)


def test_arithmetic_keeps_the_order_of_its_operands() -> None:
    x, y = f32([1.0, -2.0, 3.0]), f32([0.5, 4.0, -3.0])
    assert Add().evaluate(x, y).tolist() == [1.5, 2.0, 0.0]
    assert Sub().evaluate(x, y).tolist() == [0.5, -6.0, 6.0]
    assert Mul().evaluate(x, y).tolist() == [0.5, -8.0, -9.0]


@pytest.mark.parametrize(
    ("op", "x", "y"),
    [
        (Relu(), -2.0, 0.0),
        (LeakyRelu(0.5), -2.0, -1.0),
        (LeakyRelu(0.5), 2.0, 2.0),
        (Clip(-math.inf, 1.0), -(2.0**99), -(2.0**99)),
        (Clip(-1.0, math.inf), 2.0**99, 2.0**99),
        (Clip(-math.inf, math.inf), -3.0, -3.0),
        (Clip(2.0, 2.0), 0.0, 2.0),
        (SoftShrink(0.5), 0.5, 0.0),
        (SoftShrink(0.5), 2.0, 1.5),
        (SoftShrink(0.5), -2.0, -1.5),
        (SoftShrink(0.0), -2.0, -2.0),
        (Sigmoid(), -1e4, 0.0),
        (Sigmoid(), 1e4, 1.0),
        (Tanh(), -1e4, -1.0),
        (Abs(), -3.0, 3.0),
    ],
)
def test_values(op: Op, x: float, y: float) -> None:
    assert op.evaluate(f32([x])).item() == y


def test_a_negative_slope_is_not_monotone() -> None:
    assert LeakyRelu(0.0).is_monotone()
    assert not LeakyRelu(-0.5).is_monotone()
    assert not Abs().is_monotone()


def test_refuses_shapes_that_do_not_broadcast() -> None:
    assert refusal(Add(), typed(2, 3), typed(4, 3)) == (
        "shapes [2, 3] and [4, 3] do not broadcast: each size must be equal, or 1."
    )


def test_refuses_results_beyond_any_memory() -> None:
    assert refusal(Mul(), typed(1 << 20, 1), typed(1 << 20)) == (
        f"a value of shape [1048576, 1048576] has {1 << 40} elements, and the most that are "
        "supported is 2147483648."
    )


@pytest.mark.parametrize("op", UNARY)
def test_refuses_integers(op: Op) -> None:
    assert refusal(op, bytes_(3)) == "expected floating-point operands, found i8[3]."


@pytest.mark.parametrize("op", BINARY)
def test_refuses_an_integer_among_floats(op: Op) -> None:
    assert refusal(op, typed(3), bytes_(3)) == "expected floating-point operands, found i8[3]."


@pytest.mark.parametrize(("op", "count"), [(Relu(), 2), (Add(), 1), (Add(), 3)])
def test_another_number_of_operands_is_a_bug(op: Op, count: int) -> None:
    with pytest.raises(TypeError, match=rf"^{op.kind} takes \d operands, not {count}$"):
        op.infer(*[typed(3)] * count)


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_clip_refuses_bounds_in_disorder(low: float, high: float) -> None:
    assert refusal(Clip(low, high), typed(3)) == (
        f"clip needs low <= high, found low {low} and high {high}."
    )


@pytest.mark.parametrize("threshold", [-0.5, math.nan])
def test_soft_shrinkage_refuses_a_negative_threshold(threshold: float) -> None:
    assert refusal(SoftShrink(threshold), typed(3)) == (
        f"soft shrinkage needs a threshold of at least 0, found {threshold}."
    )


def test_leaky_relu_of_no_slope_is_relu_for_infinite_numbers_too() -> None:
    x = np.array([-np.inf, -1, 0, 2, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(LeakyRelu(0.0).evaluate(x), Relu().evaluate(x))


@pytest.mark.parametrize("slope", [np.nan, np.inf, -np.inf])
def test_leaky_relu_refuses_a_slope_that_is_no_number(slope: float) -> None:
    assert refusal(LeakyRelu(slope), typed(1)).startswith("a leaky ReLU needs a finite slope, ")
