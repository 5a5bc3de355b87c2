"""A graph together with what it needs to know of the world: pictures and the names of classes."""

from __future__ import annotations

import json
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
                raise UserError(
                    f"a picture of {self.planes} planes needs 1 or {self.planes} numbers for its "
                    f"{what}, found {len(numbers)}"
                )
        if 0.0 in self.deviation or not self.range > 0:
            raise UserError("a picture's range is positive, and its deviation is not 0")

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
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"the description of the picture {text[:80]!r} is broken") from error


@dataclass(frozen=True)
class Model:
    """What a frontend reads: a float graph, and its picture and classes, if it has any."""

    graph: Graph
    picture: Picture | None = None
    classes: tuple[str, ...] = ()
