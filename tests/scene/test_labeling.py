"""From frames and picture files to labels, and what networks and pictures are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sightline
from sightline.artifact import Artifact
from sightline.compiler import compile as compile_model
from sightline.frontend.model import Model, Picture
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.ops.pointwise import Relu
from sightline.ir.types import Array, TensorType
from sightline.picture import to_array
from sightline.scene.frame import Frame, depth_plane
from sightline.scene.labeling import (
    Labeled,
    Labeler,
    Skipped,
    label_files,
    open_labeler,
    read_frame,
    rgb_of,
)
from sightline.scene.measures import enlarge
from sightline.scene.superpixels import Way, majority, mean_distribution
from tests.support.scene_frames import HEIGHT, WIDTH, random_frame, small_labeler
from tests.support.small_networks import labeler, two_ends

FRAME = random_frame(0)


def save(frame: Frame, path: Path) -> Path:
    """The picture of a frame, and its depth as `generate` writes it."""
    Image.fromarray(frame.picture).save(path)
    assert frame.depth is not None
    levels = np.round(65535 * depth_plane(frame.depth)).astype(np.uint16)
    Image.fromarray(levels).save(path.with_suffix(".depth.png"))
    return path


@pytest.mark.parametrize("channels", [3, 4])
def test_scores_are_those_of_the_network_at_every_pixel(channels: int) -> None:
    labeling = small_labeler(channels)
    planes = labeling.planes_of(FRAME, "frame")
    assert planes.shape == (channels, HEIGHT, WIDTH)
    model = compile_model(labeler(channels, HEIGHT, WIDTH), ["reference"])
    assert model.picture is not None
    wanted = np.asarray(model.run(to_array(planes, model.picture)))[0]
    np.testing.assert_allclose(labeling.scores(planes, "frame"), wanted, rtol=1e-6)


def test_coarse_scores_are_enlarged() -> None:
    network = sightline.compile("models:scene,scales=1,height=48,width=64", "reference")
    labeling = Labeler(network)
    assert labeling.size == (48, 64)
    assert labeling.classes[0] == "sky"
    planes = np.random.default_rng(0).random((3, 48, 64))
    coarse = network.run(to_array(planes, Picture("yuv")))
    assert isinstance(coarse, np.ndarray)
    assert coarse.shape == (1, 8, 12, 16)
    np.testing.assert_array_equal(labeling.scores(planes, "frame"), enlarge(coarse[0], (48, 64)))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_frame_from_files_is_the_frame_in_memory(channels: int, tmp_path: Path) -> None:
    labeling = small_labeler(channels)
    found = read_frame(labeling, save(FRAME, tmp_path / "a.png"))
    np.testing.assert_allclose(found, labeling.planes_of(FRAME, "a"), atol=1e-5)
    np.testing.assert_array_equal(rgb_of(found), FRAME.picture)


def test_each_way_labels_the_files(tmp_path: Path) -> None:
    labeling = small_labeler()
    path = save(FRAME, tmp_path / "a.png")
    scores = labeling.scores(read_frame(labeling, path), "a")
    segments = labeling.superpixels.segments(FRAME.picture)
    wanted: dict[Way, Array] = {
        Way.PIXEL: scores.argmax(0),
        Way.MAJORITY: majority(scores.argmax(0), segments, 3),
        Way.MEAN: mean_distribution(scores, segments),
    }
    for way, labels in wanted.items():
        (found,) = label_files(labeling, [path], way)
        assert isinstance(found, Labeled)
        assert found.labels.dtype == np.uint8
        np.testing.assert_array_equal(found.labels, labels)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_other_kinds_of_pictures_are_read(mode: str, tmp_path: Path) -> None:
    gray = Image.fromarray(FRAME.picture).convert("L")
    levels = np.asarray(gray)
    wide = Image.fromarray(levels.astype(np.uint16) * 257)
    (wide if mode == "I;16" else gray.convert(mode)).save(tmp_path / "a.png")
    planes = read_frame(small_labeler(), tmp_path / "a.png")
    np.testing.assert_array_equal(rgb_of(planes), np.repeat(levels[..., None], 3, 2))


def test_pictures_that_cannot_be_labeled_are_skipped_and_named(tmp_path: Path) -> None:
    good = save(FRAME, tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:100])
    (tmp_path / "text.png").write_text("no picture")
    image = Image.fromarray(FRAME.picture)
    image.resize((5, 7)).save(tmp_path / "small.png")
    image.putalpha(100)
    image.save(tmp_path / "clear.png")
    names = ("cut.png", "text.png", "small.png", "clear.png", "good.png")
    *skipped, last = label_files(small_labeler(), [tmp_path / name for name in names], Way.PIXEL)
    assert isinstance(last, Labeled)
    messages = ("is damaged", "is no picture", "5x7 pixels", "transparent")
    for each, name, message in zip(skipped, names, messages, strict=False):
        assert isinstance(each, Skipped)
        assert each.path.name == name
        assert name in each.reason
        assert message in each.reason
    (resized,) = label_files(small_labeler(), [tmp_path / "small.png"], Way.PIXEL, resize=True)
    assert isinstance(resized, Labeled)
    assert resized.labels.shape == (HEIGHT, WIDTH)


def test_a_missing_or_small_depth_skips_the_picture(tmp_path: Path) -> None:
    path = save(FRAME, tmp_path / "a.png")
    Image.new("L", (5, 7)).save(tmp_path / "a.depth.png")
    (skipped,) = label_files(small_labeler(4), [path], Way.PIXEL)
    assert isinstance(skipped, Skipped)
    assert "a.depth.png' has 5x7 pixels" in skipped.reason
    (tmp_path / "a.depth.png").unlink()
    (skipped,) = label_files(small_labeler(4), [path], Way.PIXEL)
    assert isinstance(skipped, Skipped)
    assert "there is no depth" in skipped.reason
    assert "near white" in skipped.reason


def test_depth_of_another_size_is_that_of_the_nearest_pixels(tmp_path: Path) -> None:
    """As for frames of a set, so that a hole does not blend with what is around it."""
    assert FRAME.depth is not None
    large = Frame(
        *(np.repeat(np.repeat(each, 2, 0), 2, 1) for each in (FRAME.picture, FRAME.labels))
    )
    path = save(
        dataclasses.replace(large, depth=np.kron(FRAME.depth, np.ones((2, 2)))), tmp_path / "a.png"
    )
    found = read_frame(small_labeler(4), path, resize=True)
    np.testing.assert_allclose(found[3], depth_plane(FRAME.depth), atol=1e-5)


def test_depth_in_colours_is_refused(tmp_path: Path) -> None:
    path = save(FRAME, tmp_path / "a.png")
    Image.fromarray(FRAME.picture).save(tmp_path / "a.depth.png")
    (skipped,) = label_files(small_labeler(4), [path], Way.PIXEL)
    assert isinstance(skipped, Skipped)
    assert "a.depth.png' is a picture in colours, but depths are gray" in skipped.reason


def test_frames_that_do_not_fit_the_network_are_refused() -> None:
    with pytest.raises(UserError, match="'f' has 16x9 pixels, but 'small' takes 16x12"):
        small_labeler().planes_of(random_frame(0, height=9), "f")
    with pytest.raises(UserError, match="'f' has no depth, but 'small' takes"):
        small_labeler(4).planes_of(Frame(FRAME.picture, FRAME.labels), "f")


def relu(shape: tuple[int, ...], picture: Picture | None, classes: tuple[str, ...] = ()) -> Model:
    """A network that gives its input back, as far as it is not below zero."""
    builder = GraphBuilder("relu")
    builder.output(builder.add(Relu(), builder.input("image", TensorType(shape))), "y")
    return Model(builder.finish(), picture, classes)


def compiled(model: Model) -> Artifact:
    return compile_model(model, ["reference"], source="net")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (two_ends(), r"'net' is no labeler: it gives sum f32\[.*, labels .*, mean .*A labeler"),
        (relu((1, 3), None), r"'net' is no labeler: it gives y f32\[1,3\]"),
        (relu((2, 3, 4, 5), None), r"no labeler: it gives y f32\[2,3,4,5\]"),
        (relu((1, 1, 4, 5), None), "There are 2 to 255 classes, and several places"),
        (relu((1, 256, 4, 5), None), "There are 2 to 255 classes"),
        (relu((1, 3, 1, 1), Picture("rgb")), "several places"),
        (relu((1, 3, 4, 5), None), r"does not say how a picture becomes its input \(image f32"),
        (relu((1, 3, 4, 5), Picture("rgb"), ("a",)), "scores of 3 classes, but names 1"),
    ],
)
def test_networks_that_label_nothing_are_refused_by_name(model: Model, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Labeler(compiled(model))


def test_classes_without_names_are_numbered() -> None:
    assert Labeler(compiled(relu((1, 3, 4, 5), Picture("rgb")))).classes == ("0", "1", "2")


def test_scores_that_are_not_finite_skip_the_picture(tmp_path: Path) -> None:
    broken = relu((1, 3, HEIGHT, WIDTH), Picture("rgb", 3e38, (0.0,), (1e-3,)))
    path = save(FRAME, tmp_path / "a.png")
    with np.errstate(over="ignore"):
        (skipped,) = label_files(Labeler(compiled(broken)), [path], Way.PIXEL)
    assert isinstance(skipped, Skipped)
    assert "not finite" in skipped.reason
    assert "a.png" in skipped.reason


def test_a_labeler_of_an_artifact_is_its_first_target(tmp_path: Path) -> None:
    compile_model(labeler(), ["reference"], source="net").save(tmp_path / "net")
    labeling = open_labeler(str(tmp_path / "net"))
    assert (labeling.name, labeling.target) == ("net", "reference")
    with pytest.raises(UserError, match="has no target 'cpu'"):
        open_labeler(str(tmp_path / "net"), "cpu")
