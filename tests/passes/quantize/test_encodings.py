"""The encoding of a group covers what its values were seen to be, as the method has it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir import fixed
from sightline.ir.encoding import Encoding
from sightline.ir.ops.pointwise import Pointwise, Relu, Sigmoid, Tanh
from sightline.ir.types import Array
from sightline.passes.legalize.rounding import applied
from sightline.passes.precision import INT8, INT16, Q8_8, Precision, Precisions
from sightline.passes.quantize.encodings import encoding_of_group, find_encodings
from sightline.passes.quantize.regions import Group, Use, find_regions
from sightline.passes.ranges import MinMax, method_of
from sightline.passes.statistics import statistics_of
from tests.support.examples import examples
from tests.support.pass_checks import graph_of


def numbers(scale: float, seed: int = 0) -> Array:
    return (scale * np.random.default_rng(seed).standard_normal((1, 2, 40, 50))).astype(np.float32)


def group(
    use: Use = Use.PLAIN,
    precision: Precision = INT8,
    functions: tuple[tuple[Pointwise, ...], ...] = (),
    *,
    symmetric: bool = False,
) -> Group:
    return Group(("v",), use, precision, symmetric, functions)


def real(encoding: Encoding, x: Array) -> Array:
    integers = fixed.quantize(x, encoding.scale, encoding.zero_point, encoding.storage)
    return (integers - encoding.zero_point) * encoding.scale


def error(encoding: Encoding, x: Array, functions: tuple[Pointwise, ...]) -> float:
    exact = applied(functions, x.astype(np.float64))
    return float(np.mean((applied(functions, real(encoding, x)) - exact) ** 2))


@pytest.mark.parametrize("use", Use)
@pytest.mark.parametrize("method", ["minmax", "mse", "percentile"])
def test_fixed_point_has_one_scale_whatever_is_seen(use: Use, method: str) -> None:
    for scale in (1e-3, 1.0, 1e6):
        found = encoding_of_group(
            group(use, Q8_8, ((Tanh(),),)), statistics_of(numbers(scale)), method_of(method)
        )
        assert found == Encoding(12 if use is Use.INDEX else 16, 2.0**-8)


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("function", [Tanh(), Sigmoid()])
def test_an_index_is_no_worse_than_one_of_the_whole_range(
    function: Pointwise, scale: float
) -> None:
    x, index = numbers(scale), group(Use.INDEX, INT8, ((function,),))
    whole = encoding_of_group(index, statistics_of(x), MinMax())
    found = encoding_of_group(index, statistics_of(x), method_of("mse"))
    assert found.bits == whole.bits == 10
    assert error(found, x, (function,)) <= error(whole, x, (function,)) * 1.05
    if scale > 20:
        assert found.scale < whole.scale / 2


def test_numbers_far_from_all_others_leave_an_index_fine() -> None:
    """Though all others lie in a few bins of the histogram."""
    x = np.concatenate([numbers(1.0).ravel(), np.full(2000, 1000, np.float32)])
    found = encoding_of_group(
        group(Use.INDEX, INT8, ((Tanh(),),)), statistics_of(x), method_of("mse")
    )
    assert found.scale < 0.03


def test_an_index_of_several_functions_serves_both() -> None:
    x = np.abs(numbers(10.0))
    both = group(Use.INDEX, INT8, ((Tanh(),), (Relu(),)))
    found = encoding_of_group(both, statistics_of(x), method_of("mse"))
    one = encoding_of_group(
        group(Use.INDEX, INT8, ((Tanh(),),)), statistics_of(x), method_of("mse")
    )
    assert found.scale > one.scale
    assert error(found, x, (Relu(),)) < error(one, x, (Relu(),))


@examples(60)
@given(st.floats(-100, 100), st.floats(-100, 100), st.booleans())
def test_the_whole_range_is_covered_and_a_symmetric_zero_is_zero(
    first: float, second: float, symmetric: bool
) -> None:
    x = np.array([first, second], np.float32)
    found = encoding_of_group(group(symmetric=symmetric), statistics_of(x), MinMax())
    assert np.abs(real(found, x) - x).max() <= found.scale * 0.5001
    assert not (symmetric and found.zero_point)


@pytest.mark.parametrize("precision", [INT8, INT16, Q8_8], ids=lambda p: p.name)
@pytest.mark.parametrize("method", ["minmax", "mse", "percentile"])
@pytest.mark.parametrize("value", [0.0, 0.7, -1e-30, 1e30])
@pytest.mark.parametrize("use", [Use.PLAIN, Use.INDEX, Use.SCORE])
def test_values_that_never_change(
    use: Use, value: float, method: str, precision: Precision
) -> None:
    x = np.full((1, 1, 4, 4), value, np.float32)
    asked = group(use, precision, ((Tanh(),),) if use is Use.INDEX else ())
    found = encoding_of_group(asked, statistics_of(x), method_of(method))
    if precision is not Q8_8 and use is not Use.INDEX:
        np.testing.assert_allclose(real(found, x), x, rtol=0.01)
    assert error(found, x, (Tanh(),)) < 0.01


def test_members_of_a_group_are_seen_together_constants_too() -> None:
    graph = graph_of("""
        x = input : f32[1,1,2,2]
        w = const [1.0] : f32[1,1,1]
        k = const [10.0, -2.0, 3.0, 0.0] : f32[1,1,2,2]
        a = conv(x, w, kernel=[1, 1], maps=[1, 1]) : f32[1,1,2,2]
        c = concat(a, k, axis=1) : f32[1,2,2,2]
        v = const [1.0, 1.0] : f32[2,1,1]
        y = conv(c, v, kernel=[1, 1], maps=[2, 1]) : f32[1,1,2,2]
        return y=y
    """)
    one = np.zeros((1, 1, 2, 2), np.float32)
    seen = {name: statistics_of(one - 20) for name in ("x", "a", "c", "y")}
    regions = find_regions(graph, Precisions.parse("int8"))
    found = find_encodings(graph, regions, seen, MinMax()).values
    assert set(found) == {"x", "a", "k", "c", "y"}
    assert found["a"] == found["k"] == found["c"]
    for end in (-20.0, 10.0):
        assert abs(real(found["c"], np.array([end]))[0] - end) <= found["c"].scale
