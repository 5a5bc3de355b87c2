"""Pictures to network inputs: decoding, colours, sizes and normalization.

A picture of 8 or 16 bits becomes planes from 0 to 1. Gray and colour become each other: gray is
Y, and colour from gray has three equal planes. Y, U and V are

    Y = 0.299 R + 0.587 G + 0.114 B     U = 0.436 (B - Y) / 0.886     V = 0.615 (R - Y) / 0.701

as in ITU-R BT.601 for analog video (and Torch7's `image.rgb2yuv`). Then each plane is multiplied by
the model's `range`, its mean taken away, and the rest divided by its deviation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import stat
import warnings
from collections.abc import Iterator
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
_HIGHEST = {
    "gray": (1.0,),
    "rgb": (1.0,) * 3,
    "bgr": (1.0,) * 3,
    "yuv": (1.0, 0.436, 0.615),
    "yuvd": (1.0, 0.436, 0.615, 1.0),
}
"""The largest number of each plane; U and V, below 1, are as far below 0 too."""


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


def limits(picture: Picture) -> tuple[float, float]:
    """The least and the largest number of an input that was a picture."""
    highest = np.array(_HIGHEST[picture.colors])
    lowest = np.where(highest < 1, -highest, 0)
    ends = (np.stack([lowest, highest]) * picture.range - picture.mean) / picture.deviation
    return float(ends.min()), float(ends.max())


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
    planes = read_planes(path)
    _require_size(planes, path, (height, width), resize)
    if planes.shape[1:] != (height, width):
        planes = np.stack([_resized(plane, width, height) for plane in planes])
    if depth is not None:
        beside = read_depth(depth, (height, width), resize=resize)
        planes = np.concatenate([planes, beside])
    return to_array(planes, picture)


def read_depth(path: Path, size: tuple[int, int], *, resize: bool = False) -> Array:
    """The plane `[1, H, W]` of a gray picture of depths.

    Resized, a pixel is the nearest of the picture: the mean of a wall and a hole, or of what is
    behind it, is a distance at which nothing is.
    """
    planes = read_planes(path)
    if len(planes) != 1:
        raise UserError(
            f"the depth '{path}' is a picture in colours, but depths are gray",
            fix="Save it as a gray picture: near white, far black.",
        )
    _require_size(planes, path, size, resize)
    return nearest(planes[0], *size)[None]


def nearest(plane: Array, height: int, width: int) -> Array:
    """A plane `[H, W]` at another size, each pixel that at its centre."""
    rows = (2 * np.arange(height) + 1) * plane.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * plane.shape[1] // (2 * width)
    found: Array = plane[rows[:, None], columns]
    return found


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
    with failures_told(path):
        image = _decode(path)
    return _planes_of(path, image)


@contextlib.contextmanager
def failures_told(path: Path, fix: str = f"Give {', '.join(SUFFIXES)}.") -> Iterator[None]:
    """Around the decoding of a picture file: what it fails by, as the user's error.

    What is no plain file is refused before: one of the system's pipes would be waited for forever.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        _require_plain_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about what is beside the pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"'{path}' is no picture, or a damaged one", fix=fix) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(f"the picture '{path}' is too large: {error}") from None
    except Exception as error:  # PIL's decoders stumble over damage in every way there is
        if isinstance(error, OSError) and error.errno is not None:  # refused by the system
            raise UserError(f"cannot read the picture '{path}': {error.strerror}") from error
        raise UserError(f"the picture '{path}' is damaged: {error}") from error


def _require_plain_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise UserError(f"'{path}' is a link to a file that is not there") from None
        raise UserError(f"there is no file '{path}'") from None
    if not stat.S_ISREG(mode):
        raise UserError(f"'{path}' is no plain file, and cannot be read as a picture")


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


def _require_size(planes: Array, path: Path, size: tuple[int, int], resize: bool) -> None:
    """Refuse another size than the network's, unless resizing is asked for."""
    if planes.shape[1:] != size and not resize:
        raise UserError(
            f"the picture '{path}' has {planes.shape[2]}x{planes.shape[1]} pixels, but the network "
            f"takes {size[1]}x{size[0]}",
            fix="Resize it with --resize, or give another.",
        )


def _resized(plane: Array, width: int, height: int) -> Any:
    """Bilinear, over the whole area that each new pixel covers."""
    from PIL import Image

    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float64)
