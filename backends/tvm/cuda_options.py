"""What a user may ask of the target `cuda`. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.backends.tvm.tuning_options import check_candidates
from sightline.ir.errors import UserError

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_87", "sm_89", "sm_90", "sm_100", "sm_103", "sm_120")
DEFAULT_ARCHITECTURE = "sm_90"
OLDEST = 75
FIRST_TENSOR_CORES = 80
"""The first architecture that multiplies tiles of the sizes that we use."""


@dataclass(frozen=True)
class CudaOptions:
    """The devices that the code is for, and whether filter banks may multiply in 16 bits.

    And how many candidates of each kernel are measured; none, unless it is told.
    """

    arch: str = DEFAULT_ARCHITECTURE
    half: bool = False
    tune: int | None = None

    def __post_init__(self) -> None:
        check_candidates(self.tune)
        if self.arch not in ARCHITECTURES:
            raise UserError(
                f"there is no architecture '{self.arch}' of CUDA devices",
                fix=f"Choose from {', '.join(ARCHITECTURES)}; code for one runs on later ones too.",
            )
        if not isinstance(self.half, bool):
            raise UserError(f"half is {self.half!r}", fix="Choose True or False.")
        if self.half and not self.has_tensor_cores:
            raise UserError(
                f"products in 16 bits need tensor cores that {self.arch} does not have",
                fix=f"Leave out half, or name an architecture from sm_{FIRST_TENSOR_CORES} on.",
            )

    @property
    def number(self) -> int:
        """90 for `sm_90`."""
        return int(self.arch.removeprefix("sm_"))

    @property
    def has_tensor_cores(self) -> bool:
        return self.number >= FIRST_TENSOR_CORES


DEFAULT = CudaOptions()
