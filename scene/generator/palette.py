"""Colours and textures that classes share: what a surface looks like never tells what it is.

Each class draws its surfaces from several of these families, and each family serves several
classes: gray is road, wall, rock, overcast sky, calm water and van; green is grass, tree, wooded
mountain and painted wall.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.scene.generator.textures import texture
from sightline.scene.generator.world import Color, Material

FAMILIES: dict[str, tuple[tuple[Color, Color], ...]] = {
    "gray": (
        ((0.25, 0.25, 0.27), (0.5, 0.5, 0.51)),
        ((0.42, 0.42, 0.42), (0.62, 0.62, 0.6)),
        ((0.55, 0.54, 0.52), (0.78, 0.77, 0.75)),
    ),
    "green": (
        ((0.08, 0.16, 0.05), (0.3, 0.42, 0.16)),
        ((0.14, 0.22, 0.06), (0.42, 0.52, 0.2)),
        ((0.2, 0.25, 0.08), (0.5, 0.52, 0.24)),
    ),
    "brown": (
        ((0.24, 0.16, 0.1), (0.5, 0.38, 0.26)),
        ((0.36, 0.26, 0.16), (0.64, 0.52, 0.36)),
        ((0.42, 0.22, 0.16), (0.66, 0.42, 0.32)),
    ),
    "blue": (
        ((0.2, 0.3, 0.42), (0.42, 0.52, 0.62)),
        ((0.3, 0.42, 0.58), (0.55, 0.66, 0.78)),
        ((0.12, 0.2, 0.32), (0.34, 0.44, 0.56)),
    ),
    "pale": (
        ((0.62, 0.6, 0.54), (0.86, 0.84, 0.78)),
        ((0.7, 0.7, 0.7), (0.95, 0.95, 0.95)),
        ((0.66, 0.56, 0.4), (0.88, 0.8, 0.64)),
    ),
    "dark": (((0.05, 0.05, 0.06), (0.2, 0.21, 0.24)), ((0.08, 0.1, 0.12), (0.3, 0.34, 0.38))),
    "bright": (
        ((0.55, 0.08, 0.08), (0.8, 0.2, 0.18)),
        ((0.1, 0.2, 0.5), (0.25, 0.4, 0.75)),
        ((0.7, 0.55, 0.1), (0.9, 0.78, 0.25)),
    ),
    "skin": (((0.45, 0.3, 0.22), (0.85, 0.65, 0.52)),),
    "sky": (
        ((0.28, 0.48, 0.82), (0.86, 0.9, 0.95)),
        ((0.4, 0.58, 0.82), (0.92, 0.93, 0.94)),
        ((0.55, 0.62, 0.7), (0.88, 0.88, 0.88)),
        ((0.6, 0.5, 0.5), (0.95, 0.8, 0.65)),
    ),
}


@dataclass
class Palette:
    """The materials of one world, drawn at random and told apart by number."""

    rng: np.random.Generator
    materials: list[Material] = field(default_factory=list)

    def add(self, families: str, textures: str, size: float, contrast: float = 1.0) -> int:
        """A material of one of the families and one of the textures (words); its number."""
        rng = self.rng
        shades = FAMILIES[str(rng.choice(families.split()))]
        dark, light = shades[rng.integers(len(shades))]
        tint = rng.normal(0, 0.025, 3) + rng.normal(0, 0.04)
        number = texture(str(rng.choice(textures.split())))
        self.materials.append(
            Material(
                number,
                _moved(dark, tint),
                _moved(light, tint),
                size * float(rng.uniform(0.7, 1.4)),
                contrast * float(rng.uniform(0.6, 1.1)),
            )
        )
        return len(self.materials) - 1


def _moved(color: Color, by: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Color:
    red, green, blue = (np.array(color) + by).clip(0, 1).tolist()
    return red, green, blue
