"""Pictures that are damaged, odd, too large, or of another size."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sightline
from sightline.ir.errors import UserError
from sightline.picture import read_planes
from tests.support.command_line import fails
from tests.support.small_networks import labeler

RNG = np.random.default_rng(0)
PHOTO = Image.fromarray(RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8))


@pytest.fixture(autouse=True)
def _saved() -> None:
    sightline.compile(labeler(), ["reference"]).save("net")


def write_cut(path: Path) -> None:
    PHOTO.save(path)
    path.write_bytes(path.read_bytes()[:-30])


def write_bomb(path: Path) -> None:
    """A small file whose header tells of 60000x60000 pixels."""
    PHOTO.save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


def write_transparent(path: Path) -> None:
    image = PHOTO.copy()
    image.putalpha(128)
    image.save(path)


def write_animation(path: Path) -> None:
    PHOTO.save(path, save_all=True, append_images=[PHOTO.rotate(90), PHOTO.rotate(180)])


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        (
            "small.png",
            lambda path: PHOTO.resize((3, 2)).save(path),
            r"the picture 'small\.png' has 3x2 pixels, but the network takes 6x4\. Resize it with",
        ),
        ("cut.png", write_cut, r"the picture 'cut\.png' is damaged: "),
        ("cut.jpg", write_cut, r"the picture 'cut\.jpg' is damaged: "),
        (
            "noise.png",
            lambda path: path.write_bytes(RNG.bytes(1000)),
            r"'noise\.png' is no picture, or a damaged one\. Give \.png, ",
        ),
        (
            "empty.png",
            lambda path: path.write_bytes(b""),
            r"'empty\.png' is no picture, or a damag",
        ),
        ("bomb.png", write_bomb, r"the picture 'bomb\.png' is too large: "),
        (
            "glass.png",
            write_transparent,
            r"the picture 'glass\.png' has transparent pixels\. Flatten it onto a background first",
        ),
        (
            "film.gif",
            write_animation,
            r"'film\.gif' holds 3 pictures\. Give each frame as a file of its own\.$",
        ),
        (
            "ink.jpg",
            lambda path: PHOTO.convert("CMYK").save(path),
            r"the picture 'ink\.jpg' is stored as CMYK\. Convert it to gray or RGB first\.$",
        ),
        ("gone.png", lambda path: None, r"there is no file 'gone\.png'\.$"),
        (
            "a.svg",
            lambda path: path.write_text("<svg/>"),
            r"the input 'a\.svg' is no picture and no",
        ),
        ("a.npy", lambda path: path.write_bytes(b"x"), r"cannot read 'a\.npy': "),
        (
            "long.npy",
            lambda path: np.save(path, np.zeros((1, 3, 4, 7), np.float32)),
            r"the input 'image' is f32\[1,3,4,6\] \(float32\), but was given an array of shape "
            r"\[1, 3, 4, 7\] and type float32\.$",
        ),
    ],
)
def test_message(name: str, write: Callable[[Path], object], message: str) -> None:
    write(Path(name))
    found = fails("run", "net", name, "-o", "out.png")
    assert re.match(message, found), found


def test_a_second_picture_where_none_is_a_depth() -> None:
    PHOTO.save("photo.png")
    found = fails("run", "net", "photo.png", "photo.png")
    assert found.startswith("2 files are given for one input: photo.png, photo.png. Give a picture")
    sightline.compile(labeler(4), ["reference"]).save("deep")
    found = fails("run", "deep", "photo.png", "photo.png", "photo.png")
    assert found.startswith("3 files are given for one input: photo.png, photo.png, photo.png. ")
    found = fails("run", "deep", "photo.png")
    assert found.startswith("the network takes pictures as yuvd, but was given no depth picture ")


def test_what_the_system_refuses_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    PHOTO.save("a.png")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "a.png")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(UserError, match=r"^cannot read the picture 'a\.png': Permission denied\.$"):
        read_planes(Path("a.png"))


def test_what_is_no_file_is_never_waited_for() -> None:
    os.mkfifo("pipe.png")
    Path("lost.png").symlink_to("gone.png")
    Path("loop.png").symlink_to("loop.png")
    for name, message in {
        "pipe.png": r"^'pipe\.png' is no plain file, and cannot be read as a picture\.$",
        "lost.png": r"^'lost\.png' is a link to a file that is not there\.$",
        "loop.png": r"^cannot read the picture 'loop\.png': Too many levels of symbolic links\.$",
    }.items():
        with pytest.raises(UserError, match=message):
            read_planes(Path(name))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif", ".webp", ".ppm"])
def test_damage_anywhere_is_never_a_traceback(suffix: str) -> None:
    good, bad = Path(f"good{suffix}"), Path(f"bad{suffix}")
    PHOTO.save(good)
    content = good.read_bytes()
    for place in range(min(len(content), 400)):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        bad.write_bytes(damaged)
        with contextlib.suppress(UserError):
            read_planes(bad)
