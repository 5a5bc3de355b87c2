"""Buildings as upright walls: rows along a street, houses with gables, towers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.scene.generator.palette import Palette
from sightline.scene.generator.world import Wall

Random = np.random.Generator


@dataclass(frozen=True)
class Style:
    """What the walls of one building have in common."""

    height: float
    gable: float
    eaves: float
    material: int
    window: int
    roof: int
    spacing: tuple[float, float]
    opening: tuple[float, float]


def block(
    rng: Random, palette: Palette, center: float, side: int, set_back: float, depth: float
) -> list[Wall]:
    """A row of buildings along one side of a street, with gaps here and there."""
    walls: list[Wall] = []
    z = float(rng.uniform(-10, 6))
    while z < depth * 0.8:
        length = float(rng.uniform(8, 26))
        if rng.random() < 0.88:
            style = _style(rng, palette, float(rng.uniform(5, 24)))
            inner = center + side * (set_back + float(rng.uniform(0, 1.2)))
            outer = inner + side * float(rng.uniform(9, 15))
            walls += _box(rng, style, min(inner, outer), max(inner, outer), z, z + length)
        z += length + float(rng.choice((0, 0, 3, 8)))
    return walls


def house(rng: Random, palette: Palette, x: float, z: float) -> list[Wall]:
    """A house with a gable toward the camera, or a roof along it."""
    style = _style(rng, palette, float(rng.uniform(4, 8)), gabled=True)
    wide, deep = rng.uniform(3.5, 7, 2).tolist()
    return _box(rng, style, x - wide, x + wide, z, z + 2 * deep)


def tower(rng: Random, palette: Palette, x: float, z: float) -> list[Wall]:
    """A tall building that stands free."""
    style = _style(rng, palette, float(rng.uniform(25, 70)))
    wide = float(rng.uniform(6, 14))
    return _box(rng, style, x - wide, x + wide, z, z + 2 * wide)


def _style(rng: Random, palette: Palette, height: float, gabled: bool = False) -> Style:
    roofed = gabled or rng.random() < 0.4
    return Style(
        height=height,
        gable=float(rng.uniform(1.5, 3)) if gabled else 0.0,
        eaves=height - (0.0 if gabled else float(rng.uniform(0.5, 2.5))) if roofed else height,
        material=palette.add("gray pale brown blue green", "plain plain fine brick", 4, 0.8),
        window=palette.add("dark blue dark", "plain", 4),
        roof=palette.add("brown dark gray", "fine brick plain", 4),
        spacing=(float(rng.uniform(1.8, 4.5)), float(rng.uniform(2.6, 3.6))),
        opening=(float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.35, 0.65)))
        if rng.random() < 0.8
        else (0.0, 0.0),
    )


def _box(
    rng: Random, style: Style, left: float, right: float, front: float, back: float
) -> list[Wall]:
    """The four walls around a rectangle, each listed left to right as seen from outside."""
    corners = ((left, front), (right, front), (right, back), (left, back))
    lights = rng.uniform(0.65, 1.05, 4)
    return [
        Wall(
            *corners[n],
            *corners[(n + 1) % 4],
            style.height,
            style.gable if n % 2 == 0 else 0.0,
            style.eaves,
            style.material,
            style.window,
            style.roof,
            style.spacing,
            style.opening,
            float(lights[n]),
        )
        for n in range(4)
    ]
