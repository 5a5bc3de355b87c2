"""JSON as its standard has it: what is not finite, which Python would write as NaN, is null."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any) -> str:
    """The text of plain values, two columns an indent."""
    return json.dumps(_finite(value), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
