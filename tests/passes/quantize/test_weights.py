"""Weights become integers with a scale for each map, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.ops.conv import Conv
from sightline.ir.table import Table
from sightline.ir.types import Array
from sightline.ir.window import Window
from sightline.passes.bank import pair_maps
from sightline.passes.precision import INT8, INT16, Q8_8, Precision
from sightline.passes.quantize.weights import QuantizedWeights, quantized_weights
from tests.support.arrays import f32
from tests.support.examples import examples

X_SCALE, STEP = 1 / 127, 1 / 100
TABLE = Table(3, 4, 2, ((0, 2), (2, 1, 0)))
OP = Conv(Window((2, 2)), TABLE)
HIGH = {INT8: 127, INT16: 32767}


def quantized(
    weights: Array, bias: Array | None = None, precision: Precision = INT8
) -> QuantizedWeights:
    found = quantized_weights(OP, weights, bias, precision, X_SCALE, STEP)
    assert found.integers.shape == weights.shape
    assert np.isfinite(found.scales).all()
    assert (found.scales > 0).all()
    assert np.abs(found.integers.astype(int)).max() <= found.element.high
    of_maps = np.zeros(TABLE.maps, np.float32)
    of_maps[pair_maps(TABLE)] = found.scales
    np.testing.assert_array_equal(found.scales, of_maps[pair_maps(TABLE)])
    return found


def weights_of(seed: int, exponent: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return np.ldexp(rng.standard_normal((TABLE.pairs, 2, 2)), exponent).astype(np.float32)


@examples(100)
@given(st.integers(0, 10**6), st.integers(-60, 100), st.sampled_from((INT8, INT16)))
def test_none_is_farther_than_half_a_step_and_the_largest_is_the_largest_integer(
    seed: int, exponent: int, precision: Precision
) -> None:
    weights = weights_of(seed, exponent)
    found = quantized(weights, None, precision)
    half = found.scales.reshape(-1, 1, 1).astype(np.float64) / 2
    found_far = np.abs(found.real - weights)
    assert (found_far <= half * (1 + 1e-5)).all()
    for map_ in range(TABLE.maps):
        integers = found.integers[pair_maps(TABLE) == map_]
        if exponent > -10:  # else they are nothing beside what their sums are rounded to
            assert np.abs(integers.astype(int)).max() == HIGH[precision]


@pytest.mark.parametrize("sign", [-1, 1])
def test_weights_of_the_largest_magnitude_alone_are_exact(sign: int) -> None:
    weights = f32(np.full((TABLE.pairs, 2, 2), sign * 0.127))
    found = quantized(weights)
    assert (found.integers == sign * 127).all()
    np.testing.assert_allclose(found.real, weights, rtol=1e-6)


def test_a_map_of_zeros_stays_so_beside_others() -> None:
    weights = weights_of(0)
    dead = pair_maps(TABLE) == 1
    weights[dead] = 0
    found = quantized(weights)
    assert not found.integers[dead].any()
    assert found.integers[~dead].any()


@pytest.mark.parametrize("precision", [INT8, INT16, Q8_8], ids=lambda p: p.name)
@pytest.mark.parametrize("bias", [None, [1.0, -2.0, 0.0, 3e30]], ids=["no bias", "bias"])
def test_weights_of_zeros_alone(bias: list[float] | None, precision: Precision) -> None:
    zeros = np.zeros((TABLE.pairs, 2, 2), np.float32)
    assert not quantized(zeros, None if bias is None else f32(bias), precision).integers.any()


@pytest.mark.parametrize("exponent", [-149, -140, -127])
def test_denormal_weights_are_nothing_beside_what_they_make(exponent: int) -> None:
    assert not quantized(weights_of(0, exponent)).integers.any()


def test_denormal_weights_that_make_denormal_numbers() -> None:
    """Their sums are not so coarse that no multiplier makes numbers of such a step of them."""
    step = 2.0**-126
    found = quantized_weights(OP, weights_of(0, -140), None, INT8, X_SCALE, step)
    assert (found.scales > 0).all()
    assert (X_SCALE * found.scales / step <= (1 << 17) / 2).all()


def test_a_huge_bias_has_a_scale_that_its_integer_fits() -> None:
    bias = f32([1e6, 0, -3e9, 1e-3])
    weights = weights_of(0, -20)
    found = quantized(weights, bias)
    steps = np.abs(bias[pair_maps(TABLE)]) / X_SCALE / found.scales
    assert (steps <= 2.0**30 * (1 + 1e-6)).all()
    small = pair_maps(TABLE) == 1
    np.testing.assert_array_equal(found.scales[small], quantized(weights).scales[small])


def test_one_scale_for_all_of_fixed_point() -> None:
    weights = weights_of(0)
    weights[0, 0, 0] = 1000
    found = quantized(weights, None, Q8_8)
    assert (found.scales == 2.0**-8).all()
    wanted = np.clip(np.rint(weights.astype(np.float64) * 256), -32767, 32767)
    np.testing.assert_array_equal(found.integers, wanted)
