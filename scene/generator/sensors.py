"""What a camera and a depth sensor make of what is there.

The camera: surfaces to colours, light, reflections in water, haze, exposure, blur, noise, 8 bits.
The depth sensor: noise that grows with the square of the distance, and holes where it sees nothing:
in the sky and far away, beside near edges (where only one of its eyes looks), on much of the water.
"""

from __future__ import annotations

import numpy as np

from sightline.ir.types import Array
from sightline.scene.generator.render import View
from sightline.scene.generator.world import WATER, World

FARTHEST_MEASURED = 90.0
"""Metres beyond which the depth sensor sees nothing."""

_NOISE_PER_SQUARED_METRE = 0.0008


def photograph(view: View, world: World, rng: np.random.Generator) -> Array:
    """The picture [H, W, 3] in uint8."""
    weather = world.weather
    colors = _colors(view, world)
    _reflect(colors, view)
    clear = np.where(np.isinf(view.distance), 1, np.exp(-view.distance / weather.visibility))
    haze = np.array(weather.haze, np.float32)[:, None, None]
    gain = weather.exposure * np.array(weather.tint, np.float32)[:, None, None]
    colors = (haze + (colors - haze) * clear.astype(np.float32)) * gain
    colors = _blurred(colors, weather.blur)
    noise = rng.standard_normal(colors.shape, np.float32)
    colors += noise * (weather.noise * np.sqrt(0.3 + colors))
    return np.asarray((colors.clip(0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))


def measure_depth(view: View, world: World, rng: np.random.Generator) -> Array:
    """Metres [H, W] in float32, 0 where the sensor sees nothing."""
    distance = view.distance
    noise = rng.standard_normal(distance.shape, np.float32)
    near = np.minimum(distance, FARTHEST_MEASURED)
    metres = near + noise * near * near * np.float32(_NOISE_PER_SQUARED_METRE)
    holes = distance > FARTHEST_MEASURED
    holes |= _hidden_from_one_eye(near)
    blind = np.where(view.label == WATER, 0.35, 0.004).astype(np.float32)
    blotches = np.kron(
        rng.random((-(-distance.shape[0] // 4), -(-distance.shape[1] // 4)), np.float32),
        np.ones((4, 4), np.float32),
    )
    holes |= blotches[: distance.shape[0], : distance.shape[1]] < blind
    return np.where(holes, 0, np.maximum(metres, 0.1)).astype(np.float32)


def _colors(view: View, world: World) -> Array:
    """Surfaces as colours [3, H, W], in their light."""
    dark = np.array([m.dark for m in world.materials], np.float32).T
    light = np.array([m.light for m in world.materials], np.float32).T
    contrast = np.array([m.contrast for m in world.materials], np.float32)
    tone = 0.5 + (view.tone - 0.5) * contrast[view.material]
    return np.asarray(
        (dark[:, view.material] + (light - dark)[:, view.material] * tone) * view.light
    )


def _reflect(colors: Array, view: View) -> None:
    """Water mirrors what stands above the row as far over the horizon as it lies below."""
    rows, columns = np.nonzero(view.label == WATER)
    if not len(rows):
        return
    waves = ((view.tone[rows, columns] - 0.5) * 14).astype(np.int64)
    mirrored = np.clip((2 * view.horizon - rows).astype(np.int64) + waves, 0, len(view.label) - 1)
    share = np.float32(0.45)
    colors[:, rows, columns] += share * (colors[:, mirrored, columns] - colors[:, rows, columns])


def _blurred(colors: Array, amount: float) -> Array:
    """The lens: each pixel shares `amount` of itself with its neighbours along both axes."""
    side = np.float32(amount / 2)
    for axis in (1, 2):
        edge = [(0, 0)] * 3
        edge[axis] = (1, 1)
        padded = np.moveaxis(np.pad(colors, edge, mode="edge"), axis, 0)
        mixed = padded[1:-1] * (1 - 2 * side) + (padded[:-2] + padded[2:]) * side
        colors = np.moveaxis(mixed, 0, axis)
    return colors


def _hidden_from_one_eye(near: Array) -> Array:
    """Pixels to the left of a much nearer one: the other eye has it in the way."""
    hidden = np.zeros(near.shape, bool)
    for shift in (1, 2, 3):
        hidden[:, :-shift] |= (
            near[:, :-shift] > near[:, shift:] + 1.5 * shift + 0.1 * near[:, shift:]
        )
    return hidden
