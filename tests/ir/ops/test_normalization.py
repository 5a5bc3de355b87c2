"""Normalization: flat and large neighbourhoods, the floors, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.ir.op import Op
from sightline.ir.ops.normalization import (
    BatchNorm,
    DivisiveNorm,
    LocalNorm,
    SubtractiveNorm,
    TorchDivisiveNorm,
    TorchSubtractiveNorm,
)
from sightline.ir.types import Array
from tests.support.naive import naive
from tests.support.refusals import bytes_, refusal, typed

CHANNEL = typed(3)


def randoms(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("cls", [SubtractiveNorm, DivisiveNorm, LocalNorm])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 2, 3, 1), (1, 1, 2, 6)])
def test_boxes_larger_than_the_map(cls: type[Op], shape: tuple[int, ...]) -> None:
    op, x = cls(), randoms(*shape)
    np.testing.assert_allclose(op.evaluate(x), naive(op, x), rtol=1e-4, atol=1e-5)


def test_every_neighbourhood_has_mean_zero_and_deviation_one() -> None:
    x = 50 + 10 * randoms(1, 3, 40, 40)
    y = LocalNorm((15, 15)).evaluate(x)
    assert abs(float(y.mean())) < 0.05
    assert float(y.std()) == pytest.approx(1.0, abs=0.05)
    again = SubtractiveNorm((15, 15)).evaluate(x) / 10
    np.testing.assert_allclose(y, again, atol=1.0)


@pytest.mark.parametrize("cls", [SubtractiveNorm, LocalNorm])
def test_a_flat_map_becomes_zero(cls: type[Op]) -> None:
    x = np.full((1, 1, 240, 320), 255.0, np.float32)
    np.testing.assert_allclose(cls().evaluate(x), 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "kernel"),
    [(DivisiveNorm((3, 3), 0.5), ()), (TorchDivisiveNorm(0.5), (np.ones((3, 3), np.float32),))],
)
def test_small_deviations_are_raised_to_the_floor(op: Op, kernel: tuple[Array, ...]) -> None:
    x = np.full((1, 1, 5, 5), 0.01, np.float32)
    np.testing.assert_allclose(op.evaluate(x, *kernel), 0.02, rtol=1e-5)


def test_torch_takes_the_mean_over_all_maps() -> None:
    x = np.stack([np.full((4, 4), 1.0), np.full((4, 4), 5.0)])[None].astype(np.float32)
    y = TorchSubtractiveNorm().evaluate(x, np.ones((3, 3), np.float32))
    np.testing.assert_allclose(y[0, 0], -2.0, atol=1e-6)
    np.testing.assert_allclose(y[0, 1], 2.0, atol=1e-6)


def test_torch_divides_the_root_once_by_the_filter_of_ones() -> None:
    """At a corner of a 3x3 kernel's map, 4 of 9 taps are seen: sqrt(4/9 v^2) / (4/9)."""
    x = np.full((1, 1, 5, 5), 3.0, np.float32)
    y = TorchDivisiveNorm().evaluate(x, np.ones((3, 3), np.float32))
    assert y[0, 0, 2, 2] == pytest.approx(1.0)
    assert y[0, 0, 0, 0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("cls", [TorchSubtractiveNorm, TorchDivisiveNorm])
def test_torch_kernels_may_exceed_the_map(cls: type[Op]) -> None:
    x, kernel = randoms(1, 2, 3, 2), np.abs(randoms(9, 7)) + 0.1
    found, wanted = cls().evaluate(x, kernel), naive(cls(), x, kernel)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_batch_normalization_of_vectors_and_volumes() -> None:
    for shape in ((4, 3), (2, 3, 4), (1, 3, 2, 2, 2)):
        operands = randoms(*shape), *randoms(3, 3), np.abs(randoms(3))
        found, wanted = BatchNorm().evaluate(*operands), naive(BatchNorm(), *operands)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("position", range(4))
def test_batch_normalization_refuses_other_sizes(position: int) -> None:
    parameters = [CHANNEL] * 4
    parameters[position] = typed(4)
    what = ("scale", "shift", "mean", "variance")[position]
    assert refusal(BatchNorm(), typed(1, 3, 2, 2), *parameters) == (
        f"the {what} of batch normalization must be of shape [3], found [4]."
    )


def test_batch_normalization_refuses_what_has_no_channels_and_integers() -> None:
    assert refusal(BatchNorm(), CHANNEL, *[CHANNEL] * 4) == (
        "batch normalization needs channels, found f32[3]."
    )
    assert refusal(BatchNorm(), typed(1, 3), *[bytes_(3)] * 4) == (
        "expected floating-point operands, found i8[3]."
    )


@pytest.mark.parametrize("epsilon", [-1e-9, float("nan"), float("inf")])
def test_batch_normalization_refuses_a_bad_epsilon(epsilon: float) -> None:
    assert refusal(BatchNorm(epsilon), typed(1, 3), *[CHANNEL] * 4) == (
        f"an epsilon must be at least 0 and finite, found {epsilon}."
    )


@pytest.mark.parametrize("cls", [SubtractiveNorm, DivisiveNorm, LocalNorm])
@pytest.mark.parametrize("size", [(4, 3), (3, 0), (-3, 3), (3,), ()])
def test_boxes_have_a_centre(cls: type[Op], size: tuple[int, ...]) -> None:
    assert refusal(cls(size), typed(1, 1, 8, 8)) == (  # type: ignore[call-arg]
        f"a neighbourhood is two odd sizes, to have a centre; found {list(size)}."
    )


@pytest.mark.parametrize("cls", [SubtractiveNorm, DivisiveNorm, LocalNorm])
def test_boxes_lie_on_float_maps(cls: type[Op]) -> None:
    assert refusal(cls(), bytes_(1, 1, 8, 8)) == (
        "expected floating-point operands, found i8[1,1,8,8]."
    )
    assert refusal(cls(), typed(1, 8)) == (
        "expected maps [N, C, H, W], which has rank 4, found f32[1,8] of rank 2."
    )


@pytest.mark.parametrize("floor", [0.0, -1.0, float("nan")])
def test_floors_are_positive(floor: float) -> None:
    message = f"a floor under a divisor must be positive, found {floor}."
    maps = typed(1, 1, 8, 8)
    assert refusal(DivisiveNorm((3, 3), floor), maps) == message
    assert refusal(LocalNorm((3, 3), floor), maps) == message
    assert refusal(TorchDivisiveNorm(floor), maps, typed(3, 3)) == message


@pytest.mark.parametrize("op", [TorchSubtractiveNorm(), TorchDivisiveNorm()])
def test_torch_kernels_are_odd(op: Op) -> None:
    maps = typed(1, 1, 8, 8)
    assert refusal(op, maps, typed(3, 4)) == (
        "the kernel needs odd sizes, to have a centre; found f32[3,4]."
    )
    assert refusal(op, maps, typed(1, 1, 3, 3)) == (
        "expected a kernel [rows, columns], which has rank 2, found f32[1,1,3,3] of rank 4."
    )
    assert refusal(op, bytes_(1, 1, 8, 8), typed(3, 3)).startswith("expected floating-point ")


@pytest.mark.parametrize("op", [SubtractiveNorm((3, 3)), DivisiveNorm((3, 3)), LocalNorm((3, 3))])
@pytest.mark.parametrize("odd", [1e12, np.inf, np.nan])
def test_an_odd_pixel_is_seen_by_its_neighbours_alone(op: Op, odd: float) -> None:
    x = np.random.default_rng(0).standard_normal((1, 1, 12, 12)).astype(np.float32)
    before = op.evaluate(x)
    x[0, 0, 5, 5] = odd
    with np.errstate(invalid="ignore"):
        after = op.evaluate(x)
    changed = (before != after)[0, 0]
    assert changed[4:7, 4:7].all()
    changed[4:7, 4:7] = False
    assert not changed.any()
