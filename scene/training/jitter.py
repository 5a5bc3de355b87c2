"""The same frame, a little different every time: mirrored, closer, in other light, noisier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.ir.types import Array
from sightline.scene.frame import Frame

CLOSEST = 0.7
"""The smallest part of a frame's height and width that is cut out and enlarged."""

GAMMA, CONTRAST, BRIGHTNESS, CAST = 0.25, 0.2, 0.1, 0.06
"""By how much light and colours vary: factors of exp(±), and brightness in parts of white."""

NOISE = 0.02
"""The most noise of a sensor, as a deviation in parts of white."""

DEPTH_SCALE, DEPTH_NOISE = 0.1, 0.02
"""By how much depth varies in all, and from pixel to pixel: factors of exp(±)."""

PATCHES = 4
"""The most patches where depth is dropped, each up to an eighth of a side."""


@dataclass(frozen=True)
class Jittered:
    """A picture `[H, W, 3]` in float32 from 0 to 1, its labels, and depth in metres if any."""

    picture: Array
    labels: Array
    depth: Array | None


def jitter(frame: Frame, rng: np.random.Generator) -> Jittered:
    """One variation of a frame, drawn from `rng`; its size stays."""
    height, width = frame.labels.shape
    part = rng.uniform(CLOSEST, 1)
    top, left = rng.uniform(0, 1 - part, 2)
    rows = _positions(height, top, part)
    columns = _positions(width, left, part)
    if rng.random() < 0.5:
        columns = columns[::-1]
    picture = _bilinear(_recoloured(frame.picture, rng), rows, columns)
    noise = rng.standard_normal(picture.shape, np.float32)
    picture += np.float32(rng.uniform(0, NOISE)) * noise
    np.clip(picture, 0, 1, out=picture)
    nearest = np.ix_(np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp))
    depth = None if frame.depth is None else _noisy_depth(frame.depth[nearest], rng)
    return Jittered(picture, frame.labels[nearest], depth)


def _positions(size: int, start: float, part: float) -> Array:
    """Where the `size` pixels of a part lie among those of the whole."""
    positions = (start + part * (np.arange(size) + 0.5) / size) * size - 0.5
    return np.clip(positions, 0, size - 1)


def _recoloured(picture: Array, rng: np.random.Generator) -> Array:
    """Other gamma, contrast, brightness and white, by a table of 256 values for each colour."""
    gamma = np.exp(rng.uniform(-GAMMA, GAMMA))
    contrast = np.exp(rng.uniform(-CONTRAST, CONTRAST))
    brightness = rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    cast = np.exp(rng.uniform(-CAST, CAST, (3, 1)))
    values = (np.linspace(0, 1, 256) ** gamma - 0.5) * contrast + 0.5 + brightness
    tables = (values * cast).astype(np.float32)
    return np.stack([tables[color][picture[..., color]] for color in range(3)], axis=-1)


def _bilinear(x: Array, rows: Array, columns: Array) -> Array:
    """x `[H, W, C]` between its pixels, at each row and column."""
    for axis, positions in enumerate((rows, columns)):
        low = np.minimum(positions.astype(np.intp), x.shape[axis] - 1)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = (positions - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (-1, 1))
        near = x.take(low, axis)
        x = near + (x.take(high, axis) - near) * share
    return x


def _noisy_depth(depth: Array, rng: np.random.Generator) -> Array:
    """Depth scaled and noisy, and not measured in a few patches."""
    scale = rng.uniform(-DEPTH_SCALE, DEPTH_SCALE)
    noise = rng.standard_normal(depth.shape, np.float32) * np.float32(DEPTH_NOISE)
    noisy: Array = depth * np.exp(noise + np.float32(scale))
    height, width = depth.shape
    for _ in range(rng.integers(PATCHES + 1)):
        rows, columns = rng.integers(1, (height // 8 + 2, width // 8 + 2))
        top, left = rng.integers(0, (height, width))
        noisy[top : top + rows, left : left + columns] = 0
    return noisy
