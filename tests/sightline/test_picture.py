"""Pictures become arrays as they are told to, or are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.frontend.model import Picture
from sightline.ir.errors import UserError
from sightline.ir.types import Array, TensorType
from sightline.picture import read_depth, read_picture, read_planes, to_array, with_picture
from tests.support.small_networks import labeler, two_ends

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)
GRAY = RNG.integers(0, 256, (4, 6)).astype(np.uint8)


def saved(folder: Path, image: Image.Image, name: str = "p.png", **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


def read(path: Path, picture: Picture, **options: Any) -> Array:
    return read_picture(path, picture, TensorType((1, picture.planes, 4, 6)), **options)


def test_rgb_and_bgr(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(PIXELS))
    x = read(path, Picture("rgb"))
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[0], PIXELS.transpose(2, 0, 1) / 255, rtol=1e-6)
    np.testing.assert_array_equal(read(path, Picture("bgr")), x[:, ::-1])


def test_range_mean_and_deviation(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(PIXELS))
    picture = Picture("rgb", 255.0, (100.0, 110.0, 120.0), (2.0,))
    wanted = (PIXELS.transpose(2, 0, 1) - np.reshape([100.0, 110.0, 120.0], (3, 1, 1))) / 2
    np.testing.assert_allclose(read(path, picture)[0], wanted, rtol=1e-6, atol=1e-4)


def test_gray_and_colour_become_each_other(tmp_path: Path) -> None:
    gray = saved(tmp_path, Image.fromarray(GRAY), "g.png")
    three = read(gray, Picture("rgb"))
    np.testing.assert_allclose(three[0], np.stack([GRAY / 255] * 3), rtol=1e-6)
    colour = saved(tmp_path, Image.fromarray(PIXELS), "c.png")
    luma = PIXELS @ np.array([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(read(colour, Picture("gray"))[0, 0], luma, rtol=1e-6)


@pytest.mark.parametrize(
    ("color", "yuv"),
    [
        ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (0.299, -0.14713, 0.615)),
        ((0.0, 1.0, 0.0), (0.587, -0.28886, -0.51499)),
        ((0.0, 0.0, 1.0), (0.114, 0.436, -0.10001)),
    ],
)
def test_yuv_is_that_of_bt601(color: tuple[float, ...], yuv: tuple[float, ...]) -> None:
    """The published matrix, a column at a time."""
    x = to_array(np.reshape(color, (3, 1, 1)), Picture("yuv"))
    np.testing.assert_allclose(x.ravel(), yuv, atol=1e-5)


def test_depth_is_a_second_picture(tmp_path: Path) -> None:
    colour = saved(tmp_path, Image.fromarray(PIXELS), "c.png")
    depth = saved(tmp_path, Image.fromarray(GRAY), "d.png")
    x = read(colour, Picture("yuvd"), depth=depth)
    np.testing.assert_array_equal(x[:, :3], read(colour, Picture("yuv")))
    np.testing.assert_allclose(x[0, 3], GRAY / 255, rtol=1e-6)
    with pytest.raises(UserError, match=r"^the network takes pictures as yuvd, but was given no d"):
        read(colour, Picture("yuvd"))
    with pytest.raises(UserError, match=r"^the network takes pictures as rgb, but was given a dep"):
        read(colour, Picture("rgb"), depth=depth)


def test_a_depth_keeps_its_holes_when_it_is_resized(tmp_path: Path) -> None:
    """Beside a hole are the distances that were measured, and none between them and nothing."""
    levels = np.zeros((8, 12), np.uint8)
    levels[:, 5:] = 200
    path = saved(tmp_path, Image.fromarray(levels), "d.png")
    found = read_depth(path, (4, 6), resize=True)
    assert found.shape == (1, 4, 6)
    np.testing.assert_array_equal(np.rint(255 * found[0]), levels[1::2, 1::2])
    colour = saved(tmp_path, Image.fromarray(PIXELS), "c.png")
    x = read(colour, Picture("yuvd"), depth=path, resize=True)
    np.testing.assert_allclose(x[0, 3], found[0], rtol=1e-6)
    with pytest.raises(UserError, match=r"^the picture '.*d\.png' has 12x8 pixels, but the net"):
        read_depth(path, (4, 6))
    with pytest.raises(UserError, match=r"^the depth '.*c\.png' is a picture in colours, but d"):
        read_depth(colour, (4, 6))


def test_sixteen_bits_keep_their_precision(tmp_path: Path) -> None:
    levels = np.array([[0, 1, 258, 32768, 65534, 65535]], np.uint16).repeat(4, 0)
    path = saved(tmp_path, Image.fromarray(levels))
    np.testing.assert_allclose(read(path, Picture("gray"))[0, 0], levels / 65535, rtol=1e-6)


@pytest.mark.parametrize("white", [1023, 65535])
def test_sixteen_bits_of_a_portable_graymap(white: int, tmp_path: Path) -> None:
    levels = np.linspace(0, white, 24).astype(np.uint16).reshape(4, 6)
    path = tmp_path / "p.pgm"
    path.write_bytes(b"P5 6 4 %d\n" % white + levels.astype(">u2").tobytes())
    np.testing.assert_allclose(read_planes(path)[0], levels / white, atol=1 / 65535)


def test_palettes_bits_and_opaque_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(PIXELS)
    few = image.quantize(16)
    wanted = np.asarray(few.convert("RGB")).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(read_planes(saved(tmp_path, few)), wanted)
    image.putalpha(255)
    np.testing.assert_allclose(read_planes(saved(tmp_path, image)), PIXELS.transpose(2, 0, 1) / 255)
    bits = Image.fromarray(GRAY).convert("1")
    np.testing.assert_allclose(read_planes(saved(tmp_path, bits))[0], np.asarray(bits))


def test_the_camera_rotation_is_followed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    path = saved(tmp_path, Image.fromarray(PIXELS), exif=exif)
    np.testing.assert_allclose(read_planes(path), np.rot90(PIXELS, -1).transpose(2, 0, 1) / 255)


def test_resize_only_when_asked(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(PIXELS.repeat(2, 0).repeat(2, 1)))
    with pytest.raises(
        UserError,
        match=r"^the picture '.*' has 12x8 pixels, but the network takes 6x4\. Resize it with --r",
    ):
        read(path, Picture("rgb"))
    small = read(path, Picture("rgb"), resize=True)
    assert small.shape == (1, 3, 4, 6)
    assert abs(small.mean() - PIXELS.mean() / 255) < 0.02


def test_a_picture_needs_an_input_of_its_planes(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(PIXELS))
    for shape in ((1, 1, 4, 6), (2, 3, 4, 6), (1, 3)):
        with pytest.raises(UserError, match=r"^pictures as rgb are inputs f32\[1,3,H,W\], but "):
            read_picture(path, Picture("rgb"), TensorType(shape))


def test_options_change_what_the_model_says() -> None:
    model = with_picture(labeler(), "bgr", 255.0, "1,2,3", None)
    assert model.picture == Picture("bgr", 255.0, (1.0, 2.0, 3.0), (1.0,))
    assert with_picture(labeler()).picture == Picture("rgb")
    assert with_picture(two_ends()).picture is None
    assert with_picture(two_ends(), deviation="0.5").picture == Picture("rgb", deviation=(0.5,))
    with pytest.raises(UserError, match=r"^the mean '1;2' is no list of numbers\. Write --mean 0"):
        with_picture(labeler(), mean="1;2")
