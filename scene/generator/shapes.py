"""Silhouettes: small pictures whose pixels say which part is there, 1, 2 or 3, or 0 for nothing.

They are drawn once, in unit squares with the origin at the top left, and scaled to any size.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from sightline.ir.types import Array

SIDE = 128
CROWNS = 12
"""How many different crowns of each kind of tree there are."""

Parts = Sequence[tuple[str, int, Sequence[float]]]
"""Ellipses, boxes and polygons with their part and corners, the later above the earlier."""

_WHEELS: Parts = (("ellipse", 3, (0.1, 0.68, 0.3, 1)), ("ellipse", 3, (0.7, 0.68, 0.9, 1)))
SOLIDS: dict[str, Parts] = {
    "car": (
        ("polygon", 1, (0, 0.85, 0.02, 0.5, 0.2, 0.42, 0.34, 0.05, 0.72, 0.05, 0.86, 0.42)),
        ("polygon", 1, (0.86, 0.42, 0.98, 0.5, 1, 0.85, 0, 0.85, 0.2, 0.42)),
        ("polygon", 2, (0.26, 0.42, 0.37, 0.12, 0.5, 0.12, 0.5, 0.42)),
        ("polygon", 2, (0.54, 0.42, 0.54, 0.12, 0.69, 0.12, 0.79, 0.42)),
        *_WHEELS,
    ),
    "car front": (
        ("polygon", 1, (0.02, 0.9, 0, 0.5, 0.18, 0.05, 0.82, 0.05, 1, 0.5, 0.98, 0.9)),
        ("polygon", 2, (0.14, 0.45, 0.24, 0.12, 0.76, 0.12, 0.86, 0.45)),
        ("box", 3, (0.06, 0.85, 0.24, 1)),
        ("box", 3, (0.76, 0.85, 0.94, 1)),
        ("box", 2, (0.3, 0.6, 0.7, 0.7)),
    ),
    "van": (
        ("polygon", 1, (0, 0.88, 0, 0.05, 0.78, 0.03, 1, 0.45, 1, 0.88)),
        ("polygon", 2, (0.72, 0.4, 0.72, 0.12, 0.78, 0.12, 0.92, 0.42)),
        *_WHEELS,
    ),
    "bus": (
        ("box", 1, (0, 0.02, 1, 0.9)),
        *(("box", 2, (0.04 + 0.16 * i, 0.15, 0.16 + 0.16 * i, 0.48)) for i in range(6)),
        ("ellipse", 3, (0.12, 0.78, 0.24, 1)),
        ("ellipse", 3, (0.76, 0.78, 0.88, 1)),
    ),
    "person": (
        ("polygon", 2, (0.3, 0.5, 0.2, 1, 0.42, 1, 0.5, 0.6, 0.58, 1, 0.8, 1, 0.7, 0.5)),
        ("polygon", 1, (0.2, 0.2, 0.05, 0.55, 0.2, 0.58, 0.28, 0.4, 0.26, 0.58, 0.74, 0.58)),
        (
            "polygon",
            1,
            (0.2, 0.2, 0.74, 0.58, 0.72, 0.4, 0.8, 0.58, 0.95, 0.55, 0.8, 0.2, 0.5, 0.16),
        ),
        ("ellipse", 3, (0.34, 0, 0.66, 0.17)),
    ),
    "cow": (
        ("ellipse", 1, (0.08, 0.12, 0.8, 0.7)),
        ("polygon", 1, (0.7, 0.2, 0.88, 0.02, 1, 0.2, 0.94, 0.34, 0.78, 0.5)),
        *(("box", 2, (x, 0.55, x + 0.07, 1)) for x in (0.14, 0.26, 0.6, 0.72)),
        ("ellipse", 3, (0.3, 0.2, 0.55, 0.45)),
    ),
    "boat": (
        ("polygon", 1, (0, 0.72, 1, 0.72, 0.86, 1, 0.14, 1)),
        ("box", 2, (0.3, 0.55, 0.7, 0.72)),
        ("polygon", 3, (0.46, 0.5, 0.46, 0, 0.86, 0.5)),
        ("box", 2, (0.44, 0, 0.46, 0.72)),
    ),
    "sign": (
        ("box", 2, (0.46, 0.3, 0.54, 1)),
        ("box", 1, (0.05, 0, 0.95, 0.4)),
        ("box", 3, (0.15, 0.08, 0.85, 0.3)),
    ),
    "lamp": (
        ("box", 1, (0.4, 0.05, 0.6, 1)),
        ("ellipse", 3, (0, 0, 1, 0.1)),
    ),
}
SHAPES = (
    *SOLIDS,
    *(f"{kind} {n}" for kind in ("broadleaf", "conifer", "bush") for n in range(CROWNS)),
)


def shape(name: str) -> int:
    """The number of a shape by its name."""
    return SHAPES.index(name)


@functools.cache
def silhouettes() -> Array:
    """All shapes, [shape, row, column] in uint8."""
    rng = np.random.default_rng(1990)
    grown = [_grown(rng, kind) for kind in (_broadleaf, _conifer, _bush) for _ in range(CROWNS)]
    return np.array([*(_drawn(parts) for parts in SOLIDS.values()), *grown], np.uint8)


def _drawn(parts: Parts) -> Array:
    from PIL import Image, ImageDraw

    image = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    draw = {"ellipse": pen.ellipse, "box": pen.rectangle, "polygon": pen.polygon}
    for form, part, corners in parts:
        draw[form]([round(corner * (SIDE - 1)) for corner in corners], fill=part)
    return np.asarray(image)


Crown = Callable[[np.random.Generator, Array, Array], Array]
"""How far inside a crown each point is, positive inside, by its x and y."""


def _grown(rng: np.random.Generator, crown: Crown) -> Array:
    """A crown with a ragged edge over a trunk; bushes have none to be seen."""
    y, x = (np.indices((SIDE, SIDE)) + 0.5) / SIDE
    ragged = np.kron(rng.standard_normal((SIDE // 4, SIDE // 4)), np.ones((4, 4)))
    inside = crown(rng, x, y) + 0.035 * ragged + 0.025 * rng.standard_normal((SIDE, SIDE)) > 0
    trunk = (np.abs(x - 0.5) < rng.uniform(0.03, 0.05)) & (y > 0.5)
    return np.where(inside, 1, np.where(trunk, 2, 0))


def _broadleaf(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """The union of some round clumps of leaves."""
    clumps = zip(rng.uniform(0.25, 0.75, 7), rng.uniform(0.2, 0.58, 7), strict=True)
    reach = [0.22 - np.hypot(x - cx, y - cy) for cx, cy in clumps]
    return np.asarray(np.max([*reach, 0.25 - np.hypot(x - 0.5, y - 0.4)], axis=0))


def _conifer(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """A cone of drooping whorls."""
    width = 0.42 * y * (0.8 + 0.25 * np.mod(y * rng.integers(5, 9), 1))
    return np.where(y < 0.9, width - np.abs(x - 0.5), -1)


def _bush(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Clumps that reach the ground."""
    clumps = zip(rng.uniform(0.2, 0.8, 5), rng.uniform(0.5, 0.8, 5), strict=True)
    reach = [0.3 - np.hypot(x - cx, 0.8 * (y - cy)) for cx, cy in clumps]
    return np.asarray(np.max([*reach, 0.42 - np.hypot(x - 0.5, 0.8 * (y - 0.9))], axis=0))
