"""Stanford Background as its authors lay it out, and all that can be wrong with a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.ir.errors import UserError
from sightline.models.scene import STANFORD
from sightline.scene.datasets.stanford import Stanford
from tests.support.scene_sets import random_frame, write_stanford, write_table

NAMES = ["0000047", "0000051", "3000323", "6000124", "9000002", "9005294"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frames = {name: random_frame(index, 4 + index, 9) for index, name in enumerate(NAMES)}
    return write_stanford(tmp_path / "iccv09Data", frames)


def test_frames_come_as_they_lie_in_the_folder(folder: Path) -> None:
    (folder / "images" / "._0000047.jpg").write_text("of some system")
    found = Stanford(folder)
    assert tuple(found.classes) == STANFORD
    assert not found.synthetic
    assert [found.name(index) for index in range(len(found))] == NAMES
    for index, name in enumerate(NAMES):
        frame = found.frame(index)
        with Image.open(folder / "images" / f"{name}.jpg") as image:
            np.testing.assert_array_equal(frame.picture, np.asarray(image))
        np.testing.assert_array_equal(frame.labels, random_frame(index, 4 + index, 9).labels)
        assert frame.depth is None


def test_every_frame_is_tested_in_one_fold_and_trained_on_in_the_others(folder: Path) -> None:
    for fold in range(5):
        train, test = Stanford(folder, "train", fold), Stanford(folder, "test", fold)
        tested = [test.name(index) for index in range(len(test))]
        trained = [train.name(index) for index in range(len(train))]
        assert tested == NAMES[fold::5]
        assert sorted(tested + trained) == NAMES


def test_a_gray_picture_has_three_equal_channels(folder: Path) -> None:
    Image.new("L", (9, 4), 77).save(folder / "images" / "0000047.jpg")
    picture = Stanford(folder).frame(0).picture
    assert picture.shape == (4, 9, 3)
    assert (picture == 77).all()


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("images/3000323.jpg", r"labels/3000323\.regions\.txt' has no counterpart '.*323\.jpg'\."),
        ("labels/3000323.regions.txt", r"323\.jpg' has no counterpart '.*3000323\.regions\.txt'\."),
        ("labels/*.regions.txt", r"047\.jpg' has no counterpart '.*047.*', as for 5 others\."),
    ],
)
def test_frames_without_a_counterpart_are_named(folder: Path, remove: str, message: str) -> None:
    for path in folder.glob(remove):
        path.unlink()
    with pytest.raises(UserError, match=message):
        Stanford(folder)


def test_wrong_folders_are_told_what_the_set_looks_like(folder: Path, tmp_path: Path) -> None:
    layout = r"with images/NAME\.jpg and labels/NAME\.regions\.txt\.$"
    with pytest.raises(UserError, match=r"^there is no folder '.*gone'\. .*" + layout):
        Stanford(tmp_path / "gone")
    with pytest.raises(UserError, match=r"^there is no folder '.*images'\. .*" + layout):
        Stanford(tmp_path)
    with pytest.raises(UserError, match=r"horizons\.txt' is a file and not the folder"):
        Stanford(folder / "horizons.txt")
    for part in ("images", "labels"):
        (tmp_path / "empty" / part).mkdir(parents=True)
    with pytest.raises(UserError, match=r"^the folder '.*images' holds no pictures \*\.jpg\."):
        Stanford(tmp_path / "empty")


def test_a_fold_or_split_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Stanford Background has the folds 0 to 4, not 5\."):
        Stanford(folder, "test", 5)
    one = write_stanford(tmp_path / "one", {"a": random_frame(0)})
    with pytest.raises(UserError, match=r"^split=train of the 1 frames of this set is empty\."):
        Stanford(one, "train")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def table(text: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text)

    return write


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("images/0000047.jpg", cut, r"^the picture '.*0000047\.jpg' is damaged"),
        ("images/0000047.jpg", table(b"GIF?"), r"'.*0000047\.jpg' is no picture"),
        ("labels/0000047.regions.txt", table(b"0 1\n2\n"), r"0000047\.regions\.txt: this is no t"),
        ("labels/0000047.regions.txt", table(b"0 1.5\n2 3\n"), r"no table of .*'1\.5'"),
        ("labels/0000047.regions.txt", table(b"sky sea\n"), r"no table of .*'sky'"),
        ("labels/0000047.regions.txt", table(b"\xff\xfe\x00"), r"no table of class numbers"),
        ("labels/0000047.regions.txt", table(b""), r"labels has 1x0 pixels, but .* 9x4\.$"),
        ("labels/0000047.regions.txt", table(b"0 1\n2 3\n"), r"has 2x2 pixels, but .* 9x4\.$"),
    ],
)
def test_a_damaged_file_is_named_when_its_frame_is_read(
    folder: Path, file: str, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder / file)
    found = Stanford(folder)
    found.frame(1)
    with pytest.raises(UserError, match=message):
        found.frame(0)


def test_a_class_that_the_set_does_not_have_is_refused(folder: Path) -> None:
    write_table(folder / "labels" / "0000047.regions.txt", np.full((4, 9), 8))
    message = r"^.*0000047\.regions\.txt: a pixel is of class 8, but .* numbered from 0 to 7\.$"
    with pytest.raises(UserError, match=message):
        Stanford(folder).frame(0)
