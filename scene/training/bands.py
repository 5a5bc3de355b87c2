"""The pyramid's bands and their normalization in PyTorch, as the ops of the IR mean them.

Nothing here has weights, so no gradients flow.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sightline.ir.ops.normalization import LocalNorm
from sightline.ir.ops.pyramid import KERNEL


@torch.no_grad()
def normalized_bands(images: Tensor, scales: int, norm: LocalNorm) -> list[Tensor]:
    """The normalized bands of a Laplacian pyramid, finest first; the last is the blurred rest."""
    bands = []
    for _ in range(scales - 1):
        coarse = pyramid_down(images)
        bands.append(images - pyramid_up(coarse))
        images = coarse
    return [local_norm(band, norm) for band in (*bands, images)]


def pyramid_down(x: Tensor) -> Tensor:
    """`PyramidDown`: blurred by 1 4 6 4 1 along both axes, every other pixel."""
    padded = functional.pad(x, (2, 2, 2, 2), mode="replicate")
    for axis in (2, 3):
        size = padded.shape[axis] - 4
        taps = [k * _every(padded, axis, tap, tap + size, 2) for tap, k in enumerate(KERNEL)]
        padded = torch.stack(taps).sum(0) / 16
    return padded


def pyramid_up(x: Tensor) -> Tensor:
    """`PyramidUp` to twice the size."""
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    for axis in (2, 3):
        size = padded.shape[axis] - 2
        before, here, after = (_every(padded, axis, tap, tap + size) for tap in range(3))
        pairs = torch.stack([(before + 6 * here + after) / 8, (here + after) / 2], axis + 1)
        padded = pairs.flatten(axis, axis + 1)
    return padded


def _every(x: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
    """`x[start:stop:step]` along an axis."""
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


def local_norm(x: Tensor, norm: LocalNorm) -> Tensor:
    """`LocalNorm`, in double precision, since E[x²] - E[x]² cancels nearly all digits."""
    wide = x.double()
    mean = box_mean(wide, norm.size)
    variance = box_mean(wide.square(), norm.size) - mean.square()
    deviation = variance.clamp(min=0).sqrt().clamp(min=norm.floor)
    return ((wide - mean) / deviation).float()


def box_mean(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """The mean of the box around each pixel, over the pixels of it that exist."""
    rows, columns = size
    for kernel in ((rows, 1), (1, columns)):  # a clipped box is still rows times columns
        padding = (kernel[0] // 2, kernel[1] // 2)
        x = functional.avg_pool2d(x, kernel, 1, padding, count_include_pad=False)
    return x
