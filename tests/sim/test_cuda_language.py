"""What kernels compute in the emulator, against NumPy: warps, bytes, halves, tiles of a warp."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.sim.cuda import emulator
from tests.support.emulated import fresh, run

RANDOM = np.random.default_rng(5)
MODES = pytest.mark.parametrize("checked", [False, True], ids=["fast", "checked"])


def computed(name: str, given: NDArray[Any], like: NDArray[Any], checked: bool) -> None:
    """What the kernel makes of `given` is `like`: nearly, if it is of 32-bit floats."""
    library = fresh("features", checked)
    out = np.zeros_like(like)
    assert run(library, name, given, out) == 0
    assert emulator.findings(library) == []
    if like.dtype == np.float32:
        np.testing.assert_allclose(out, like, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(out, like)


@MODES
def test_lanes_exchange_values(checked: bool) -> None:
    given = RANDOM.integers(-99, 99, 32, dtype=np.int32)
    before = np.where(np.arange(32) % 8, np.roll(given, 1), given)
    odd = np.int32(np.uint32(sum(1 << k for k in range(32) if given[k] & 1)).view(np.int32))
    total = np.full(32, given.sum(), np.int32)
    like = np.stack([total, total, before, np.full(32, odd), np.full(32, 2)]).astype(np.int32)
    computed("warp_sums", given, like, checked)


@MODES
def test_bytes_and_long_integers(checked: bool) -> None:
    given = RANDOM.integers(-(2**31), 2**31 - 1, 32, dtype=np.int64).astype(np.int32)
    signed = given.view(np.int8).reshape(32, 4).astype(np.int64)
    unsigned = given.view(np.uint8).reshape(32, 4).astype(np.int64)
    scaled = (given.astype(np.int64) * 1234567891 + (1 << 30)) >> 31
    like = [
        (signed * signed[::-1]).sum(1) + 5,
        (unsigned * unsigned[::-1]).sum(1) + 5,
        signed @ np.array([1, 2, 3, 4]),
        np.clip(given, -100, 100),
        np.clip(scaled, -128, 127),
    ]
    computed("bytes", given, np.stack(like).astype(np.int32), checked)


@MODES
def test_halves_are_rounded_after_every_operation(checked: bool) -> None:
    given = RANDOM.normal(0, 3, 32).astype(np.float16)
    other = given[::-1]
    exact = given.astype(np.float64) * other + given
    tangents = np.tanh(given.astype(np.float32)).astype(np.float16)
    like = [given + other, given * other, exact, np.maximum(given, other), tangents]
    computed("halves", given, np.stack(like).astype(np.float16), checked)


@MODES
@pytest.mark.parametrize(("m", "n"), [(16, 16), (32, 8), (8, 32)])
def test_tiles_of_halves(m: int, n: int, checked: bool) -> None:
    given = RANDOM.normal(0, 1, 1024).astype(np.float16)
    a = given[: m * 16].reshape(m, 16).astype(np.float32)
    b = given[512 : 512 + n * 16].reshape(n, 16).astype(np.float32)
    computed(f"half_tiles_{m}_{n}", given, 2 * (a @ b.T + np.float32(0.5)), checked)


@MODES
@pytest.mark.parametrize(("name", "dtype"), [("signed", np.int8), ("unsigned", np.uint8)])
def test_tiles_of_bytes_are_exact(name: str, dtype: type, checked: bool) -> None:
    given: NDArray[Any] = RANDOM.integers(0, 256, 512).astype(np.uint8).view(dtype)
    given[:16] = np.iinfo(dtype).min  # the largest products
    given[256:512:16] = np.iinfo(dtype).min
    a, b = given.reshape(2, 16, 16).astype(np.int32)
    computed(f"{name}_tiles", given, a @ b + 7, checked)
