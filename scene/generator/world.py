"""What a world is: data alone, in metres, with x to the right, y up and z ahead.

A layout draws it from a seed; the renderer paints it. All of it stands still but the camera and the
things that have a velocity.
"""

from __future__ import annotations

from dataclasses import dataclass

SKY, TREE, ROAD, GRASS, WATER, BUILDING, MOUNTAIN, FOREGROUND = range(8)
"""The labels, in the order of `sightline.models.scene.STANFORD`."""

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """A surface: its texture runs from `dark` to `light`, a tile of it `size` metres wide."""

    texture: int
    dark: Color
    light: Color
    size: float
    contrast: float = 1.0


@dataclass(frozen=True)
class Camera:
    """An upright camera at a time: where it is, and which way and how steeply it looks.

    `horizon` is the row of the horizon over the height of the picture: the lens is shifted, not
    tilted, so what stands upright stays upright.
    """

    x: float
    y: float
    z: float
    yaw: float
    horizon: float
    focal: float
    """Focal length over the width of the picture."""


@dataclass(frozen=True)
class Walk:
    """How the camera moves: ahead at a speed, swaying to the sides, looking around."""

    start: Camera
    speed: float
    sway: float
    look: float
    period: float


@dataclass(frozen=True)
class Ridge:
    """A silhouette far away: the heights in metres at even steps of `step` metres along x."""

    label: int
    material: int
    distance: float
    heights: tuple[float, ...]
    step: float


@dataclass(frozen=True)
class Road:
    """A road that winds ahead: centre, half width, half width with pavements."""

    center: float
    half: float
    paved: float
    bend: float
    period: float
    material: int
    pavement: int
    marking: int


@dataclass(frozen=True)
class Shore:
    """Water where `side` x `x` (or, if `ahead`, z) is beyond a winding line at `start` metres."""

    ahead: bool
    side: float
    start: float
    wobble: float
    material: int


@dataclass(frozen=True)
class Ground:
    """The plane y = 0: what lies beside road and water, in patches of two materials."""

    label: int
    materials: tuple[int, int]
    road: Road | None
    shore: Shore | None


@dataclass(frozen=True)
class Wall:
    """An upright quadrangle from (x0, z0) to (x1, z1), seen with x0 to the left of x1.

    Windows stand in a grid of `spacing` metres, filling `opening` of it. A gable rises above the
    wall to a point in its middle; a roof covers the wall from `eaves` upwards.
    """

    x0: float
    z0: float
    x1: float
    z1: float
    height: float
    gable: float
    eaves: float
    material: int
    window: int
    roof: int
    spacing: tuple[float, float]
    opening: tuple[float, float]
    light: float


@dataclass(frozen=True)
class Thing:
    """A flat silhouette that always faces the camera, standing at (x, z), moving by `velocity`."""

    label: int
    shape: int
    x: float
    z: float
    width: float
    height: float
    materials: tuple[int, int, int]
    """The surfaces of the three parts of a shape."""

    velocity: tuple[float, float] = (0.0, 0.0)
    light: float = 1.0


@dataclass(frozen=True)
class Sky:
    """Clear at the zenith and hazy below, with clouds over a part of it."""

    material: int
    cover: float
    drift: tuple[int, int]


@dataclass(frozen=True)
class Weather:
    """Light and air: the sun's side, haze, exposure, and what the sensors add."""

    sun: float
    """-1 where the sun stands to the left, +1 to the right."""

    haze: Color
    visibility: float
    exposure: float
    tint: Color
    shadow: float
    blur: float
    noise: float


@dataclass(frozen=True)
class World:
    """A place with everything in it."""

    materials: tuple[Material, ...]
    sky: Sky
    ridges: tuple[Ridge, ...]
    ground: Ground
    walls: tuple[Wall, ...]
    things: tuple[Thing, ...]
    weather: Weather
    walk: Walk
