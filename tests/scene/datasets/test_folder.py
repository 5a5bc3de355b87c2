"""Folders of frames: what is written is read back, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sightline.draw import palette
from sightline.ir.errors import UserError
from sightline.scene.datasets.folder import Folder, metres_of, write_frame, write_set
from sightline.scene.frame import FARTHEST, NEAREST, ONLY_SYNTHETIC, Frame, depth_plane
from tests.support.command_line import snapshot
from tests.support.scene_sets import Frames, assert_equal, random_frame

STEP = np.log(FARTHEST / NEAREST) / 65535
"""The part of a distance by which one level of a depth picture changes it."""

DEEP = Frames([random_frame(seed, depth=True) for seed in range(3)])
FLAT = Frames([random_frame(seed) for seed in range(3)], synthetic=False)
GENERATED = Frames(DEEP.frames, names="train-7-{:05d}")


@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 2**32 - 1),
    depth=st.booleans(),
)
def test_a_frame_comes_back(
    tmp_path_factory: pytest.TempPathFactory, size: tuple[int, int], seed: int, depth: bool
) -> None:
    folder = tmp_path_factory.mktemp("set") / "new"
    frame = random_frame(seed, *size, depth=depth)
    write_set(Frames([frame]), folder)
    assert_equal(Folder(folder).frame(0), frame, metres=STEP)


@given(st.floats(NEAREST, FARTHEST * 0.999))
def test_depth_and_its_plane_are_each_others_inverse(metres: float) -> None:
    distance = np.array([metres, 0], np.float32)
    np.testing.assert_allclose(metres_of(depth_plane(distance)), distance, rtol=1e-5)
    plane = depth_plane(distance)
    np.testing.assert_allclose(depth_plane(metres_of(plane)), plane, atol=1e-6)


def test_files_are_what_others_read_them_as(tmp_path: Path) -> None:
    write_set(DEEP, tmp_path / "new")
    names = {f"frame{index}{kind}.png" for index in range(3) for kind in ("", ".labels", ".depth")}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names | {"scene.json"}
    frame = DEEP.frame(0)
    assert frame.depth is not None
    with Image.open(tmp_path / "new" / "frame0.depth.png") as depth:
        assert depth.mode == "I;16"
        expected = np.rint(depth_plane(frame.depth) * 65535)
        np.testing.assert_array_equal(np.asarray(depth), expected)
    with Image.open(tmp_path / "new" / "frame0.labels.png") as labels:
        np.testing.assert_array_equal(np.asarray(labels), frame.labels)
        colors = np.asarray(labels.convert("RGB"))
        np.testing.assert_array_equal(colors, np.array(palette())[frame.labels])


def test_classes_and_their_note_are_written(tmp_path: Path) -> None:
    write_set(DEEP, tmp_path / "deep")
    about = json.loads((tmp_path / "deep" / "scene.json").read_text())
    assert about == {"classes": list("abcdefgh"), "synthetic": True, "note": ONLY_SYNTHETIC}
    write_set(FLAT, tmp_path / "flat")
    about = json.loads((tmp_path / "flat" / "scene.json").read_text())
    assert about == {"classes": list("abcdefgh"), "synthetic": False}
    found = Folder(tmp_path / "flat")
    assert (tuple(found.classes), found.synthetic) == (FLAT.classes, False)


def test_depth_can_be_left_out(tmp_path: Path) -> None:
    write_set(DEEP, tmp_path / "new", depth=False)
    assert_equal(Folder(tmp_path / "new").frame(1), random_frame(1))


def test_progress_is_told(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    write_set(FLAT, tmp_path / "new", report=lambda *step: heard.append(step))
    assert heard == [("writing frames", done, 3) for done in range(4)]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, UserError])
def test_nothing_is_left_of_a_set_that_was_interrupted(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    class Failing(Frames):
        def frame(self, index: int) -> Frame:
            if index == 2:
                raise failure("in the middle")
            return super().frame(index)

    write_set(GENERATED, tmp_path / "old")
    before = snapshot(tmp_path)
    for place in ("new", "old"):
        with pytest.raises(failure):
            write_set(Failing(FLAT.frames), tmp_path / place, force=True)
        assert snapshot(tmp_path) == before


def test_generated_frames_are_replaced_by_force_alone(tmp_path: Path) -> None:
    write_set(GENERATED, tmp_path / "set")
    with pytest.raises(UserError, match=r"^the output folder '.*set' exists\. .* with --force\.$"):
        write_set(FLAT, tmp_path / "set")
    write_set(FLAT, tmp_path / "set", force=True)
    assert Folder(tmp_path / "set").frame(0).depth is None


def test_made_frames_take_the_place_of_no_other_set(tmp_path: Path) -> None:
    """Not of a set of photographs that lies as ours do, nor of anything beside generated frames."""
    places = {name: tmp_path / name for name in ("mine", "real", "bare", "more", "notes")}
    write_set(DEEP, places["mine"])
    write_set(Frames(GENERATED.frames, synthetic=False, names=GENERATED.names), places["real"])
    for name in ("bare", "more", "notes"):
        write_set(GENERATED, places[name])
    (places["bare"] / "scene.json").unlink()
    for name in ("x.txt", "y.txt"):
        (places["more"] / name).write_text("years of work")
    (places["notes"] / "x.txt").write_text("years of work")
    before = snapshot(tmp_path)
    for name, reason in {
        "mine": r"it holds more than generated frames: frame0.depth.png and 8 others",
        "real": r"its scene.json does not say that its frames are synthetic",
        "bare": r"its scene.json does not say that its frames are synthetic",
        "more": r"it holds more than generated frames: x.txt and 1 other",
        "notes": r"it holds more than generated frames: x.txt",
    }.items():
        message = rf"^the output folder '.*' exists, and {reason}\. Name another\.$"
        with pytest.raises(UserError, match=message):
            write_set(GENERATED, places[name], force=True)
        assert snapshot(tmp_path) == before


def test_overlays_among_the_frames_are_none(tmp_path: Path) -> None:
    write_set(FLAT, tmp_path / "set")
    Image.new("RGB", (8, 6)).save(tmp_path / "set" / "frame0.overlay.png")
    assert len(Folder(tmp_path / "set")) == 3


def test_frames_are_in_the_order_that_people_count_in(tmp_path: Path) -> None:
    write_set(FLAT, tmp_path / "set")
    for name in ("frame10", "9", "a", "frame01", "10"):
        write_frame(tmp_path / "set", name, random_frame(0))
    found = Folder(tmp_path / "set")
    names = [found.name(index) for index in range(len(found))]
    assert names == ["9", "10", "a", "frame0", "frame01", "frame1", "frame2", "frame10"]


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("scene.json", r"^there is no file '.*scene\.json'\. A folder of frames holds NAME\.png"),
        ("frame1.png", r"^the frame 'frame1' has no file '.*frame1\.png'\."),
        ("frame1.labels.png", r"^the frame 'frame1' has no file '.*frame1\.labels\.png'\."),
        ("frame1.depth.png", r"^the frame 'frame1' has no file '.*frame1\.depth\.png'\."),
        ("*.png", r"^the folder '.*set' holds no frames\."),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, remove: str, message: str) -> None:
    write_set(DEEP, tmp_path / "set")
    for path in (tmp_path / "set").glob(remove):
        path.unlink()
    with pytest.raises(UserError, match=message):
        Folder(tmp_path / "set")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"this is no JSON: "),
        ("[1]", r'"classes" must be 1 to 255 different names\.'),
        ('{"classes": [], "synthetic": true}', r'"classes" must be .* A folder of frames holds'),
        ('{"classes": ["a", "a"], "synthetic": true}', r'"classes" must be'),
        ('{"classes": ["a", 1], "synthetic": true}', r'"classes" must be'),
        ('{"classes": ["a\\nb"], "synthetic": true}', r"the class 'a\\nb' has letters that"),
        ('{"classes": ["a"]}', r'"synthetic" must be true or false\.'),
    ],
)
def test_a_description_that_says_too_little_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    write_set(FLAT, tmp_path / "set")
    (tmp_path / "set" / "scene.json").write_text(text)
    with pytest.raises(UserError, match=rf"scene\.json: {message}"):
        Folder(tmp_path / "set")


def save(image: Image.Image) -> Callable[[Path], None]:
    return lambda path: image.save(path, "PNG")


@pytest.mark.parametrize(
    ("file", "write", "message"),
    [
        ("frame0.png", save(Image.new("RGB", (8, 5))), r"labels has 8x6 pixels, but .* 8x5\.$"),
        ("frame0.labels.png", save(Image.new("L", (9, 6))), r"labels has 9x6 pixels, but .* 8x6"),
        ("frame0.labels.png", save(Image.new("L", (8, 6), 8)), r"a pixel is of class 8, but .* 7"),
        ("frame0.labels.png", save(Image.new("RGB", (8, 6))), r"as RGB, but must be 8-bit gray"),
        ("frame0.depth.png", save(Image.new("L", (8, 6))), r"as L, but must be 16-bit gray"),
        ("frame0.depth.png", save(Image.new("I;16", (7, 6))), r"depth has 7x6 pixels, but .* 8x6"),
        ("frame0.png", lambda path: path.write_bytes(b"no"), r"is no picture, or a damaged one"),
        (
            "frame0.depth.png",
            lambda path: path.write_bytes(b"no"),
            r"is no picture, or a damaged one\. A f",
        ),
    ],
)
def test_a_wrong_file_is_named_when_its_frame_is_read(
    tmp_path: Path, file: str, write: Callable[[Path], None], message: str
) -> None:
    write_set(DEEP, tmp_path / "set")
    write(tmp_path / "set" / file)
    found = Folder(tmp_path / "set")
    found.frame(1)
    with pytest.raises(UserError, match=message) as caught:
        found.frame(0)
    assert file in str(caught.value)


def test_labels_in_plain_gray_are_read_as_well(tmp_path: Path) -> None:
    write_set(FLAT, tmp_path / "set")
    Image.fromarray(FLAT.frame(1).labels).save(tmp_path / "set" / "frame0.labels.png")
    np.testing.assert_array_equal(Folder(tmp_path / "set").frame(0).labels, FLAT.frame(1).labels)
