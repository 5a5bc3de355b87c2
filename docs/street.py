"""Draws docs/street.png, the picture that ships with the repository: a street on a clear day.

    python docs/street.py [OUT.png]

Drawn at four times its size and reduced, for smooth edges; the texture comes from a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, SCALE = 320, 240, 4
HORIZON = 128

Color = tuple[int, int, int]
Point = tuple[float, float]


class Canvas:
    """A drawing surface in the coordinates of the finished picture."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE))
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: list[Point], color: Color) -> None:
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=color)

    def box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], color)

    def disc(self, x: float, y: float, radius: float, color: Color, flat: float = 1.0) -> None:
        corners = (x - radius, y - radius * flat, x + radius, y + radius * flat)
        self.pen.ellipse([corner * SCALE for corner in corners], fill=color)


def draw_sky(canvas: Canvas) -> None:
    for y in range(HORIZON + 4):
        part = y / HORIZON
        canvas.box(0, y, WIDTH, y + 1, (int(96 + 110 * part), int(158 + 66 * part), 236))
    for x, y, size in ((70, 34, 13), (182, 22, 9), (250, 46, 10)):
        for dx, dy, part in ((-1.4, 0.25, 0.7), (0, -0.1, 1.0), (1.3, 0.2, 0.8), (2.3, 0.4, 0.5)):
            canvas.disc(x + dx * size, y + dy * size, part * size, (244, 247, 252), 0.62)


def draw_ground(canvas: Canvas) -> None:
    canvas.box(0, HORIZON, WIDTH, HEIGHT, (104, 142, 74))
    left, right = (150.0, float(HORIZON)), (170.0, float(HORIZON))
    canvas.polygon([left, right, (395, HEIGHT), (-75, HEIGHT)], (168, 163, 155))
    canvas.polygon([(152, HORIZON), (168, HORIZON), (345, HEIGHT), (-25, HEIGHT)], (84, 86, 92))
    for near, far in ((1.0, 0.72), (0.55, 0.40), (0.31, 0.23), (0.18, 0.135), (0.1, 0.075)):
        y0, y1 = (HORIZON + part * (HEIGHT - HORIZON) for part in (near, far))
        canvas.polygon(
            [(160 - 5 * near, y0), (160 + 5 * near, y0), (160 + 5 * far, y1), (160 - 5 * far, y1)],
            (226, 222, 204),
        )


def draw_building(
    canvas: Canvas,
    side: int,
    x: float,
    size: tuple[float, float],
    wall: Color,
    storeys: int,
    bays: int,
) -> None:
    """A house front that runs toward the vanishing point; `side` is -1 on the left, 1 right."""
    width, top = size
    near, far = x, x - side * width

    def at(along: float, up: float) -> Point:
        """A point of the front: 0..1 toward the horizon, 0..1 from foot to eaves."""
        px = near + (far - near) * along
        depth = abs(px - 160) / 160
        foot, eaves = HORIZON + 66 * depth, HORIZON - (HORIZON - top) * depth / (abs(x - 160) / 160)
        return px, foot + (eaves - foot) * up

    def panel(a0: float, a1: float, u0: float, u1: float, color: Color) -> None:
        canvas.polygon([at(a0, u0), at(a1, u0), at(a1, u1), at(a0, u1)], color)

    panel(0, 1, 0, 1, wall)
    panel(0, 1, 0.97, 1.03, shade(wall, 0.62))
    for storey in range(storeys):
        low = (storey + 0.32) / storeys
        for bay in range(bays):
            a = (bay + 0.25) / bays
            if storey == 0 and bay % 2:
                panel(a, a + 0.42 / bays, 0, 0.72 / storeys, shade(wall, 0.42))
                continue
            panel(
                a - 0.04 / bays, a + 0.54 / bays, low - 0.03, low + 0.48 / storeys, (232, 226, 212)
            )
            panel(a, a + 0.5 / bays, low, low + 0.44 / storeys, (58, 76, 98))


def draw_tree(canvas: Canvas, x: float, foot: float, size: float) -> None:
    canvas.disc(x, foot, 0.7 * size, (74, 104, 56), 0.16)
    canvas.box(x - 0.09 * size, foot - 1.1 * size, x + 0.09 * size, foot, (92, 68, 46))
    for dx, dy, radius, light in (
        (-0.42, -1.25, 0.50, 0.80),
        (0.44, -1.30, 0.48, 0.86),
        (0.0, -1.62, 0.62, 1.0),
        (-0.18, -1.85, 0.34, 1.18),
    ):
        canvas.disc(x + dx * size, foot + dy * size, radius * size, shade((52, 108, 48), light))


def draw_car(canvas: Canvas, x: float, foot: float, size: float, paint: Color) -> None:
    """A car seen from behind."""
    canvas.disc(x, foot, 0.62 * size, (52, 53, 58), 0.13)
    for dx in (-0.40, 0.40):
        canvas.box(
            x + (dx - 0.09) * size, foot - 0.2 * size, x + (dx + 0.09) * size, foot, (26, 26, 30)
        )
    canvas.polygon(
        body(x, foot, size, ((-0.36, 0.46), (-0.26, 0.80), (0.26, 0.80), (0.36, 0.46))),
        shade(paint, 0.8),
    )
    canvas.polygon(
        body(x, foot, size, ((-0.29, 0.48), (-0.22, 0.74), (0.22, 0.74), (0.29, 0.48))),
        (150, 182, 206),
    )
    canvas.polygon(
        body(
            x,
            foot,
            size,
            ((-0.50, 0.12), (-0.50, 0.40), (-0.42, 0.50), (0.42, 0.50), (0.50, 0.40), (0.50, 0.12)),
        ),
        paint,
    )
    for dx in (-0.40, 0.40):
        canvas.disc(x + dx * size, foot - 0.36 * size, 0.06 * size, (250, 214, 90))
    canvas.box(
        x - 0.13 * size, foot - 0.3 * size, x + 0.13 * size, foot - 0.22 * size, (240, 240, 236)
    )


def body(x: float, foot: float, size: float, outline: tuple[Point, ...]) -> list[Point]:
    return [(x + dx * size, foot - up * size) for dx, up in outline]


def shade(color: Color, light: float) -> Color:
    red, green, blue = (min(255, round(level * light)) for level in color)
    return red, green, blue


def street() -> Image.Image:
    """The whole picture, back to front."""
    canvas = Canvas()
    draw_sky(canvas)
    draw_ground(canvas)
    for side, x, width, top, wall, storeys, bays in (
        (1, 216.0, 40.0, 92.0, (176, 150, 122), 4, 3),
        (-1, 104.0, 42.0, 84.0, (158, 96, 78), 4, 3),
        (1, 330.0, 112.0, 8.0, (196, 122, 88), 4, 5),
        (-1, -14.0, 116.0, 22.0, (206, 188, 152), 3, 5),
    ):
        draw_building(canvas, side, x, (width, top), wall, storeys, bays)
    for x, foot, size in ((118, 148, 13), (204, 149, 13), (96, 160, 21), (236, 168, 25)):
        draw_tree(canvas, x, foot, size)
    draw_car(canvas, 172, 152, 15, (222, 222, 226))
    draw_car(canvas, 208, 206, 58, (188, 44, 40))
    return textured(canvas.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def textured(image: Image.Image) -> Image.Image:
    """A little grain, stronger on the ground than in the sky."""
    rng = np.random.default_rng(2011)
    strength = np.where(np.arange(HEIGHT) < HORIZON, 1.5, 4.0)[:, None, None]
    grain = strength * rng.standard_normal((HEIGHT, WIDTH, 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).round().astype(np.uint8))


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("street.png")
    street().save(out, optimize=True)
