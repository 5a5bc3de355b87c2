"""Sets by their names on a command line."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from sightline.ir.errors import UserError
from sightline.scene.datasets import SETS, USUAL_FRAMES, USUAL_SEQUENCE, open_frames
from sightline.scene.datasets.folder import write_set
from sightline.scene.frame import FrameSet
from tests.support.scene_sets import (
    Frames,
    assert_equal,
    random_frame,
    write_nyu,
    write_sift_flow,
    write_stanford,
)

FRAMES = [random_frame(seed, 16, 24) for seed in range(6)]


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, str]:
    """The text that names each set, and the published ones in a folder with a comma."""
    place = tmp_path / "scenes, real"
    named = {f"picture{index}": frame for index, frame in enumerate(FRAMES)}
    write_stanford(place / "stanford", named)
    write_sift_flow(place / "siftflow", named, ["picture2", "picture3"])
    numbers = np.array([frame.labels % 9 for frame in FRAMES])
    pictures = np.array([frame.picture for frame in FRAMES])
    write_nyu(place / "nyu", pictures, numbers, np.ones(numbers.shape), "abcdefgh")
    write_set(Frames(FRAMES), place / "folder")
    published = {kind: f"{kind}:{place / kind}" for kind in SETS if kind != "synthetic"}
    published["nyu"] += ",classes=top4"
    return {"synthetic": "synthetic:test,seed=3", **published}


@pytest.mark.parametrize("kind", SETS)
def test_every_set_opens_at_a_size_and_in_part(sets: dict[str, str], kind: str) -> None:
    found = open_frames(sets[kind], frames=2, size=(20, 24))
    assert len(found) == 2
    assert found.synthetic == (kind in ("synthetic", "folder"))
    for index in range(2):
        frame = found.frame(index)
        assert found.name(index)
        assert frame.picture.shape == (20, 24, 3)
        assert frame.labels.shape == (20, 24)
        assert set(np.unique(frame.labels)) <= {*range(len(found.classes)), 255}
    assert_equal(pickle.loads(pickle.dumps(found)).frame(1), found.frame(1))


def names(found: FrameSet) -> list[str]:
    return [found.name(index) for index in range(len(found))]


def test_parameters_follow_the_folder(sets: dict[str, str]) -> None:
    assert names(open_frames(sets["stanford"] + ",split=test,fold=1")) == ["picture1"]
    assert names(open_frames(sets["siftflow"] + ",split=test")) == ["picture2", "picture3"]
    assert len(open_frames(sets["folder"])) == 6
    assert open_frames(sets["folder"]).frame(0).picture.shape == (16, 24, 3)


def test_synthetic_frames_are_of_their_split_and_seed() -> None:
    pictures = {
        spec: open_frames(f"synthetic:{spec}", 1, (24, 32)).frame(0).picture.tobytes()
        for spec in ("train", "test", "test,seed=1", "test,seed=0")
    }
    assert pictures["test"] == pictures["test,seed=0"]
    assert len(set(pictures.values())) == 3
    for split, count in USUAL_FRAMES.items():
        assert len(open_frames(f"synthetic:{split}")) == count
        assert len(open_frames(f"synthetic:{split},sequence=true")) == USUAL_SEQUENCE
    assert len(open_frames("synthetic:train,sequence=true", frames=101)) == 101
    assert len(open_frames("synthetic:test", frames=USUAL_FRAMES["test"] + 1)) == 201


def test_progress_of_counting_classes_is_passed_on(sets: dict[str, str]) -> None:
    heard: list[int] = []
    open_frames(sets["nyu"], report=lambda what, done, total: heard.append(done))
    assert heard == list(range(7))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "stanfrod:DIR",
            r"^there is no data set 'stanfrod'\. Did you mean 'stanford'\? There are s",
        ),
        ("", r"^there is no data set ''\. There are synthetic, .* Name a set as synthetic:test"),
        ("some/where", r"^there is no data set 'some/where'\. There are .*, folder\. Name a"),
        ("stanford", r"^'stanford' does not say which folder\. Name a set as"),
        ("synthetic:", r"^'synthetic:' does not say which split\."),
        ("synthetic:tset", r"^the parameter 'split' of synthetic is .*, but was given 'tset'\."),
        ("synthetic:test,seed=x", r"^the parameter 'seed' of synthetic is .*, but was given 'x'\."),
        ("synthetic:test,sede=1", r"^synthetic has no parameter 'sede'\. Did you mean 'seed'\?"),
        ("stanford:DIR,fold=1,fold=2", r"^the parameter 'fold' of stanford is given twice\."),
        (
            "stanford:DIR,fold=2",
            r"^fold=2 chooses nothing where split=all\. Say which .*split=test,",
        ),
        ("siftflow:DIR,split=validation", r"^the parameter 'split' of siftflow is .*validation'"),
        ("folder:DIR", r"^there is no folder 'DIR'\. A folder of frames holds"),
    ],
)
def test_names_that_are_none_are_refused(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_frames(spec)


def test_more_frames_than_a_set_has_are_refused(sets: dict[str, str]) -> None:
    with pytest.raises(UserError, match=r"^7 frames are asked for, but this set has 1 to 6 to g"):
        open_frames(sets["stanford"], frames=7)
