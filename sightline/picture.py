"""Pictures to network inputs: decoding, colours, sizes and normalization.

A picture of 8 or 16 bits becomes planes from 0 to 1. Gray and colour become each other: gray is
Y, and colour from gray has three equal planes. Y, U and V are

    Y = 0.299 R + 0.587 G + 0.114 B     U = 0.436 (B - Y) / 0.886     V = 0.615 (R - Y) / 0.701

as in ITU-R BT.601 for analog video (and Torch7's `image.rgb2yuv`). Then each plane is multiplied by
the model's `range`, its mean taken away, and the rest divided by its deviation.
"""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sightline.frontend.model import Model, Picture
from sightline.ir.errors import UserError
from sightline.ir.types import FLOAT32, Array, TensorType

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp", ".gif")
_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP", "GIF")
MAX_PIXELS = 100_000_000
"""The most pixels of a picture, read or drawn."""
_LUMA = np.array([0.299, 0.587, 0.114])


def to_array(planes: Array, picture: Picture) -> Array:
    """Gray or colour planes `[1 or 3, H, W]` from 0 to 1 as the input that the model expects.

    For `yuvd`, the last of 2 or 4 planes is the depth.
    """
    depth = planes[-1:] if picture.colors == "yuvd" else planes[:0]
    colors = planes[:-1] if picture.colors == "yuvd" else planes
    converted = np.concatenate([_convert(colors, picture.colors), depth])
    shape = (-1, 1, 1)
    mean = np.reshape(picture.mean, shape)
    deviation = np.reshape(picture.deviation, shape)
    x: Array = ((converted * picture.range - mean) / deviation).astype(np.float32)
    return x[None]


def read_picture(
    path: Path,
    picture: Picture,
    type_: TensorType,
    *,
    depth: Path | None = None,
    resize: bool = False,
) -> Array:
    """A picture file (for `yuvd`, with a gray one of depths) as an array of the input's type."""
    require_fits(picture, type_)
    if (picture.colors == "yuvd") != (depth is not None):
        raise UserError(
            f"the network takes pictures as {picture.colors}, but was given "
            f"{'a depth picture' if depth else 'no depth picture'} with '{path}'",
            fix="Give the picture, and then the depth as a gray picture, for yuvd alone.",
        )
    height, width = type_.spatial
    planes = [_sized(read_planes(path), path, (height, width), resize)]
    if depth is not None:
        planes.append(_sized(_gray(read_planes(depth)), depth, (height, width), resize))
    return to_array(np.concatenate(planes), picture)


def require_fits(picture: Picture, type_: TensorType) -> None:
    """Refuse a picture for an input that is no `[1, planes, H, W]` of floats."""
    if type_.rank != 4 or type_.shape[:2] != (1, picture.planes) or type_.element != FLOAT32:
        raise UserError(
            f"pictures as {picture.colors} are inputs f32[1,{picture.planes},H,W], but the network "
            f"takes {type_}",
            fix="Choose other --colors, or give the input as a .npy file.",
        )


def with_picture(
    model: Model,
    colors: str | None = None,
    range_: float | None = None,
    mean: str | None = None,
    deviation: str | None = None,
) -> Model:
    """The model with what is given of its picture put in place of what it says itself.

    A model that says nothing takes gray or RGB pictures, by the maps of its input.
    """
    changes: dict[str, Any] = {"colors": colors, "range": range_}
    changes["mean"] = None if mean is None else _numbers("mean", mean)
    changes["deviation"] = None if deviation is None else _numbers("deviation", deviation)
    changes = {key: value for key, value in changes.items() if value is not None}
    if not changes:
        return model
    gray = any(node.type.shape[1:2] == (1,) for node in model.graph.inputs)
    usual = Picture("gray" if gray else "rgb")
    picture = dataclasses.replace(model.picture or usual, **changes)
    return dataclasses.replace(model, picture=picture)


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(
            f"the {name} '{text}' is no list of numbers", fix=f"Write --{name} 0.5 or 0.4,0.5,0.6."
        ) from None


def read_planes(path: Path) -> Array:
    """The planes of a picture file, `[1 or 3, H, W]`, from 0 to 1."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about what is beside the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _decode(path)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"there is no file '{path}'") from None
    except UnidentifiedImageError:
        raise UserError(
            f"'{path}' is no picture, or a damaged one", fix=f"Give {', '.join(SUFFIXES)}."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"the picture '{path}' is too large: {error}") from None
    except Exception as error:  # PIL's decoders stumble over damage in every way there is
        raise UserError(f"the picture '{path}' is damaged: {error}") from error
    return _planes_of(path, image)


def _decode(path: Path) -> Image.Image:
    """The decoded picture, the right way up."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=_FORMATS) as image:
        _require_plain(path, image)
        image.load()
        upright = ImageOps.exif_transpose(image)
        if image.mode == "I" and image.format in ("PNG", "PPM"):
            return upright.convert("I;16")  # these hold 16 bits, which Pillow may widen
        return upright


def _require_plain(path: Path, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UserError(
            f"the picture '{path}' has {image.width}x{image.height} pixels, and {MAX_PIXELS:,} are "
            "the most"
        )
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise UserError(
            f"'{path}' holds {frames} pictures", fix="Give each frame as a file of its own."
        )


def _planes_of(path: Path, image: Image.Image) -> Array:
    """Planes from 0 to 1. Transparency that shows is refused, as no colour stands for it."""
    if image.mode.startswith("I;16"):
        return np.asarray(image, np.float64)[None] / 65535
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA"):
        if image.getchannel("A").getextrema() != (255, 255):
            raise UserError(
                f"the picture '{path}' has transparent pixels",
                fix="Flatten it onto a background first.",
            )
        image = image.convert(image.mode[:-1])
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in ("L", "RGB"):
        raise UserError(
            f"the picture '{path}' is stored as {image.mode}",
            fix="Convert it to gray or RGB first.",
        )
    pixels = np.asarray(image, np.float64) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _convert(planes: Array, colors: str) -> Array:
    if colors == "gray":
        return _gray(planes)
    rgb = np.broadcast_to(planes, (3, *planes.shape[1:]))
    if colors == "rgb":
        return rgb
    if colors == "bgr":
        return rgb[::-1]
    luma = _gray(rgb)[0]
    return np.stack([luma, 0.436 / 0.886 * (rgb[2] - luma), 0.615 / 0.701 * (rgb[0] - luma)])


def _gray(planes: Array) -> Array:
    gray: Array = planes if len(planes) == 1 else np.tensordot(_LUMA, planes, 1)[None]
    return gray


def _sized(planes: Array, path: Path, size: tuple[int, int], resize: bool) -> Array:
    """The planes at a size: as they are, or, if asked, resized to it (their shape may change)."""
    if planes.shape[1:] == size:
        return planes
    height, width = size
    if not resize:
        raise UserError(
            f"the picture '{path}' has {planes.shape[2]}x{planes.shape[1]} pixels, but the network "
            f"takes {width}x{height}",
            fix="Resize it with --resize, or give another.",
        )
    return np.stack([_resized(plane, width, height) for plane in planes])


def _resized(plane: Array, width: int, height: int) -> Any:
    """Bilinear, over the whole area that each new pixel covers."""
    from PIL import Image

    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float64)
