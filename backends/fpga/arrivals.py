"""When the pixels of each source come."""

from __future__ import annotations

import numpy as np

from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan import Offer
from sightline.ir.types import Array

PYRAMID_REACH = 2
"""Rows below a pixel that a pyramid's blur sees."""

NORM_REACH = 7
"""Rows below a pixel that a local normalization of 15x15 sees."""


def uniform_offers(network: Network, interval: int) -> tuple[Offer, ...]:
    """Pixels of a frame spread evenly over the interval; coarser scales as a pyramid yields them.

    Each scale comes as late behind the finest one as the rows of the camera say that it needs:
    those below its pixel that normalization, and the blurs of the pyramid above it, look at.
    """
    levels = scale_levels(network)
    rows = max(source.height for source in network.sources)
    coarsest = max(levels.values())
    first = camera_row(0, coarsest)
    return tuple(
        Offer(
            source.name,
            (camera_row(levels[source.name], coarsest) - first) * interval // rows,
            interval,
        )
        for source in network.sources
    )


def offered(offer: Offer, frames: int, pixels: int, interval: int) -> Array:
    """The cycle in which each pixel is offered, `[frame, pixel]`, when frames follow so closely."""
    within = np.arange(pixels, dtype=np.int64) * offer.period // pixels
    starts = offer.start + np.arange(frames, dtype=np.int64) * interval
    return starts[:, None] + within


def scale_levels(network: Network) -> dict[str, int]:
    """How often each source was halved, seen from the largest; 0 for all if they are no pyramid."""
    rows = max(source.height for source in network.sources)
    factors = {source.name: rows / source.height for source in network.sources}
    levels = {
        name: factor.as_integer_ratio()[0].bit_length() - 1 for name, factor in factors.items()
    }
    halved = all(factor == 1 << levels[name] for name, factor in factors.items())
    return levels if halved else dict.fromkeys(levels, 0)


def camera_row(level: int, coarsest: int) -> int:
    """The camera's row that completes the first row of a scale."""
    row = NORM_REACH
    if level < coarsest:
        row += 2 * (1 + PYRAMID_REACH // 2)  # the band is what the next scale, enlarged, leaves
    for _ in range(level):
        row = 2 * row + PYRAMID_REACH
    return row


def fast_offers(network: Network) -> tuple[Offer, ...]:
    """Pixels as fast as the accelerator can take them: a value a cycle, of all sources together."""
    values = sum(source.values for source in network.sources)
    return tuple(Offer(source.name, 0, values) for source in network.sources)
