"""What a user may ask of an accelerator. Nothing heavy is imported here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sightline.backends.fpga import devices
from sightline.ir.errors import UserError

OBJECTIVES = ("interval", "latency")


@dataclass(frozen=True)
class PlanOptions:
    """What a plan is to meet.

    `device` names the chip, `max_multipliers` the most multipliers, below what the chip has. With
    `fps`, the smallest accelerator is made that computes so many frames in a second of `clock_mhz`;
    else the one of the smallest `objective`: the interval between frames, or the latency of one.
    """

    device: str = "xc6vlx240t"
    max_multipliers: int | None = None
    fps: float | None = None
    clock_mhz: float | None = None
    objective: str = "interval"

    def __post_init__(self) -> None:
        devices.device(self.device)
        if self.max_multipliers is not None and self.max_multipliers < 1:
            raise UserError(
                f"an accelerator of {self.max_multipliers} multipliers is asked for, and 1 is the "
                "least"
            )
        for what, value in (("frames a second", self.fps), ("MHz", self.clock_mhz)):
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"{value:g} {what} are asked for", fix="Give a number above 0.")
        if self.objective not in OBJECTIVES:
            raise UserError(
                f"there is no objective '{self.objective}'",
                fix=f"Choose from {', '.join(OBJECTIVES)}.",
            )

    @property
    def clock(self) -> float:
        """MHz: as given, or what the chip is assumed to run at."""
        assumed = float(devices.device(self.device).clock_mhz)
        return assumed if self.clock_mhz is None else self.clock_mhz


@dataclass(frozen=True)
class FpgaOptions(PlanOptions):
    """All that the target `fpga` is told.

    `begin` names values of the graph of integers: the accelerator computes what follows them, and
    the host what lies before. Without any, it begins where the inputs are quantized.
    """

    begin: tuple[str, ...] = ()
