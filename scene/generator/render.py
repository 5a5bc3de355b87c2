"""Painting a world as a camera sees it: label, distance, surface, tone and light of every pixel.

    sky → ridges → ground and the shadows on it → walls → things,   each nearer pixel winning

Since the camera is upright, a column of pixels looks along one line over the ground: a wall is
met once per column, and all that remains is where it begins and ends there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.ir.types import Array
from sightline.scene.generator.shapes import SIDE, silhouettes
from sightline.scene.generator.textures import SIDE as TILE
from sightline.scene.generator.textures import level_for, sample, texture
from sightline.scene.generator.world import (
    BUILDING,
    ROAD,
    SKY,
    WATER,
    Camera,
    Ridge,
    Shore,
    Thing,
    Walk,
    Wall,
    World,
)

CLOSEST = 0.4
"""Metres before the camera within which nothing is seen."""

FAR_GROUND = 3000.0
"""Metres to which the plane reaches."""


def camera_at(walk: Walk, time: float) -> Camera:
    """Where the camera is after so many seconds, and which way it looks."""
    start = walk.start
    phase = 2 * math.pi * time / walk.period
    return Camera(
        start.x + walk.sway * math.sin(phase),
        start.y + 0.04 * math.sin(9 * phase),
        start.z + walk.speed * time,
        start.yaw + walk.look * math.sin(0.6 * phase),
        start.horizon + 0.006 * math.sin(7 * phase),
        start.focal,
    )


@dataclass
class View:
    """The camera in pixels, and what it has seen so far, per pixel."""

    camera: Camera
    label: Array
    distance: Array
    material: Array
    tone: Array
    light: Array

    @classmethod
    def empty(cls, camera: Camera, height: int, width: int) -> View:
        size = (height, width)
        return cls(
            camera,
            np.full(size, SKY, np.uint8),
            np.full(size, np.inf, np.float32),
            np.zeros(size, np.uint8),
            np.zeros(size, np.float32),
            np.ones(size, np.float32),
        )

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.label.shape
        return height, width

    @property
    def focal(self) -> float:
        return self.camera.focal * self.size[1]

    @property
    def horizon(self) -> float:
        return self.camera.horizon * self.size[0]

    @property
    def across(self) -> Array:
        """How far to the right each column looks, per metre ahead."""
        width = self.size[1]
        steps = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / self.focal
        return np.asarray(steps)

    @property
    def down(self) -> Array:
        """How far down each row looks, per metre ahead."""
        rows = np.arange(self.size[0], dtype=np.float32)
        return np.asarray((rows + 0.5 - self.horizon) / self.focal)

    def seen(self, x: float, z: float) -> tuple[float, float]:
        """A place on the ground as metres to the right of and ahead of the camera."""
        east, north = x - self.camera.x, z - self.camera.z
        sine, cosine = math.sin(self.camera.yaw), math.cos(self.camera.yaw)
        return east * cosine - north * sine, east * sine + north * cosine

    def place(self, right: Array, ahead: Array) -> tuple[Array, Array]:
        """The reverse of `seen`."""
        sine, cosine = math.sin(self.camera.yaw), math.cos(self.camera.yaw)
        x = self.camera.x + right * cosine + ahead * sine
        return x, self.camera.z - right * sine + ahead * cosine

    def row_of(self, height: Array | float, ahead: Array | float) -> Array:
        """The row in which something at a height and a distance is seen."""
        row = self.horizon + (self.camera.y - np.asarray(height)) * self.focal / ahead
        return np.asarray(row, np.float32)

    def window(
        self, top: float, bottom: float, left: float, right: float
    ) -> tuple[slice, slice] | None:
        """Rows and columns within the picture, or nothing."""
        height, width = self.size
        first, last = max(0, math.floor(top)), min(height, math.ceil(bottom))
        begin, end = max(0, math.floor(left)), min(width, math.ceil(right))
        if first >= last or begin >= end:
            return None
        return slice(first, last), slice(begin, end)

    def paint(
        self,
        where: tuple[slice, slice],
        mask: Array,
        label: Array | int,
        distance: Array | float,
        material: Array | int,
        tone: Array,
        light: Array | float,
    ) -> None:
        """Put a surface before what is farther away, where the mask says that it is there."""
        nearer = mask & (distance < self.distance[where])
        for plane, values in (
            (self.label, label),
            (self.distance, distance),
            (self.material, material),
            (self.tone, tone),
            (self.light, light),
        ):
            np.copyto(plane[where], values, where=nearer, casting="unsafe")


def render(world: World, time: float, height: int, width: int) -> View:
    """The world at a time, as labels, distances and surfaces."""
    view = View.empty(camera_at(world.walk, time), height, width)
    _paint_sky(view, world)
    for ridge in world.ridges:
        _paint_ridge(view, world, ridge)
    _paint_ground(view, world)
    things = [thing for thing in world.things if _is_in_view(view, thing, time)]
    for thing in things:
        _shade_ground(view, world, thing, time)
    for wall in world.walls:
        _paint_wall(view, world, wall)
    for thing in things:
        _paint_thing(view, world, thing, time)
    return view


def _paint_sky(view: View, world: World) -> None:
    """Clouds fill the material's light tone; toward the horizon the clear sky pales."""
    rows, columns = np.ogrid[: view.size[0], : view.size[1]]
    drift, turn = world.sky.drift, int(view.camera.yaw * view.focal)
    clouds = sample(texture("cloud"), 0, rows * 2 + drift[0], columns + turn + drift[1])
    cover = np.clip((clouds - (1 - world.sky.cover)) * 5, 0, 1)
    pale = np.clip(0.45 + 0.5 * view.down / (0.4 / view.camera.focal), 0, 0.45)
    view.tone[:] = np.maximum(cover, pale[:, None])
    view.material[:] = world.sky.material
    view.light[:] = np.clip(1.0 - 0.25 * view.down[:, None] ** 2, 0.8, 1)


def _paint_ridge(view: View, world: World, ridge: Ridge) -> None:
    right = view.across * ridge.distance
    x, _ = view.place(right, np.full_like(right, ridge.distance))
    heights = np.interp(
        x / ridge.step, np.arange(len(ridge.heights)), ridge.heights, period=len(ridge.heights)
    )
    top = view.row_of(heights, ridge.distance)
    bottom = float(view.row_of(0, ridge.distance))
    where = view.window(float(top.min()), bottom, 0, view.size[1])
    if where is None:
        return
    rows = np.arange(where[0].start, where[0].stop, dtype=np.float32)[:, None] + 0.5
    surface = world.materials[ridge.material]
    texels = TILE / surface.size
    metres = ridge.distance / view.focal
    up = (bottom - rows) * metres
    tone = sample(
        surface.texture,
        level_for(texels * metres),
        (up * texels).astype(np.int32),
        (x[None] * texels).astype(np.int32),
    )
    view.paint(
        where,
        rows > top[None],
        ridge.label,
        ridge.distance,
        ridge.material,
        tone,
        np.float32(0.9) + np.gradient(heights)[None] * 0.1 * world.weather.sun / (metres + 1e-6),
    )


def _paint_ground(view: View, world: World) -> None:
    where = view.window(view.horizon + 0.5, view.size[0], 0, view.size[1])
    if where is None:
        return
    ahead = view.camera.y / np.maximum(view.down[where[0]], 1e-6)[:, None]
    x, z = view.place(view.across[None] * ahead, ahead)
    label, material = _ground_at(world, x, z)
    textures, texels = _textures_of(world, material)
    covered = ahead * np.sqrt(ahead / view.camera.y) / view.focal * texels
    tone = sample(
        textures,
        level_for(covered),
        (z * texels).astype(np.int32),
        (x * texels).astype(np.int32),
    )
    clouds = sample(texture("cloud"), 0, (z * 4).astype(np.int32), (x * 4).astype(np.int32))
    light = 1 - world.weather.shadow * np.clip((clouds - 0.5) * 8, 0, 1)
    distance = np.broadcast_to(ahead, x.shape)
    view.paint(where, distance < FAR_GROUND, label, distance, material, tone, light)


def _ground_at(world: World, x: Array, z: Array) -> tuple[Array, Array]:
    """The label and the material of the plane at places on it."""
    ground = world.ground
    patches = sample(texture("cloud"), 1, (z * 6).astype(np.int32), (x * 6).astype(np.int32))
    material = np.where(patches > 0.5, *ground.materials).astype(np.uint8)
    label = np.full(x.shape, ground.label, np.uint8)
    if ground.shore is not None:
        wet = _is_wet(ground.shore, x, z)
        label[wet], material[wet] = WATER, ground.shore.material
    road = ground.road
    if road is not None:
        aside = np.abs(x - road.center - road.bend * np.sin(z / road.period))
        label[aside < road.paved] = ROAD
        material[aside < road.paved] = road.pavement
        material[aside < road.half] = road.material
        dashes = (aside < 0.1) & (np.mod(z, 6) < 3)
        edges = np.abs(aside - road.half + 0.3) < 0.07
        material[dashes | edges] = road.marking
    return label, material


def _is_wet(shore: Shore, x: Array, z: Array) -> Array:
    along, out = (x, z) if shore.ahead else (z, shore.side * x)
    bays = np.sin(along / 23 + shore.start) + 0.5 * np.sin(along / 7.3)
    return np.asarray(out > shore.start + shore.wobble * bays)


def _paint_wall(view: View, world: World, wall: Wall) -> None:
    ax, az = view.seen(wall.x0, wall.z0)
    bx, bz = view.seen(wall.x1, wall.z1)
    if ax * bz >= bx * az:  # its back is turned to the camera
        return
    if max(az, bz) < CLOSEST:
        return
    slant = (bx - ax) - view.across * (bz - az)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (view.across * az - ax) / slant
        ahead = az + part * (bz - az)
    met = (part >= 0) & (part <= 1) & (ahead > CLOSEST)
    columns = np.flatnonzero(met)
    if not len(columns):
        return
    first, last = int(columns[0]), int(columns[-1]) + 1
    part, ahead = part[first:last], np.where(met, ahead, np.inf)[first:last]
    peak = wall.height + wall.gable * (1 - np.abs(2 * part - 1))
    top, bottom = view.row_of(peak, ahead), view.row_of(0, ahead)
    where = view.window(float(top.min()), float(bottom.max()), first, last)
    if where is None:
        return
    up = view.camera.y - view.down[where[0]][:, None] * ahead
    along = part * np.float32(math.hypot(wall.x1 - wall.x0, wall.z1 - wall.z0))
    material = _facade(wall, up, along[None])
    textures, texels = _textures_of(world, material)
    tone = sample(
        textures,
        level_for(texels * (ahead / view.focal)[None]),
        (up * texels).astype(np.int32),
        (along[None] * texels).astype(np.int32),
    )
    mask = (up >= 0) & (up <= peak[None]) & met[None, first:last]
    distance = np.broadcast_to(ahead.astype(np.float32), up.shape)
    view.paint(where, mask, BUILDING, distance, material, tone, wall.light)


def _textures_of(world: World, material: Array) -> tuple[Array, Array]:
    """The texture of each pixel's material, and the texels of it in a metre."""
    textures = np.array([m.texture for m in world.materials], np.int32)
    texels = np.array([TILE / m.size for m in world.materials], np.float32)
    return textures[material], texels[material]


def _facade(wall: Wall, up: Array, along: Array) -> Array:
    """The material of a wall at heights and places along it: wall, windows, roof."""
    period, storey = wall.spacing
    wide, high = wall.opening
    window = (np.abs(np.mod(along / period, 1) - 0.5) < wide / 2) & (
        np.abs(np.mod(up / storey, 1) - 0.5) < high / 2
    )
    window = window & (up < wall.eaves)
    material = np.where(window, wall.window, wall.material).astype(np.uint8)
    return np.where(up > wall.eaves, np.uint8(wall.roof), material)


def _position(thing: Thing, time: float) -> tuple[float, float]:
    return thing.x + thing.velocity[0] * time, thing.z + thing.velocity[1] * time


def _is_in_view(view: View, thing: Thing, time: float) -> bool:
    right, ahead = view.seen(*_position(thing, time))
    reach = ahead * 0.5 / view.camera.focal + thing.width
    return ahead > CLOSEST and abs(right) < reach


def _shade_ground(view: View, world: World, thing: Thing, time: float) -> None:
    """A dark ellipse on the ground beside a thing, away from the sun."""
    right, ahead = view.seen(*_position(thing, time))
    if ahead > 80 or world.weather.shadow < 0.1:
        return
    right -= world.weather.sun * 0.25 * thing.height
    wide = 0.5 * thing.width + 0.25 * thing.height
    deep = 0.35 * thing.width + 0.1 * thing.height
    near = max(ahead - deep, CLOSEST)
    where = view.window(
        float(view.row_of(0, ahead + deep)),
        float(view.row_of(0, near)) + 1,
        view.size[1] / 2 + (right - wide) * view.focal / near,
        view.size[1] / 2 + (right + wide) * view.focal / near,
    )
    if where is None:
        return
    z = view.camera.y / np.maximum(view.down[where[0]], 1e-6)[:, None]
    x = view.across[None, where[1]] * z
    inside = ((x - right) / wide) ** 2 + ((z - ahead) / deep) ** 2 < 1
    view.light[where][inside] *= 1 - world.weather.shadow


def _paint_thing(view: View, world: World, thing: Thing, time: float) -> None:
    right, ahead = view.seen(*_position(thing, time))
    scale = view.focal / ahead
    center = view.size[1] / 2 + right * scale
    top, bottom = float(view.row_of(thing.height, ahead)), float(view.row_of(0, ahead))
    left = center - 0.5 * thing.width * scale
    where = view.window(top, bottom, left, left + thing.width * scale)
    if where is None:
        return
    down = np.arange(where[0].start, where[0].stop, dtype=np.float32) + 0.5 - top
    over = np.arange(where[1].start, where[1].stop, dtype=np.float32) + 0.5 - left
    row = (down * (SIDE / (bottom - top))).astype(np.int32).clip(0, SIDE - 1)
    column = (over * (SIDE / (thing.width * scale))).astype(np.int32).clip(0, SIDE - 1)
    parts = silhouettes()[thing.shape][row[:, None], column[None]]
    material = np.array([0, *thing.materials], np.uint8)[parts]
    textures, texels = _textures_of(world, material)
    shift = int(thing.x * 57 + thing.z * 131)
    tone = sample(
        textures,
        level_for(texels / scale),
        (down[:, None] / scale * texels).astype(np.int32) + shift,
        (over[None] / scale * texels).astype(np.int32) + shift,
    )
    sides = np.linspace(-0.18, 0.18, SIDE, dtype=np.float32)[column] * world.weather.sun
    light = thing.light * (1 + sides)[None] * np.ones_like(tone)
    view.paint(where, parts > 0, thing.label, ahead, material, tone, light)
