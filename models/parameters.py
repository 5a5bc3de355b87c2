"""What the parameters of all networks have in common."""

from __future__ import annotations

import numpy as np

from sightline.ir.errors import UserError


def require_counts(**parameters: int) -> None:
    """Refuse parameters that count something and are not whole numbers of at least 1."""
    for name, value in parameters.items():
        if not isinstance(value, int | np.integer) or value < 1:
            raise UserError(
                f"the parameter '{name}' is a whole number of at least 1, found {value!r}"
            )
