"""The names of classes: what was learned by some names is not measured by others."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.ir.errors import UserError


def require_equal_classes(
    one: str, named: Sequence[str], other: str, wanted: Sequence[str], *, fix: str, where: str = ""
) -> None:
    """Refuse two that differ, told with what has them, as "the frames have"."""
    if tuple(named) != tuple(wanted):
        raise UserError(
            f"{one} {len(named)} classes ({', '.join(named)}), but {other} {len(wanted)} "
            f"({', '.join(wanted)})",
            fix=fix,
            where=where,
        )
