"""Trained weights that come with Sightline: `weights/NAME.npz`, beside what made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array

WEIGHTS = Path(__file__).parent / "weights"


def trained_weights(name: str) -> dict[str, Array]:
    """The weights of a name, by the names of `Module.parameters()`."""
    path = WEIGHTS / f"{name}.npz"
    if not path.is_file():
        there = ", ".join(sorted(each.stem for each in WEIGHTS.glob("*.npz"))) or "none"
        raise UserError(
            f"no trained weights '{name}' come with Sightline", fix=f"There are {there}."
        )
    with np.load(path) as file:
        return {key: file[key] for key in file.files}
