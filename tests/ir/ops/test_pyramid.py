"""Pyramid steps: sizes, flat and tiny maps, reconstruction, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.ir.op import Op
from sightline.ir.ops.pyramid import PyramidDown, PyramidUp
from tests.support.refusals import bytes_, refusal, typed


@pytest.mark.parametrize(("size", "half"), [(1, 1), (2, 1), (5, 3), (6, 3)])
def test_sizes(size: int, half: int) -> None:
    assert PyramidDown().infer(typed(1, 2, size, 8)) == typed(1, 2, half, 4)
    assert PyramidUp((size, 8)).infer(typed(1, 2, half, 4)) == typed(1, 2, size, 8)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 6)])
def test_a_flat_map_stays_flat(size: tuple[int, int]) -> None:
    x = np.full((1, 1, *size), 3.0, np.float32)
    down = PyramidDown().evaluate(x)
    np.testing.assert_allclose(down, 3.0, rtol=1e-6)
    np.testing.assert_allclose(PyramidUp(size).evaluate(down), 3.0, rtol=1e-6)


def test_band_and_coarse_scale_give_the_map_back() -> None:
    x = np.random.default_rng(0).standard_normal((1, 3, 13, 10)).astype(np.float32)
    coarse = PyramidUp((13, 10)).evaluate(PyramidDown().evaluate(x))
    band = x - coarse
    np.testing.assert_allclose(band + coarse, x, rtol=1e-5, atol=1e-6)


def test_a_point_spreads_as_the_kernel_says() -> None:
    x = np.zeros((1, 1, 9, 9), np.float32)
    x[0, 0, 4, 4] = 256.0
    assert PyramidDown().evaluate(x)[0, 0, 1:4, 1:4].tolist() == [
        [1.0, 6.0, 1.0], [6.0, 36.0, 6.0], [1.0, 6.0, 1.0],
    ]  # fmt: skip
    x = np.zeros((1, 1, 1, 3), np.float32)
    x[0, 0, 0, 1] = 8.0
    assert PyramidUp((1, 6)).evaluate(x).ravel().tolist() == [1.0, 4.0, 6.0, 4.0, 1.0, 0.0]


@pytest.mark.parametrize("size", [(9, 8), (6, 8), (8,), (8, 8, 8), (-8, -8)])
def test_up_refuses_other_sizes(size: tuple[int, ...]) -> None:
    assert refusal(PyramidUp(size), typed(1, 2, 4, 4)) == (
        f"the size {list(size)} is not twice the [4, 4] of f32[1,2,4,4], or less one."
    )


@pytest.mark.parametrize("op", [PyramidDown(), PyramidUp((8, 8))])
def test_takes_float_maps(op: Op) -> None:
    assert refusal(op, bytes_(1, 1, 4, 4)) == (
        "expected floating-point operands, found i8[1,1,4,4]."
    )
    assert refusal(op, typed(4, 4)) == (
        "expected maps [N, C, H, W], which has rank 4, found f32[4,4] of rank 2."
    )
