"""What stands or moves about: trees, vehicles, people, animals, boats, lamps and signs."""

from __future__ import annotations

import numpy as np

from sightline.scene.generator.palette import Palette
from sightline.scene.generator.shapes import CROWNS, shape
from sightline.scene.generator.world import FOREGROUND, TREE, Road, Shore, Thing

Random = np.random.Generator

VEHICLES = {
    "car": (4.3, 1.5),
    "car front": (1.9, 1.5),
    "van": (5.2, 2.4),
    "bus": (10.5, 3.1),
}
"""Width and height in metres of vehicles as their pictures show them."""

_PAINT = "gray pale bright dark blue green"


def trees(
    rng: Random,
    palette: Palette,
    center: float,
    nearest: float,
    farthest: float,
    counts: tuple[int, int],
    depth: float,
) -> list[Thing]:
    """Trees and bushes of two or three species on both sides of a line along z."""
    trunk = palette.add("brown dark gray", "fine rock", 3)
    species = [
        (str(rng.choice(("broadleaf", "broadleaf", "conifer", "bush"))), _leaves(palette))
        for _ in range(3)
    ]
    grown = []
    for _ in range(rng.integers(*counts)):
        kind, leaves = species[rng.integers(len(species))]
        height = float(rng.uniform(1, 2.2) if kind == "bush" else rng.uniform(5, 16))
        aside = float(rng.choice((-1, 1)) * rng.uniform(nearest, farthest))
        grown.append(
            Thing(
                TREE,
                shape(f"{kind} {rng.integers(CROWNS)}"),
                center + aside,
                float(7 + (depth - 7) * rng.random() ** 1.6),
                height * float({"conifer": 0.5, "bush": 1.6}.get(kind, 0.85)),
                height,
                (leaves, trunk, trunk),
                light=float(rng.uniform(0.75, 1.1)),
            )
        )
    return grown


def _leaves(palette: Palette) -> int:
    return palette.add("green green green brown", "leaf leaf fine", 5, 1.1)


def traffic(rng: Random, palette: Palette, road: Road, depth: float) -> list[Thing]:
    """Vehicles that come or go along the lanes, seen from before or behind."""
    found = []
    for _ in range(rng.integers(1, 6)):
        lane = float(rng.choice((-0.5, 0.5)))
        z = float(7 + (depth - 7) * rng.random() ** 2)
        x = road.center + lane * road.half + road.bend * float(np.sin(z / road.period))
        speed = float(rng.uniform(2, 9)) * (1 if lane > 0 else -1)
        found.append(_vehicle(rng, palette, "car front", x, z, (0.0, speed)))
    return found


def parked(rng: Random, palette: Palette, road: Road, depth: float) -> list[Thing]:
    """Vehicles at the kerb, some of them seen from the side."""
    found = []
    for _ in range(rng.integers(1, 9)):
        z = float(5 + (depth - 5) * rng.random() ** 2)
        x = road.center + float(rng.choice((-1, 1))) * road.paved
        x += road.bend * float(np.sin(z / road.period))
        kind = str(rng.choice(list(VEHICLES), p=(0.4, 0.25, 0.25, 0.1)))
        found.append(_vehicle(rng, palette, kind, x, z, (0.0, 0.0)))
    return found


def _vehicle(
    rng: Random, palette: Palette, kind: str, x: float, z: float, velocity: tuple[float, float]
) -> Thing:
    width, height = VEHICLES[kind]
    materials = (
        palette.add(_PAINT, "plain", 4, 0.7),
        palette.add("dark", "plain", 4),
        palette.add("dark", "plain", 4),
    )
    return Thing(FOREGROUND, shape(kind), x, z, width, height, materials, velocity)


def people(
    rng: Random,
    palette: Palette,
    center: float,
    nearest: float,
    farthest: float,
    counts: tuple[int, int],
) -> list[Thing]:
    """People who stand or walk beside the road."""
    skin = palette.add("skin", "plain", 3)
    found = []
    for _ in range(rng.integers(*counts)):
        aside = float(rng.choice((-1, 1)) * rng.uniform(nearest, farthest))
        height = float(rng.uniform(1.5, 1.9))
        clothes = palette.add("bright dark pale green gray", "plain fine", 3)
        trousers = palette.add("dark blue brown gray", "plain fine", 3)
        found.append(
            Thing(
                FOREGROUND,
                shape("person"),
                center + aside,
                float(3 + 30 * rng.random() ** 1.8),
                height * 0.36,
                height,
                (clothes, trousers, skin),
                (0.0, float(rng.normal(0, 0.8))),
            )
        )
    return found


def animals(rng: Random, palette: Palette, counts: tuple[int, int]) -> list[Thing]:
    """A herd on the meadow."""
    hide = palette.add("brown pale dark", "plain fine", 3)
    patch = palette.add("dark pale", "plain", 3)
    middle = rng.normal(0, 6), rng.uniform(9, 35)
    return [
        Thing(
            FOREGROUND,
            shape("cow"),
            float(rng.normal(middle[0], 6)),
            float(max(5, rng.normal(middle[1], 7))),
            2.2,
            1.45,
            (hide, hide, patch),
            (float(rng.normal(0, 0.2)), 0.0),
        )
        for _ in range(rng.integers(*counts))
    ]


def boats(rng: Random, palette: Palette, shore: Shore, depth: float) -> list[Thing]:
    """Boats beyond the shore."""
    found = []
    for _ in range(rng.integers(0, 6)):
        hull = palette.add("pale bright brown", "plain", 3)
        cabin = palette.add("brown pale dark", "plain", 3)
        sail = palette.add("pale pale bright", "plain", 3)
        out = shore.start + 4 * shore.wobble + 4 + 45 * rng.random()
        if shore.ahead:
            x, z = float(rng.normal(0, 0.4 * out)), float(out)
        else:
            x, z = shore.side * float(out), float(rng.uniform(10, depth / 2))
        size = float(rng.uniform(3, 8))
        found.append(
            Thing(FOREGROUND, shape("boat"), x, z, size, size, (hull, cabin, sail), (0.3, 0.0))
        )
    return found


def street_furniture(rng: Random, palette: Palette, road: Road, depth: float) -> list[Thing]:
    """Lamps at even distances, and a few signs."""
    metal = palette.add("dark gray green", "plain", 3)
    plate = palette.add("bright pale blue", "plain", 3)
    inner = palette.add("pale dark", "plain", 3)
    found = []
    side = float(rng.choice((-1, 1)))
    if rng.random() < 0.6:
        for z in np.arange(rng.uniform(6, 18), depth / 2, rng.uniform(15, 30)).tolist():
            x = road.center + side * (road.paved + 0.3) + road.bend * float(np.sin(z / road.period))
            materials = (metal, metal, inner)
            found.append(Thing(FOREGROUND, shape("lamp"), x, z, 0.5, 5.5, materials))
    for _ in range(rng.integers(0, 3)):
        z = float(rng.uniform(5, 40))
        x = road.center - side * (road.paved + 0.5)
        materials = (plate, metal, inner)
        found.append(Thing(FOREGROUND, shape("sign"), x, z, 0.9, 2.6, materials))
    return found
