"""Resizing: positions, factors, borders, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.ir.ops.resize import COORDINATES, ROUNDINGS, ResizeBilinear, ResizeNearest
from sightline.ir.types import Array, Int, TensorType
from tests.support.examples import examples
from tests.support.naive import naive
from tests.support.refusals import bytes_, refusal, typed

Resize = type[ResizeNearest] | type[ResizeBilinear]
each_resize = pytest.mark.parametrize("cls", [ResizeNearest, ResizeBilinear])

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
scales = st.just(()) | st.tuples(*[st.sampled_from((0.3, 0.5, 1.0, 1.7, 2.0, 3.25))] * 2)


def ramp(height: int, width: int) -> Array:
    return np.arange(height * width, dtype=np.float32).reshape(1, 1, height, width)


@examples(200)
@given(sizes, sizes, st.sampled_from(COORDINATES), st.sampled_from(ROUNDINGS), scales)
def test_any_resize_is_onnx_formula(
    before: tuple[int, int],
    after: tuple[int, int],
    coordinates: str,
    rounding: str,
    scale: tuple[float, ...],
) -> None:
    x = ramp(*before)
    nearest = ResizeNearest(after, coordinates, rounding, scale)
    np.testing.assert_array_equal(nearest.evaluate(x), naive(nearest, x))
    bilinear = ResizeBilinear(after, coordinates, scale)
    np.testing.assert_allclose(bilinear.evaluate(x), naive(bilinear, x), rtol=1e-5, atol=1e-4)


def test_doubling_repeats_pixels() -> None:
    x = ramp(2, 2)
    wanted = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert ResizeNearest((4, 4)).evaluate(x)[0, 0].tolist() == wanted
    assert ResizeNearest((4, 4)).factors(typed(1, 1, 2, 2)) == (2, 2)


@pytest.mark.parametrize(
    ("op", "factors"),
    [
        (ResizeNearest((6, 4)), (3, 1)),
        (ResizeNearest((6, 4), "half_pixel", "prefer_floor"), (3, 1)),
        (ResizeNearest((6, 8), "align_corners"), None),
        (ResizeNearest((5, 4)), None),
        (ResizeNearest((1, 4)), None),
        (ResizeNearest((4, 8), rounding="ceil"), None),
    ],
)
def test_factors_are_those_of_plain_blocks(
    op: ResizeNearest, factors: tuple[int, int] | None
) -> None:
    assert op.factors(typed(1, 3, 2, 4)) == factors


def test_nearest_takes_integers() -> None:
    op = ResizeNearest((4, 4))
    assert op.infer(bytes_(1, 1, 2, 2)) == TensorType((1, 1, 4, 4), Int(8))
    x = np.array([[[[-128, 127], [1, 2]]]], np.int8)
    np.testing.assert_array_equal(op.evaluate(x), x.repeat(2, 2).repeat(2, 3), strict=True)


def test_bilinear_refuses_integers() -> None:
    assert refusal(ResizeBilinear((4, 4)), bytes_(1, 1, 2, 2)) == (
        "expected floating-point operands, found i8[1,1,2,2]."
    )


@each_resize
@pytest.mark.parametrize("size", [(4,), (4, 0), (-4, 4), (4, 4, 4), ()])
def test_a_size_is_two_positive_numbers(cls: Resize, size: tuple[int, ...]) -> None:
    assert refusal(cls(size), typed(1, 1, 2, 2)) == (
        f"a size to reach is two numbers of at least 1, found {list(size)}."
    )


@each_resize
def test_a_size_has_bounds(cls: Resize) -> None:
    assert refusal(cls((10**9, 10**9)), typed(1, 1, 2, 2)) == (
        f"a value of shape [1, 1, 1000000000, 1000000000] has {10**18} elements, and the most "
        "that are supported is 2147483648."
    )


@each_resize
@pytest.mark.parametrize(
    "scale", [(0.0, 1.0), (1.0, -1.0), (1.0, float("nan")), (float("inf"), 1.0), (2.0,)]
)
def test_scales_are_two_positive_numbers(cls: Resize, scale: tuple[float, ...]) -> None:
    assert refusal(cls((4, 4), scales=scale), typed(1, 1, 2, 2)) == (
        f"scales are two positive finite numbers, found {list(scale)}."
    )


@each_resize
def test_coordinates_are_known(cls: Resize) -> None:
    assert refusal(cls((4, 4), "tf_crop_and_resize"), typed(1, 1, 2, 2)) == (
        "the resize coordinates 'tf_crop_and_resize' are not supported. Use one of half_pixel, "
        "asymmetric, align_corners."
    )


def test_roundings_are_known() -> None:
    assert refusal(ResizeNearest((4, 4), rounding="up"), typed(1, 1, 2, 2)) == (
        "the rounding 'up' is not supported. Use one of prefer_floor, prefer_ceil, floor, ceil."
    )


@each_resize
def test_takes_maps(cls: Resize) -> None:
    assert refusal(cls((4, 4)), typed(2, 2)) == (
        "expected maps [N, C, H, W], which has rank 4, found f32[2,2] of rank 2."
    )
