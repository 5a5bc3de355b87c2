"""Drawing a world from a seed: streets, suburbs, open country, and the waterside."""

from __future__ import annotations

import math

import numpy as np

from sightline.scene.generator.buildings import block, house, tower
from sightline.scene.generator.palette import Palette
from sightline.scene.generator.things import (
    animals,
    boats,
    parked,
    people,
    street_furniture,
    traffic,
    trees,
)
from sightline.scene.generator.world import (
    BUILDING,
    GRASS,
    MOUNTAIN,
    ROAD,
    TREE,
    Camera,
    Ground,
    Ridge,
    Road,
    Shore,
    Sky,
    Thing,
    Walk,
    Wall,
    Weather,
    World,
)

KINDS = ("street", "suburb", "country", "waterside")
DEPTH = 220.0
"""Metres ahead to which walls and things stand."""

Random = np.random.Generator


def draw_world(seed: np.random.SeedSequence) -> World:
    """A world of one of the kinds; the same for the same seed."""
    rng = np.random.default_rng(seed)
    palette = Palette(rng)
    sky = _sky(rng, palette)
    kind = str(rng.choice(KINDS, p=(0.4, 0.22, 0.16, 0.22)))
    ground, walls, things = LAYOUTS[kind](rng, palette)
    ridges = _ridges(rng, palette, kind)
    return World(
        materials=tuple(palette.materials),
        sky=sky,
        ridges=ridges,
        ground=ground,
        walls=tuple(walls),
        things=tuple(things),
        weather=_weather(rng),
        walk=_walk(rng, kind, ground),
    )


Parts = tuple[Ground, list[Wall], list[Thing]]


def _street(rng: Random, palette: Palette) -> Parts:
    """A street between rows of buildings, with traffic, people and some trees."""
    road = _road(rng, palette, half=rng.uniform(3, 6), bend=0)
    plaza = palette.add("gray pale brown", "plain fine brick", 6)
    ground = Ground(ROAD, (plaza, plaza), road, None)
    walls: list[Wall] = []
    for side in (-1, 1):
        if rng.random() < 0.85:
            set_back = road.paved + rng.uniform(0.5, 4)
            walls += block(rng, palette, road.center, side, set_back, DEPTH)
    if rng.random() < 0.5:
        walls += tower(rng, palette, rng.normal(0, 15), rng.uniform(60, 180))
    things = [
        *traffic(rng, palette, road, DEPTH),
        *parked(rng, palette, road, DEPTH),
        *people(rng, palette, road.center, road.half, road.paved + 2, (4, 14)),
        *street_furniture(rng, palette, road, DEPTH),
        *trees(rng, palette, road.center, road.paved, road.paved + 2, (2, 20), DEPTH),
    ]
    return ground, walls, things


def _suburb(rng: Random, palette: Palette) -> Parts:
    """A winding road between lawns, houses, gardens and trees."""
    road = _road(rng, palette, half=rng.uniform(2.5, 4), bend=rng.uniform(0, 3))
    ground = Ground(GRASS, _meadow(palette), road, None)
    walls: list[Wall] = []
    for side in (-1, 1):
        z = rng.uniform(8, 20)
        while z < DEPTH * 0.7:
            walls += house(rng, palette, side * rng.uniform(9, 20), z)
            z += rng.uniform(16, 40)
    things = [
        *traffic(rng, palette, road, DEPTH),
        *parked(rng, palette, road, DEPTH),
        *people(rng, palette, road.center, road.half, road.paved + 4, (0, 5)),
        *street_furniture(rng, palette, road, DEPTH),
        *trees(rng, palette, road.center, road.paved + 1.5, 35, (10, 30), DEPTH),
    ]
    return ground, walls, things


def _country(rng: Random, palette: Palette) -> Parts:
    """Meadows, perhaps a track and a lake, scattered trees, animals, a farm."""
    track = rng.random() < 0.55
    road = (
        _road(rng, palette, half=rng.uniform(1.5, 3.5), bend=rng.uniform(0, 6)) if track else None
    )
    shore = _shore(rng, palette) if rng.random() < 0.45 else None
    ground = Ground(GRASS, _meadow(palette), road, shore)
    walls = []
    for _ in range(rng.integers(0, 3)):
        x, z = rng.normal(0, 22), rng.uniform(25, 90)
        walls += house(rng, palette, x + math.copysign(7, x), z)
    things = [
        *animals(rng, palette, (0, 8)),
        *people(rng, palette, 0, 1, 8, (0, 3)),
        *trees(rng, palette, 0, 6 if road else 2, 70, (8, 36), DEPTH),
    ]
    if road is not None:
        things += traffic(rng, palette, road, DEPTH)
    return ground, walls, _out_of(shore, things)


def _waterside(rng: Random, palette: Palette) -> Parts:
    """Open water ahead or to one side, boats on it, a bank with trees, people, perhaps a road."""
    shore = _shore(rng, palette)
    road = None
    if not shore.ahead and rng.random() < 0.6:
        road = _road(rng, palette, half=rng.uniform(2, 3.5), bend=0, center=-shore.side * 3.0)
    lawn = rng.random() < 0.6
    if lawn:
        ground = Ground(GRASS, _meadow(palette), road, shore)
    else:
        quay = palette.add("gray pale brown", "plain fine brick", 6)
        ground = Ground(ROAD, (quay, quay), road, shore)
    walls: list[Wall] = []
    if not shore.ahead and rng.random() < 0.6:
        walls += block(rng, palette, 0, -int(shore.side), rng.uniform(10, 20), DEPTH)
    things = [
        *people(rng, palette, 0, 1, 8, (0, 6)),
        *trees(rng, palette, 0, 3, 40, (3, 20), DEPTH),
    ]
    return ground, walls, [*_out_of(shore, things), *boats(rng, palette, shore, DEPTH)]


LAYOUTS = dict(zip(KINDS, (_street, _suburb, _country, _waterside), strict=True))


def _road(
    rng: Random, palette: Palette, half: float, bend: float, center: float | None = None
) -> Road:
    return Road(
        center=float(rng.normal(0, 1.5)) if center is None else center,
        half=half,
        paved=half + float(rng.uniform(0, 3)),
        bend=bend,
        period=float(rng.uniform(20, 50)),
        material=palette.add("gray gray brown", "plain fine", 5),
        pavement=palette.add("gray pale", "plain fine brick", 5),
        marking=palette.add("pale", "plain", 5),
    )


def _shore(rng: Random, palette: Palette) -> Shore:
    ahead = bool(rng.random() < 0.55)
    return Shore(
        ahead=ahead,
        side=float(rng.choice((-1, 1))),
        start=float(rng.uniform(6, 26) if ahead else rng.uniform(3, 12)),
        wobble=float(rng.uniform(0.3, 2.5)),
        material=palette.add("blue gray blue green", "ripple ripple plain", 7),
    )


def _meadow(palette: Palette) -> tuple[int, int]:
    first = palette.add("green green brown", "leaf fine", 5)
    return first, palette.add("green", "leaf fine", 5)


def _out_of(shore: Shore | None, things: list[Thing]) -> list[Thing]:
    """The things that stand on dry ground."""
    if shore is None:
        return things
    reach = shore.start - 2 * shore.wobble
    return [thing for thing in things if (thing.z if shore.ahead else shore.side * thing.x) < reach]


def _ridges(rng: Random, palette: Palette, kind: str) -> tuple[Ridge, ...]:
    """From far to near: mountains, hills, woods, a skyline."""
    ridges = []
    if rng.random() < {"street": 0.25, "suburb": 0.4, "country": 0.75, "waterside": 0.7}[kind]:
        for distance in sorted(rng.uniform(900, 3500, rng.integers(1, 3)), reverse=True):
            surface = palette.add("brown gray green blue", "rock rock leaf", 0.25 * distance)
            height = distance * rng.uniform(0.08, 0.28)
            ridges.append(_ridge(rng, MOUNTAIN, surface, distance, height, 1.6))
    if rng.random() < 0.35:
        distance = rng.uniform(300, 700)
        surface = palette.add("green brown", "leaf fine", 40)
        ridges.append(_ridge(rng, GRASS, surface, distance, distance * 0.05, 2.0))
    if rng.random() < 0.6:
        distance = rng.uniform(230, 290)
        surface = palette.add("green", "leaf", 30)
        ridges.append(_ridge(rng, TREE, surface, distance, rng.uniform(8, 30), 0.8))
    if kind in ("street", "waterside") and rng.random() < 0.4:
        surface = palette.add("gray pale blue brown", "plain brick", 30)
        ridges.append(_skyline(rng, surface))
    return tuple(ridges)


def _ridge(
    rng: Random, label: int, material: int, distance: float, height: float, slope: float
) -> Ridge:
    """A profile whose swings grow with their length to the power of `slope`."""
    count = 512
    frequency = np.fft.rfftfreq(count)
    frequency[0] = np.inf
    swing = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
    profile = np.fft.irfft(swing / np.maximum(frequency, 3 / count) ** slope, count)
    profile = (profile - profile.min()) / np.ptp(profile)
    heights = height * (0.25 + 0.75 * profile)
    return Ridge(label, material, float(distance), tuple(heights.tolist()), distance / 120)


def _skyline(rng: Random, material: int) -> Ridge:
    heights = np.repeat(rng.uniform(5, 45, 64) * (rng.random(64) < 0.85), 8)
    return Ridge(BUILDING, material, float(rng.uniform(225, 300)), tuple(heights.tolist()), 3.0)


def _sky(rng: Random, palette: Palette) -> Sky:
    material = palette.add("sky", "cloud", 1)
    cover = float(rng.choice((0.2, 0.5, 0.65, 1.0)))
    drift = rng.integers(0, 256, 2).tolist()
    return Sky(material, cover, (drift[0], drift[1]))


def _weather(rng: Random) -> Weather:
    haze = rng.uniform(0.6, 0.85)
    return Weather(
        sun=float(rng.choice((-1, 1)) * rng.uniform(0.3, 1)),
        haze=(haze, haze, haze * float(rng.uniform(1, 1.1))),
        visibility=float(np.exp(rng.uniform(np.log(400), np.log(6000)))),
        exposure=float(rng.uniform(0.75, 1.15)),
        tint=tuple(rng.normal(1, 0.03, 3).tolist()),
        shadow=float(rng.choice((0, 0.3, 0.45))),
        blur=float(rng.uniform(0.1, 0.45)),
        noise=float(rng.uniform(0.006, 0.025)),
    )


def _walk(rng: Random, kind: str, ground: Ground) -> Walk:
    lane = 0.0
    if ground.road is not None:
        lane = ground.road.center + float(rng.uniform(-1, 1)) * (ground.road.paved - 0.5)
    ahead = ground.shore is not None and ground.shore.ahead
    start = Camera(
        x=lane,
        y=float(rng.uniform(1.3, 2.6)),
        z=0.0,
        yaw=float(rng.normal(0, 0.16)),
        horizon=float(rng.uniform(0.38, 0.6)),
        focal=float(rng.uniform(0.75, 1.15)),
    )
    return Walk(
        start,
        speed=0.5 if ahead else float(rng.uniform(1, 8)),
        sway=float(rng.uniform(0, 0.3)),
        look=float(rng.uniform(0.02, 0.15)),
        period=float(rng.uniform(4, 9)),
    )
