"""A graph together with what it needs to know of the world: pictures and the names of classes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from sightline.ir.errors import UserError
from sightline.ir.graph import Graph

COLORS = {"gray": 1, "rgb": 3, "bgr": 3, "yuv": 3, "yuvd": 4}
"""The orders of colour planes, and how many each has; d is depth."""


@dataclass(frozen=True)
class Picture:
    """How a picture becomes the input `[1, C, H, W]`: its planes, then (plane - mean) / deviation.

    Planes hold numbers from 0 to `range`; Y, U and V are those of ITU-R BT.601, U and V about 0.
    `mean` and `deviation` have one number for all planes, or one each.
    """

    colors: str = "rgb"
    range: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if self.colors not in COLORS:
            raise UserError(
                f"the colours '{self.colors}' are unknown", fix=f"Use one of {', '.join(COLORS)}."
            )
        for what, numbers in (("mean", self.mean), ("deviation", self.deviation)):
            if len(numbers) not in (1, self.planes):
                wanted = "1 number" if self.planes == 1 else f"1 or {self.planes} numbers"
                raise UserError(
                    f"pictures as {self.colors} need {wanted} for their {what}, found "
                    f"{len(numbers)}"
                )
            for number in numbers:
                if not math.isfinite(number):
                    raise UserError(f"the {what} of pictures is finite, not {number}")
        if 0.0 in self.deviation:
            raise UserError("the deviation of pictures, which divides them, is 0")
        if not 0 < self.range < math.inf:
            raise UserError(f"the range of pictures is positive and finite, not {self.range:g}")

    @property
    def planes(self) -> int:
        return COLORS[self.colors]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Picture:
        try:
            fields = json.loads(text)
            return cls(
                str(fields["colors"]),
                float(fields["range"]),
                tuple(map(float, fields["mean"])),
                tuple(map(float, fields["deviation"])),
            )
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise UserError(f"the description of the picture {text[:80]!r} is broken") from error


@dataclass(frozen=True)
class Model:
    """A graph, and its picture and classes, if it has any.

    `original` is the float graph that a quantized one was made of, if that is known: the values of
    both go by the same names.
    """

    graph: Graph
    picture: Picture | None = None
    classes: tuple[str, ...] = ()
    original: Graph | None = None
