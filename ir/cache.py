"""Where what took long to make is kept for the next time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """`~/.cache/sightline/KIND`, or a folder in the one that SIGHTLINE_CACHE names."""
    named = os.environ.get("SIGHTLINE_CACHE")
    base = Path(named) if named else Path.home() / ".cache" / "sightline"
    return base.absolute() / kind
