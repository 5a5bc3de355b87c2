"""How many candidates a user may have measured. Nothing heavy is imported here."""

from __future__ import annotations

from sightline.ir.errors import UserError

FEWEST, MOST = 2, 64


def check_candidates(count: int | None) -> None:
    """Refuse what is no number of candidates; none is."""
    if count is None:
        return
    if type(count) is not int or not FEWEST <= count <= MOST:
        raise UserError(
            f"{count!r} is no number of candidates to measure",
            fix=f"Choose one from {FEWEST} to {MOST}: of each kernel so many are measured, and the "
            "fastest is kept.",
        )
