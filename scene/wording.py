"""Words for numbers of things, and names that a picture can show."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def printable(name: str) -> str:
    """A name out of a model or a path, which could hold anything, in one line that fonts know."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
