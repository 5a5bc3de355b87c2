"""How many examples a property is tested on: few on every change, ten times as many by night."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

TIMES = int(os.environ.get("SIGHTLINE_EXAMPLES", "1"))
"""Set by `make nightly`."""


def examples(count: int, **more: Any) -> settings:
    """Settings for this many examples, without a limit on the time of one."""
    return settings(max_examples=count * TIMES, deadline=None, **more)
