"""How real numbers are kept as integers, as an attribute of the ops whose results are so kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sightline.ir import fixed
from sightline.ir.attribute import Attribute
from sightline.ir.errors import UserError
from sightline.ir.types import Int, Quant


@dataclass(frozen=True)
class Encoding(Attribute):
    """Integers of `bits` that stand for scale * (integer - zero_point)."""

    bits: int
    scale: float
    zero_point: int = 0
    signed: bool = True

    KEYS: ClassVar[tuple[str, ...]] = ("bits", "scale", "zero_point", "signed")

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 32:
            raise UserError(f"quantized values have 2 to 32 bits, not {self.bits}")
        if not 0 < self.scale < math.inf:
            raise UserError(f"a scale is positive and finite, not {self.scale!r}")
        storage = self.storage
        if not storage.low <= self.zero_point <= storage.high:
            raise UserError(f"the zero point {self.zero_point} lies outside {storage}")

    @property
    def storage(self) -> Int:
        return Int(self.bits, self.signed)

    @property
    def element(self) -> Quant:
        return Quant(self.storage, self.scale, self.zero_point)

    def code(self, real: float) -> int:
        """The integer that stands for a number, or the nearest there is."""
        return int(fixed.quantize(np.array([real]), self.scale, self.zero_point, self.storage)[0])

    @classmethod
    def of(cls, element: Quant) -> Self:
        return cls(element.storage.bits, element.scale, element.zero_point, element.storage.signed)

    def to_attributes(self) -> dict[str, Any]:
        listed: dict[str, Any] = {"bits": self.bits, "scale": self.scale}
        if self.zero_point:
            listed["zero_point"] = self.zero_point
        if not self.signed:
            listed["signed"] = False
        return listed

    @classmethod
    def from_attributes(cls, attributes: dict[str, Any]) -> Self:
        for key in ("bits", "scale"):
            if key not in attributes:
                raise UserError(f"an encoding lacks its {key}")
        kinds: dict[str, tuple[type, ...]] = {
            "bits": (int,),
            "scale": (int, float),
            "zero_point": (int,),
            "signed": (bool,),
        }
        for key, value in attributes.items():
            if not isinstance(value, kinds[key]) or (key != "signed" and isinstance(value, bool)):
                raise UserError(f"an encoding cannot have {key}={value!r}")
        return cls(**attributes | {"scale": float(attributes["scale"])})
