"""`sightline scene` from the command line: what it writes, prints and refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.compiler import compile as compile_model
from sightline.scene.datasets.folder import write_set
from sightline.scene.drawing import blend
from sightline.scene.frame import ONLY_SYNTHETIC
from sightline.scene.labeling import open_labeler
from tests.support.command_line import (
    fails,
    invoke,
    names_in,
    snapshot,
    succeeds,
    succeeds_with_json,
)
from tests.support.scene_frames import HEIGHT, WIDTH, Frames, random_frame
from tests.support.small_networks import labeler, two_ends

FRAMES = Frames([random_frame(seed) for seed in range(12)])


@pytest.fixture(autouse=True)
def _prepared() -> None:
    """Two artifacts, and a set of twelve frames."""
    for name, channels in (("net", 3), ("depth-net", 4)):
        compile_model(labeler(channels, HEIGHT, WIDTH), ["reference"], source=name).save(name)
    write_set(FRAMES, Path("set"))


def label(*arguments: str) -> Any:
    return succeeds_with_json("scene", "label", "-m", "net", "-o", "out", *arguments)


def test_a_folder_is_labeled_in_natural_order() -> None:
    done = label("set")
    assert [row["picture"] for row in done["labeled"]] == [f"set/frame{n}.png" for n in range(12)]
    assert done["skipped"] == []
    assert len(names_in(Path("out"))) == 24
    scorer = open_labeler("net")
    frame = FRAMES.frame(10)
    wanted = scorer.scores(scorer.planes_of(frame, ""), "").argmax(0)
    np.testing.assert_array_equal(np.asarray(Image.open("out/frame10.labels.png")), wanted)
    overlay = np.asarray(Image.open("out/frame10.overlay.png"))
    np.testing.assert_array_equal(overlay[:HEIGHT, :WIDTH], blend(frame.picture, wanted))


@pytest.mark.parametrize("way", ["majority", "mean"])
def test_superpixels_and_depth(way: str) -> None:
    text = succeeds(
        *("scene", "label", "-m", "depth-net", "-t", "reference", "--superpixels", way),
        *("set/frame3.png", Path("set/frame3.png").absolute(), "-o", "deep/out"),
    )
    assert text == "labeled 1 of 1 picture into deep/out\n"
    assert names_in(Path("deep/out")) == ["frame3.labels.png", "frame3.overlay.png"]


def test_a_network_in_integers_labels_as_it_did_in_float() -> None:
    succeeds("quantize", "net", "set", "-o", "q", "--precision", "int16")
    label("set")
    succeeds("scene", "label", "-m", "q", "set", "-o", "from-q")
    names = [f"frame{n}.labels.png" for n in range(12)]
    wanted, found = (
        np.stack([np.asarray(Image.open(Path(folder, name))) for name in names])
        for folder in ("out", "from-q")
    )
    assert (wanted == found).mean() > 0.99
    command = ("scene", "evaluate", "--data", "folder:set")
    exact, rounded = (
        succeeds_with_json(*command, "-m", model, "-o", f"how-{model}")["networks"][0]
        for model in ("net", "q")
    )
    assert rounded["frames"] == 12
    assert rounded["ways"]["pixel"]["pixel_accuracy"] == pytest.approx(
        exact["ways"]["pixel"]["pixel_accuracy"], abs=0.01
    )


def test_damaged_pictures_are_skipped_counted_and_named() -> None:
    Path("set/frame2.png").write_bytes(b"no picture")
    Image.new("RGB", (5, 7)).save("set/frame11.png")
    result = invoke("scene", "label", "-m", "net", "set", "-o", "out")
    assert result.exit_code == 1
    assert result.stdout == "labeled 10 of 12 pictures into out\n"
    first, second, last = result.stderr.splitlines()
    assert first.startswith("error: skipped: 'set/frame2.png' is no picture")
    assert second.startswith("error: skipped: the picture 'set/frame11.png' has 5x7 pixels")
    assert last == "error: 2 of 12 pictures were skipped."
    result = invoke("scene", "label", "-m", "net", "set", "-o", "out", "--resize", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [row["picture"] for row in told["skipped"]] == ["set/frame2.png"]
    assert len(told["labeled"]) == 11


def test_what_is_no_file_is_skipped_and_counted() -> None:
    Path("odd/folder.png").mkdir(parents=True)
    Path("odd/lost.png").symlink_to("gone.png")
    Path("odd/loop.png").symlink_to("loop.png")
    os.mkfifo("odd/pipe.png")
    result = invoke("scene", "label", "-m", "net", "odd", "set/frame0.png", "-o", "out")
    assert result.exit_code == 1
    assert result.stdout == "labeled 1 of 4 pictures into out\n"
    *each, last = result.stderr.splitlines()
    for told, reason in zip(each, ("symbolic links", "not there", "no plain file"), strict=True):
        assert reason in told
    assert last == "error: 3 of 4 pictures were skipped."


def test_labels_are_never_written_over_true_ones() -> None:
    set_ = "the output folder 'set' holds a set of frames (scene.json), whose true labels"
    assert set_ in fails("scene", "label", "-m", "net", "-o", "set", "set")
    Path("mine").mkdir()
    shutil.copy("set/frame0.png", "one.png")
    shutil.copy("set/frame0.labels.png", "mine/one.labels.png")
    refused = fails("scene", "label", "-m", "net", "-o", "mine", "one.png")
    assert "'mine' holds a set of frames (one.labels.png)" in refused
    for _ in range(2):  # what was labeled before is labeled anew
        label("one.png")


def test_what_label_refuses_before_it_writes() -> None:
    Path("empty").mkdir()
    Path("notes.txt").write_text("no picture")
    Path("other").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save("other/frame1.jpg")
    before = ("scene", "label", "-m", "net", "-o")
    assert "'empty' holds no picture of a scene" in fails(*before, "out", "empty")
    assert "there is no file or folder 'gone'" in fails(*before, "out", "gone")
    assert "'notes.txt' is no picture" in fails(*before, "out", "notes.txt")
    assert "would both be written to 'out/frame1.overlay.png'" in fails(
        *before, "out", "set", "other"
    )
    assert "lies in the output folder" in fails(*before, "other", "other")
    assert "the output 'notes.txt' is no folder" in fails(*before, "notes.txt", "set")
    assert "Missing argument" in fails(*before, "out")


def test_networks_that_do_not_label_are_refused_by_name() -> None:
    compile_model(two_ends(), ["reference"], source="two").save("two")
    for command in (("label", "set", "-o", "out"), ("evaluate", "--data", "folder:set")):
        assert "'two' is no labeler" in fails("scene", *command, "-m", "two")
        assert "there is no model 'gone'" in fails(
            "scene", *command, "-m", "gone", "-t", "reference"
        )
        assert "has no target 'cpu'" in fails("scene", *command, "-m", "net", "-t", "cpu")


def test_an_evaluation_is_told_and_drawn() -> None:
    arguments = ("scene", "evaluate", "-m", "net", "-m", "depth-net", "--data", "folder:set")
    text = succeeds(*arguments, "--superpixels", "-o", "out")
    assert text.startswith("12 frames of folder:set\n")
    assert ONLY_SYNTHETIC in text
    for word in ("depth-net", "2 majority", "of all pixels", "frames/s", "road"):
        assert word in text
    written = [line.removeprefix("wrote ") for line in text.splitlines() if "wrote" in line]
    assert sorted(written) == [f"out/{name}" for name in names_in(Path("out"))]
    assert {"out/confusion-2-mean.png", "out/frame-1-frame7.png"} <= set(written)
    record = json.loads(Path("out/evaluation.json").read_text())
    again = succeeds_with_json(*arguments, "--superpixels")
    assert record["note"] == again["note"] == ONLY_SYNTHETIC
    assert [row["network"] for row in again["networks"]] == ["net", "depth-net"]
    for one, other in zip(record["networks"], again["networks"], strict=True):
        for way in ("pixel", "majority", "mean"):
            assert one["ways"][way]["confusion"] == other["ways"][way]["confusion"]


def test_fewer_frames_of_a_real_set() -> None:
    write_set(Frames(FRAMES.frames, synthetic=False), Path("real"))
    arguments = ("scene", "evaluate", "-m", "net", "--data", "folder:real", "--frames", "2")
    text = succeeds(*arguments)
    assert text.startswith("2 frames of folder:real\n")
    assert ONLY_SYNTHETIC not in text
    (network,) = succeeds_with_json(*arguments)["networks"]
    known = sum(int((frame.labels < 255).sum()) for frame in FRAMES.frames[:2])
    assert np.sum(network["ways"]["pixel"]["confusion"]) == known


def test_an_evaluation_replaces_the_pictures_of_an_earlier_one() -> None:
    arguments = ("scene", "evaluate", "-m", "net", "--data", "folder:set", "-o", "out")
    succeeds(*arguments, "-m", "net")
    for mine in ("frame-1-mine.png", "confusion-9-pixel.png"):  # named alike, and no record of them
        Path("out", mine).write_text("years of work")
    told = succeeds_with_json(*arguments, "--frames", "1")
    wanted = {"confusion-1-pixel.png", "evaluation.json", "frame-1-frame0.png"}
    assert {Path(file).name for file in told["files"]} == wanted
    assert set(names_in(Path("out"))) == wanted | {"frame-1-mine.png", "confusion-9-pixel.png"}
    Path("out/evaluation.json").write_text('{"files": 3}')  # of something else: nothing is removed
    succeeds(*arguments, "--frames", "1")


def test_what_evaluate_refuses() -> None:
    before = ("scene", "evaluate", "-m", "net", "--data")
    Path("file").write_text("")
    assert "there is no data set 'moon'" in fails(*before, "moon:set")
    write_set(Frames(FRAMES.frames, ("moon", "sun", "star")), Path("space"))
    write_set(FRAMES, Path("flat"), depth=False)
    for order in (("-m", "depth-net"), ("-m", "depth-net", "-m", "net")):
        assert "has no depth" in fails("scene", "evaluate", *order, "--data", "folder:flat")
    assert "has no depth" in fails(*before, "folder:flat", "-m", "depth-net")
    assert "but the frames have 3 (moon, sun, star)" in fails(*before, "folder:space")
    assert "the output 'file' is no folder" in fails(*before, "folder:set", "-o", "file")


def test_generated_frames_are_read_back() -> None:
    arguments = ("scene", "generate", "-o", "made", "--size", "64x48", "--seed", "3")
    text = succeeds(*arguments, "--frames", "2", "--split", "test")
    assert text == "wrote 2 frames into made\n"
    assert len(names_in(Path("made"))) == 7
    assert Image.open("made/test-3-00000.png").size == (64, 48)
    assert json.loads(Path("made/scene.json").read_text())["note"] == ONLY_SYNTHETIC
    first = snapshot(Path("made"))
    assert "with --force" in fails(*arguments)
    assert "exists, and it holds more than generated frames: " in fails(
        "scene", "generate", "-o", "set", "--force"
    )
    again = (*arguments, "--frames", "2", "--split", "test", "--force")
    assert succeeds_with_json(*again)["frames"] == 2
    assert snapshot(Path("made")) == first
    text = succeeds(*arguments, "--frames", "1", "--no-depth", "--sequence", "--force")
    assert text == "wrote 1 frame into made\n"
    assert not list(Path("made").glob("*.depth.png"))
    model = "models:scene,scales=1,height=48,width=64"
    found = succeeds_with_json(
        *("scene", "evaluate", "-m", model, "-t", "reference", "--data", "folder:made")
    )
    assert found["networks"][0]["classes"][0] == "sky"


@pytest.mark.parametrize(
    "size", ["320", "0x48", "48x-1", "48X64", "ax4", "100000x16", "5000x99", "15x16"]
)
def test_sizes_are_width_and_height(size: str) -> None:
    message = fails("scene", "generate", "-o", "made", "--size", size)
    assert message == (
        f"'{size}' is no width and height of 16 to 4096 pixels. Write --size 320x240."
    )


def test_help_names_the_commands() -> None:
    text = succeeds("scene", "--help")
    for command in ("evaluate", "generate", "label", "train"):
        assert f"\n  {command} " in text
        assert succeeds("scene", command, "-h").startswith(f"Usage: cli scene {command} ")
    assert "No such command 'lable'" in fails("scene", "lable")
