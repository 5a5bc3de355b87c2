"""What a user may ask of the target `cpu`. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.backends.tvm.tuning_options import check_candidates


@dataclass(frozen=True)
class CpuOptions:
    """How many candidates of each kernel are measured; none, unless it is told."""

    tune: int | None = None

    def __post_init__(self) -> None:
        check_candidates(self.tune)


DEFAULT = CpuOptions()
