"""Patterns that surfaces of every class share, so that a texture alone names no class.

Each is a tile of SIDE x SIDE tones from 0 to 1 that repeats without a seam, at LEVELS sharpnesses:
level n has lost what is finer than 2^n texels, for surfaces so far away that a pixel covers as
much.
"""

from __future__ import annotations

import functools

import numpy as np

from sightline.ir.types import Array

SIDE = 256
LEVELS = 7
TEXTURES = ("plain", "fine", "leaf", "rock", "ripple", "cloud", "brick")


def texture(name: str) -> int:
    """The number of a texture in the atlas."""
    return TEXTURES.index(name)


@functools.cache
def atlas() -> Array:
    """All textures at all levels, flat: [texture, level, row, column] in float32."""
    rng = np.random.default_rng(2012)
    tiles = {
        "plain": _noise(rng, 1.0) * 0.25 + _noise(rng, 0.3) * 0.1,
        "fine": _noise(rng, 0.2),
        "leaf": np.abs(_noise(rng, 0.7)) - 0.6 * np.abs(_noise(rng, 0.4)),
        "rock": -np.abs(_noise(rng, 1.6)) + 0.35 * _noise(rng, 0.6),
        "ripple": _noise(rng, 0.9, stretch=6.0),
        "cloud": _noise(rng, 1.9),
        "brick": _bricks(rng),
    }
    levels = [[_blurred(tiles[name], level) for level in range(LEVELS)] for name in TEXTURES]
    tones = np.clip(0.5 + np.array(levels) / 5, 0, 1)
    return tones.astype(np.float32).reshape(-1)


def sample(number: Array | int, level: Array | int, row: Array, column: Array) -> Array:
    """Tones of textures at whole texel positions, which wrap around; all arguments broadcast."""
    start = (np.asarray(number, np.int32) * LEVELS + level) * (SIDE * SIDE)
    tones: Array = atlas()[start + ((row & (SIDE - 1)) * SIDE + (column & (SIDE - 1)))]
    return tones


def level_for(texels: Array | float) -> Array:
    """The level for pixels that cover so many texels of a texture."""
    level = np.log2(np.maximum(texels, 1)).astype(np.int32)
    return np.minimum(level, LEVELS - 1)


def _noise(rng: np.random.Generator, slope: float, stretch: float = 1.0) -> Array:
    """Noise of unit deviation whose amplitude falls as 1 / frequency^slope; `stretch` along x."""
    rows = np.fft.fftfreq(SIDE)[:, None]
    columns = np.fft.fftfreq(SIDE)[None] * stretch
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.standard_normal((SIDE, SIDE))) / frequency**slope
    spectrum[0, 0] = 0
    tile = np.fft.ifft2(spectrum).real
    return np.asarray(tile / tile.std())


def _bricks(rng: np.random.Generator) -> Array:
    """Courses of 16x32 texels, each shifted by half a brick, with light joints."""
    rows, columns = np.indices((SIDE, SIDE))
    course = rows // 16
    along = columns + 16 * (course % 2)
    joint = (rows % 16 < 2) | (along % 32 < 2)
    shade = rng.standard_normal((16, 8))[course, (along // 32) % 8]
    return np.where(joint, 1.6, 0.7 * shade) + 0.3 * _noise(rng, 0.2)


def _blurred(tile: Array, level: int) -> Array:
    if level == 0:
        return tile
    squared = np.add.outer(np.fft.fftfreq(SIDE) ** 2, np.fft.fftfreq(SIDE) ** 2)
    sigma = 0.5 * 2.0**level
    kept = np.exp(-2 * (np.pi * sigma) ** 2 * squared)
    return np.asarray(np.fft.ifft2(np.fft.fft2(tile) * kept).real)
