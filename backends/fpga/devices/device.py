"""What a plan must know of a chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["xc6v", "xc7", "ecp5"]
"""As Yosys names them."""


@dataclass(frozen=True)
class Device:
    """A chip: what it holds, and what its DSP blocks can do."""

    name: str
    told: str
    """The name that a reader knows it by."""
    family: Family
    dsp: int
    bram36: int
    """Block RAMs of 36 kbit; smaller ones count by their part."""
    lut: int
    ff: int
    packed_products: int
    """Products of 8 bits that one DSP block makes in a cycle: two where a pre-adder joins two
    weights in one factor of 25 bits."""
    cascade: int
    """The DSP blocks that add to each other before fabric takes over."""
    dsp_bits: tuple[int, int]
    """The signed factors that a DSP block multiplies."""
    clock_mhz: int
    """The clock that a design is assumed to run at, where the user names none."""
