"""What one ray meets in a synthetic world, thought through for each wall and each thing alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sightline.scene.generator.render import CLOSEST, FAR_GROUND
from sightline.scene.generator.shapes import SIDE, silhouettes
from sightline.scene.generator.world import (
    BUILDING,
    ROAD,
    SKY,
    WATER,
    Camera,
    Ridge,
    Thing,
    Wall,
    World,
)


@dataclass(frozen=True)
class Ray:
    """From the camera through a pixel: metres to the right and downwards for each metre ahead."""

    camera: Camera
    right: float
    down: float

    @classmethod
    def through(cls, camera: Camera, row: int, column: int, size: tuple[int, int]) -> Ray:
        height, width = size
        focal = camera.focal * width
        return cls(
            camera,
            (column + 0.5 - width / 2) / focal,
            (row + 0.5 - camera.horizon * height) / focal,
        )

    def at(self, ahead: float) -> tuple[float, float, float]:
        """The point in the world: x, y, z."""
        camera, right = self.camera, self.right * ahead
        return (
            camera.x + right * math.cos(camera.yaw) + ahead * math.sin(camera.yaw),
            camera.y - self.down * ahead,
            camera.z - right * math.sin(camera.yaw) + ahead * math.cos(camera.yaw),
        )


def label_of(ray: Ray, world: World, time: float) -> tuple[int, float]:
    """The label of what the ray meets first, and how far ahead it is; the sky has no distance."""
    met = [(math.inf, SKY)]
    met += [(ridge.distance, ridge.label) for ridge in world.ridges if _meets_ridge(ray, ridge)]
    if ray.down > 0:
        ahead = ray.camera.y / ray.down
        if ahead < FAR_GROUND:
            x, _, z = ray.at(ahead)
            met.append((ahead, _ground(world, x, z)))
    met += [(ahead, BUILDING) for wall in world.walls for ahead in _meets_wall(ray, wall)]
    met += [(a, thing.label) for thing in world.things for a in _meets_thing(ray, thing, time)]
    ahead, label = min(met)
    return label, ahead


def _meets_ridge(ray: Ray, ridge: Ridge) -> bool:
    x, y, _ = ray.at(ridge.distance)
    place = (x / ridge.step) % len(ridge.heights)
    low = math.floor(place)
    ends = ridge.heights[low], ridge.heights[(low + 1) % len(ridge.heights)]
    return 0 <= y < ends[0] + (place - low) * (ends[1] - ends[0])


def _ground(world: World, x: float, z: float) -> int:
    label, road, shore = world.ground.label, world.ground.road, world.ground.shore
    if shore is not None:
        along, out = (x, z) if shore.ahead else (z, shore.side * x)
        bays = math.sin(along / 23 + shore.start) + 0.5 * math.sin(along / 7.3)
        if out > shore.start + shore.wobble * bays:
            label = WATER
    if road is not None and abs(x - road.center - road.bend * math.sin(z / road.period)) < (
        road.paved
    ):
        label = ROAD
    return label


def _meets_wall(ray: Ray, wall: Wall) -> list[float]:
    """Solve camera + ahead (direction) = corner + part (edge) over the ground."""
    camera = ray.camera
    x, _, z = ray.at(1)
    direction = np.array([x - camera.x, z - camera.z])
    edge = np.array([wall.x1 - wall.x0, wall.z1 - wall.z0])
    corner = np.array([wall.x0 - camera.x, wall.z0 - camera.z])
    if corner[0] * (corner + edge)[1] >= (corner + edge)[0] * corner[1]:
        return []  # seen from behind
    ahead, part = np.linalg.solve(np.stack([direction, -edge], 1), corner)
    up = camera.y - ray.down * ahead
    peak = wall.height + wall.gable * (1 - abs(2 * part - 1))
    inside = ahead > CLOSEST and 0 <= part <= 1 and 0 <= up <= peak
    return [float(ahead)] if inside else []


def _meets_thing(ray: Ray, thing: Thing, time: float) -> list[float]:
    camera = ray.camera
    east = thing.x + thing.velocity[0] * time - camera.x
    north = thing.z + thing.velocity[1] * time - camera.z
    right = east * math.cos(camera.yaw) - north * math.sin(camera.yaw)
    ahead = east * math.sin(camera.yaw) + north * math.cos(camera.yaw)
    if ahead <= CLOSEST:
        return []
    across = (ray.right * ahead - right) / thing.width + 0.5
    up = (camera.y - ray.down * ahead) / thing.height
    if not (0 <= across < 1 and 0 <= up < 1):
        return []
    part = silhouettes()[thing.shape][int((1 - up) * SIDE) % SIDE, int(across * SIDE)]
    return [ahead] if part else []
