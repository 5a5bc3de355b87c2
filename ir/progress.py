"""How long work tells of its progress, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Told what is being done, how many steps are done, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """The report that nobody hears."""
