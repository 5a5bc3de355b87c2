"""Frames come one at a time from whatever holds them, or are refused by their names."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.frames import CountedFrames, Frames, frames_of
from sightline.frontend.model import Model, Picture
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.ops.pointwise import Relu
from sightline.ir.types import Array, TensorType
from sightline.picture import limits, read_picture, to_array
from tests.support.small_networks import labeler, two_ends

RNG = np.random.default_rng(0)
FRAMES = RNG.uniform(0, 1, (5, 3, 4, 6)).astype(np.float32)
A, B = (RNG.standard_normal((3, 2, 3, 4)).astype(np.float32) for _ in "ab")


def refused(source: Any, model: Model | None = None, **options: Any) -> str:
    """What is said of a source, at once or when its frames are read."""
    with pytest.raises(UserError) as caught:
        list(frames_of(model or labeler(), source, **options))
    return str(caught.value)


def save_pictures(folder: Path, *names: str, size: tuple[int, int] = (4, 6)) -> list[Path]:
    for name in names:
        pixels = RNG.integers(0, 256, (*size, 3)).astype(np.uint8)
        image = Image.fromarray(pixels)
        (image.convert("L") if ".depth" in name else image).save(folder / name)
    return [folder / name for name in names]


def stacked(frames: Frames, name: str = "image") -> Array:
    return np.concatenate([frame[name] for frame in frames])


def test_pictures_of_a_folder_by_name(tmp_path: Path) -> None:
    b, a, *_ = save_pictures(tmp_path, "b.png", "a.jpg", "a.labels.png", ".hidden.png")
    (tmp_path / "notes.txt").write_text("the weather was fine")
    model = labeler()
    frames = frames_of(model, tmp_path)
    assert isinstance(frames, CountedFrames)
    assert len(frames) == 2
    type_, picture = TensorType((1, 3, 4, 6)), model.picture or Picture()
    wanted = np.concatenate([read_picture(path, picture, type_) for path in (a, b)])
    for _ in range(2):  # as often as asked for
        np.testing.assert_array_equal(stacked(frames), wanted)
    np.testing.assert_array_equal(stacked(frames_of(model, [str(b), a])), wanted[::-1])
    np.testing.assert_array_equal(stacked(frames_of(model, iter([b, a]))), wanted[::-1])
    np.save(tmp_path / "c.npy", FRAMES)
    mixed = frames_of(model, [a, FRAMES[:1], tmp_path / "c.npy"])
    assert isinstance(mixed, CountedFrames)
    assert len(mixed) == len(list(mixed)) == 7


def test_depth_lies_beside_a_picture(tmp_path: Path) -> None:
    path, _ = save_pictures(tmp_path, "a.png", "a.depth.png")
    frames = frames_of(labeler(4), tmp_path)
    assert [frame["image"].shape for frame in frames] == [(1, 4, 4, 6)]
    path.with_suffix(".depth.png").unlink()
    assert f"there is no depth '{tmp_path / 'a.depth.png'}' for '{path}'" in refused(
        tmp_path, labeler(4)
    )


def test_pictures_of_another_size(tmp_path: Path) -> None:
    save_pictures(tmp_path, "a.png")
    save_pictures(tmp_path, "b.png", size=(5, 7))
    assert "b.png' has 7x5 pixels, but the network takes 6x4" in refused(tmp_path)
    assert stacked(frames_of(labeler(), tmp_path, resize=True)).shape == (2, 3, 4, 6)


def test_arrays_along_the_first_axis(tmp_path: Path) -> None:
    np.save(tmp_path / "all.npy", FRAMES.astype(np.float64))
    np.savez(tmp_path / "any_name.npz", whatever=FRAMES)
    np.savez_compressed(tmp_path / "small.npz", image=FRAMES)
    sources = ["all.npy", "any_name.npz", "small.npz"]
    for source in [*(tmp_path / name for name in sources), FRAMES, {"image": FRAMES}]:
        frames = frames_of(labeler(), source)
        assert isinstance(frames, CountedFrames)
        assert len(frames) == 5
        for _ in range(2):
            assert all(frame["image"].dtype == np.float32 for frame in frames)
            np.testing.assert_array_equal(stacked(frames), FRAMES)
    np.testing.assert_array_equal(stacked(frames_of(labeler(), FRAMES[:1])), FRAMES[:1])


def test_a_folder_of_arrays_of_some_frames_each(tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", FRAMES[:1])
    np.save(tmp_path / "1.npy", FRAMES[1:])
    frames = frames_of(labeler(), str(tmp_path), limit=3)
    assert isinstance(frames, CountedFrames)
    assert len(frames) == 3
    np.testing.assert_array_equal(stacked(frames), FRAMES[:3])


def test_several_inputs(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", b=B, a=A)
    singles = [{"a": a[None], "b": b[None]} for a, b in zip(A, B, strict=True)]
    for source in (tmp_path / "both.npz", {"a": A, "b": B}, singles, iter(singles)):
        frames = list(frames_of(two_ends(), source))
        np.testing.assert_array_equal(np.concatenate([frame["a"] for frame in frames]), A)
        np.testing.assert_array_equal(np.concatenate([frame["b"] for frame in frames]), B)


def test_a_batch_is_one_frame() -> None:
    builder = GraphBuilder("batches")
    builder.output(builder.add(Relu(), builder.input("x", TensorType((2, 3)))), "y")
    model = Model(builder.finish())
    numbers = np.arange(12, dtype=np.float32).reshape(4, 3)
    frames = list(frames_of(model, numbers))
    np.testing.assert_array_equal(frames[1]["x"], numbers[2:])
    assert "holds an array of shape [3, 3], but the input 'x' is f32[2,3]" in refused(
        numbers[:3], model
    )


def test_an_endless_iterator_is_read_as_far_as_needed() -> None:
    given: list[int] = []

    def endless() -> Iterator[Array]:
        while True:
            given.append(1)
            yield FRAMES[:1]

    frames = frames_of(labeler(), endless(), limit=4)
    assert not isinstance(frames, CountedFrames)
    assert len(list(frames)) == len(given) == 4
    with pytest.raises(UserError, match="come from an iterator, and were read already"):
        list(frames)


def test_what_can_be_walked_again_is() -> None:
    class Walks:
        def __iter__(self) -> Iterator[Array]:
            yield from (FRAMES[:1], FRAMES[1:2])

    for source in (Walks(), [FRAMES[:1], {"image": FRAMES[1:2]}]):
        frames = frames_of(labeler(), source)
        for _ in range(2):
            np.testing.assert_array_equal(stacked(frames), FRAMES[:2])


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_memory_does_not_grow_with_the_frames(suffix: str, tmp_path: Path) -> None:
    model = labeler(3, 60, 80)
    many = np.zeros((200, 3, 60, 80), np.float32)
    path = tmp_path / f"many{suffix}"
    np.save(path, many) if suffix == ".npy" else np.savez_compressed(path, image=many)
    tracemalloc.start()
    assert sum(1 for _ in frames_of(model, path)) == 200
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * many[0].nbytes


def with_number(number: float) -> Array:
    frames = FRAMES.copy()
    frames[3, 1, 2, 2] = number
    return frames


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (with_number(np.nan), "frame 4 holds nan in the input 'image', which is no finite number"),
        (with_number(-np.inf), "frame 4 holds -inf in the input 'image'"),
        (with_number(1).astype(np.float64) * 1e300, "frame 1 holds inf in the input 'image'"),
        ([FRAMES[:1], FRAMES[0]], "frame 2: the input 'image' is f32[1,3,4,6] (float32), but was"),
        (
            [FRAMES[:1], 7],
            "frame 2 is of type 'int', and neither an array nor arrays by input name",
        ),
        ([FRAMES[:1], {"image": "a"}], "frame 2 is of type 'dict', and neither"),
        ([{"picture": FRAMES[:1]}], "frame 1: the network takes image, but was given picture"),
        ((255 * FRAMES).astype(np.uint8), "frame 1: the input 'image' is f32[1,3,4,6] (float32)"),
        (255 * FRAMES, "but pictures for this network lie between 0 and 1. Give pictures, or"),
        (FRAMES[0], "the source holds an array of shape [3, 4, 6], but the input 'image' is f32[1"),
        (FRAMES[:0], "the source holds no frame: its array is of shape [0, 3, 4, 6]"),
        (FRAMES[:, :, :3], "the source holds an array of shape [5, 3, 3, 6], but the input"),
        ({"a": FRAMES, "b": FRAMES}, "the network takes image, but the source holds a, b"),
        ([], "the list of frames is empty"),
        (5, "frames do not come from an object of type 'int'. Give a folder of pictures or of"),
        ("nowhere", "there is no file or folder 'nowhere'"),
    ],
)
def test_bad_frames(source: Any, message: str) -> None:
    assert message in refused(source)


def test_another_number_of_frames_for_each_input() -> None:
    message = "another number of frames for each input: 3 for 'a', 2 for 'b'"
    assert message in refused({"a": A, "b": B[:2]}, two_ends())
    message = "the source is one array or picture, but the network takes a, b"
    assert message in refused(A, two_ends())
    assert "frame 2 is one array or picture, but" in refused(
        [{"a": A[:1], "b": B[:1]}, A[:1]], two_ends()
    )


def test_the_file_and_the_frame_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", FRAMES[:1])
    np.save(tmp_path / "b.npy", with_number(np.nan))
    assert f"frame 4 of '{tmp_path / 'b.npy'}' holds nan" in refused(tmp_path)
    np.save(tmp_path / "a.npy", with_number(np.nan)[3:4])
    assert f"'{tmp_path / 'a.npy'}' holds nan" in refused(tmp_path)
    np.save(tmp_path / "a.npy", FRAMES[:1, :, :3])
    assert f"'{tmp_path / 'a.npy'}' holds an array of shape [1, 3, 3, 6]" in refused(tmp_path)


def test_bad_folders(tmp_path: Path) -> None:
    assert f"the folder '{tmp_path}' holds nothing" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    assert "holds neither a picture nor a .npy file" in refused(tmp_path)
    assert "notes.txt' is no picture and no .npy file" in refused(tmp_path / "notes.txt")
    save_pictures(tmp_path, "a.png")
    np.save(tmp_path / "b.npy", FRAMES)
    assert "holds pictures such as 'a.png' and arrays such as 'b.npy'" in refused(tmp_path)


def test_bad_files(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.asfortranarray(FRAMES))
    assert "its numbers lie in Fortran's order" in refused(tmp_path / "f.npy")
    np.save(tmp_path / "short.npy", FRAMES)
    content = (tmp_path / "short.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(content[:-4])
    assert f"cannot read '{tmp_path / 'short.npy'}': its header tells of" in refused(
        tmp_path / "short.npy"
    )
    (tmp_path / "short.npz").write_bytes(content)
    assert f"cannot read '{tmp_path / 'short.npz'}': File is not a zip" in refused(
        tmp_path / "short.npz"
    )
    np.savez_compressed(tmp_path / "broken.npz", image=FRAMES)
    damaged = bytearray((tmp_path / "broken.npz").read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (tmp_path / "broken.npz").write_bytes(damaged)
    assert f"cannot read '{tmp_path / 'broken.npz'}': " in refused(tmp_path / "broken.npz")


def test_pictures_for_models_that_do_not_take_them(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, "a.png")
    assert "is one array or picture, but the network takes a, b" in refused(path, two_ends())
    plain = Model(labeler().graph)
    assert "the model does not say how a picture such as" in refused(path, plain)
    np.testing.assert_array_equal(stacked(frames_of(plain, 255 * FRAMES)), 255 * FRAMES)
    assert "-1 frames are asked for, and 1 is the least" in refused(path, limit=-1)


@pytest.mark.parametrize("colors", ["gray", "rgb", "yuvd"])
def test_limits_are_those_of_all_pictures(colors: str) -> None:
    picture = Picture(colors, 255.0, (90.0,), (-30.0,))
    corners = np.stack(np.meshgrid(*[(0.0, 1.0)] * 4)).reshape(4, 1, -1)
    planes = corners if colors == "yuvd" else corners[:3]
    x = to_array(planes, picture)
    np.testing.assert_allclose(limits(picture), (x.min(), x.max()), rtol=1e-5)
