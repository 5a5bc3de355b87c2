"""Weights as the words of a memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.integer[Any]]
"""[depth, taps, lanes]: all weights of a step are read at one address."""


def weight_words(weights: Weights, bits: int) -> list[int]:
    """For each address one word: lane by lane, tap by tap, the first one lowest; 8 or 16 bits."""
    rows = weights.reshape(weights.shape[0], -1).astype(f"<i{bits // 8}")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def check_weights(weights: Weights, low: int, high: int) -> None:
    if weights.ndim != 3 or 0 in weights.shape or not np.issubdtype(weights.dtype, np.integer):
        raise ValueError(
            "weights are integers [depth, taps, lanes], each at least 1, "
            f"not {weights.dtype} {list(weights.shape)}"
        )
    least, most = int(weights.min()), int(weights.max())
    if least < low or most > high:
        raise ValueError(f"weights from {least} to {most} are not within {low} to {high}")
