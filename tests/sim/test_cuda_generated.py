"""Kernels as TVM generates them, run by the emulator in both modes, against NumPy."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sightline.sim.cuda import emulator
from tests.support import cuda_kernels as kernels
from tests.support.cuda_kernels import Generated
from tests.support.emulated import address, fresh

RANDOM = np.random.default_rng(8)
MODES = pytest.mark.parametrize("checked", [False, True], ids=["fast", "checked"])
TILE_PARAMETERS = ("a", "b", "bias", "out")

Arrays = dict[str, NDArray[Any]]


def run(library: ctypes.CDLL, parameters: tuple[str, ...], arrays: Arrays) -> int:
    """Run a kernel on arrays by parameter; its result is left in `out`."""
    given: list[ctypes.c_void_p | int] = []
    for name in parameters:
        given += [address(arrays[name]), arrays[name].nbytes]
    return int(library.run(*given))


def run_soundly(library: ctypes.CDLL, parameters: tuple[str, ...], arrays: Arrays) -> None:
    assert run(library, parameters, arrays) == 0, emulator.findings(library)
    assert emulator.findings(library) == []
    assert emulator.left(library) == []


@pytest.fixture(scope="module")
def direct() -> Generated:
    return kernels.direct()


def operands() -> Arrays:
    shape = (kernels.CHANNELS, kernels.HEIGHT + 2, kernels.WIDTH + 2)
    return {
        "given": RANDOM.normal(0, 1, shape).astype(np.float32),
        "weights": RANDOM.normal(0, 0.2, (shape[0], 3, 3, kernels.MAPS)).astype(np.float32),
        "bias": RANDOM.normal(0, 1, kernels.MAPS).astype(np.float32),
        "out": np.full((kernels.MAPS, kernels.HEIGHT, kernels.WIDTH), np.nan, np.float32),
    }


def built(text: str, at: Path, checked: bool) -> ctypes.CDLL:
    source = at / "kernel.cu"
    source.write_text(text)
    return ctypes.CDLL(str(emulator.build(source, at, checked=checked)))


@MODES
def test_a_direct_convolution(direct: Generated, checked: bool, tmp_path: Path) -> None:
    arrays = operands()
    run_soundly(built(direct.program(), tmp_path, checked), direct.parameters, arrays)
    windows = sliding_window_view(arrays["given"].astype(np.float64), (3, 3), (1, 2))
    sums = np.einsum("chwvu,cvum->mhw", windows, arrays["weights"].astype(np.float64))
    exact = np.tanh(sums + arrays["bias"].astype(np.float64)[:, None, None])
    np.testing.assert_allclose(arrays["out"], exact, atol=2e-6)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_barrier_that_is_taken_away_is_missed(
    direct: Generated, missing: int, tmp_path: Path
) -> None:
    barrier = "__syncthreads();"
    parts = direct.program().split(barrier)
    assert len(parts) == 3
    text = barrier.join(parts[:missing]) + ";" + barrier.join(parts[missing:])
    library = built(text, tmp_path, True)
    assert run(library, direct.parameters, operands()) == 719
    (finding,) = emulator.findings(library)
    assert finding.startswith("data race in kernel 'direct_kernel': ")


@MODES
@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_tiles_of_a_warp(dtype: str, checked: bool) -> None:
    library = fresh(f"tiles_{dtype}", checked)
    a: NDArray[Any]
    b: NDArray[Any]
    if dtype == "int8":
        a, b = (RANDOM.integers(-128, 128, size).astype(np.int8) for size in ((64, 48), (48, 32)))
    else:
        a, b = (RANDOM.normal(0, 3, size).astype(np.float16) for size in ((64, 48), (48, 32)))
    bias = RANDOM.normal(0, 1, 32).astype(np.float32)
    out = np.full((64, 32), np.nan, np.float32)
    run_soundly(library, TILE_PARAMETERS, {"a": a, "b": b, "bias": bias, "out": out})
    exact = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(out, np.tanh(exact * 0.01 + bias), atol=2e-5)
