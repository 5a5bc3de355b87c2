"""Results as pictures: labels in colour, maps in gray, features as a montage."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sightline.ir.errors import UserError
from sightline.ir.types import Array
from sightline.picture import MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

MAX_LABELS = 256
_SMALLEST_TILE = 48
_GAP = 2
_BACKGROUND = 24

_FIRST_COLORS = (
    (120, 190, 240),  # the first eight suit sky, tree, road, grass, water, building,
    (30, 100, 45),  # mountain and foreground, the classes of the Stanford Background set
    (110, 110, 120),
    (140, 200, 80),
    (40, 80, 190),
    (190, 75, 60),
    (140, 100, 60),
    (250, 200, 50),
)


def palette() -> list[tuple[int, int, int]]:
    """A fixed colour for each label: eight chosen, then hues a golden section apart."""
    colors = list(_FIRST_COLORS)
    for index in range(MAX_LABELS - len(colors)):
        hue = (index * (math.sqrt(5) - 1) / 2) % 1
        saturation, value = (0.85, 0.5, 0.65)[index % 3], (0.95, 0.8, 0.55)[index // 3 % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colors


def draw_labels(labels: Array) -> Image.Image:
    """A label map `[H, W]` in colour. The file's pixel values are the labels themselves."""
    from PIL import Image

    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= MAX_LABELS:
        raise UserError(
            f"labels from {lowest} to {highest} do not all have a colour; 0 to {MAX_LABELS - 1} do",
            fix="Write a .npy file instead.",
        )
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette([level for color in palette() for level in color])
    return image


def draw_map(values: Array) -> Image.Image:
    """A map `[H, W]` in gray, its smallest number black and its largest white."""
    from PIL import Image

    return Image.fromarray(_gray_levels(values))


@dataclass(frozen=True)
class Montage:
    """Where `count` maps stand on a sheet that is about square; small ones are enlarged."""

    count: int
    height: int
    width: int

    def __post_init__(self) -> None:
        height, width = self.size
        if height * width > MAX_PIXELS:
            raise UserError(
                f"{self.count} maps of {self.width}x{self.height} make a picture of "
                f"{width}x{height} pixels, and {MAX_PIXELS:,} are the most",
                fix="Write a .npy file instead.",
            )

    @property
    def zoom(self) -> int:
        return max(1, -(-_SMALLEST_TILE // max(self.height, self.width)))

    @property
    def columns(self) -> int:
        return math.ceil(math.sqrt(self.count))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the sheet: where a map below, and one to the right, would begin."""
        rows = -(-self.count // self.columns)
        return self._at(rows, self.columns)

    def corner(self, index: int) -> tuple[int, int]:
        """Top and left of a map."""
        return self._at(index // self.columns, index % self.columns)

    def _at(self, row: int, column: int) -> tuple[int, int]:
        tile_height, tile_width = self.height * self.zoom + _GAP, self.width * self.zoom + _GAP
        return row * tile_height + _GAP, column * tile_width + _GAP


def draw_montage(maps: Array) -> Image.Image:
    """Maps `[C, H, W]` side by side, row by row, all on one scale from black to white."""
    from PIL import Image

    montage = Montage(*maps.shape)
    sheet = np.full(montage.size, _BACKGROUND, np.uint8)
    for index, levels in enumerate(_gray_levels(maps)):
        top, left = montage.corner(index)
        large = levels.repeat(montage.zoom, 0).repeat(montage.zoom, 1)
        sheet[top : top + large.shape[0], left : left + large.shape[1]] = large
    return Image.fromarray(sheet)


def _gray_levels(values: Array) -> Array:
    """0 to 255 over the range of the numbers; what is not finite is black."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    low, high = float(values[finite].min()), float(values[finite].max())
    scaled = np.where(finite, values, low).astype(np.float64) - low
    levels: Array = np.round(255 / ((high - low) or 1.0) * scaled).astype(np.uint8)
    return levels
