"""Packages that only parts of scene labeling need, and what to install where one is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sightline.ir.errors import UserError


@contextlib.contextmanager
def installed_by(extra: str, what: str) -> Iterator[None]:
    """Around imports that `what` needs: a missing package is told with the extra that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sightline"):
            raise
        raise UserError(
            f"{what} needs the package {error.name}, which is not installed",
            fix=f"Install it with: pip install 'sightline[{extra}]'.",
        ) from error
