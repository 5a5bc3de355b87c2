"""What a user may ask of the target `cpu`. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.ir.errors import UserError

FEWEST, MOST = 2, 64


@dataclass(frozen=True)
class CpuOptions:
    """How many candidates of each kernel are measured; none, unless it is told."""

    tune: int | None = None

    def __post_init__(self) -> None:
        if self.tune is not None and not FEWEST <= self.tune <= MOST:
            raise UserError(
                f"{self.tune} is no number of candidates to measure",
                fix=f"Choose one from {FEWEST} to {MOST}: of each kernel so many are measured, and "
                "the fastest is kept.",
            )


DEFAULT = CpuOptions()
