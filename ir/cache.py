"""Where what took long to make is kept for the next time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightline.ir.errors import UserError


def cache_folder(kind: str) -> Path:
    """`~/.cache/sightline/KIND`, or a folder in the one that SIGHTLINE_CACHE names."""
    named = os.environ.get("SIGHTLINE_CACHE")
    base = Path(named) if named else Path.home() / ".cache" / "sightline"
    return base.absolute() / kind


@contextmanager
def half_made(folder: Path) -> Iterator[Path]:
    """A folder within another for what has no name yet; it goes, unless it was renamed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(
            prefix="half-made-", dir=folder, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise UserError(
            f"what is built cannot be kept in the folder '{folder}': {error.strerror}",
            fix="Name another place in the variable SIGHTLINE_CACHE.",
        ) from error
    with work as name:
        yield Path(name)
