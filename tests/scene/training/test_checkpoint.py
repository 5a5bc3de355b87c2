"""Checkpoints: the same from the file, and refused when damaged or of another training."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.ir.errors import UserError
from sightline.scene.training.checkpoint import (
    KINDS,
    Checkpoint,
    load,
    require_classes,
    require_frames,
    require_settings,
    save,
)
from sightline.scene.training.history import Check, History
from sightline.scene.training.settings import Settings

SMALL = Settings(scales=1, classes=3, height=8, width=12)
CLASSES = ("red", "green", "blue")


def checkpoint() -> Checkpoint:
    rng = np.random.default_rng(0)
    arrays = {
        f"{kind}/{name}": rng.standard_normal(weight.shape).astype(np.float32)
        for kind in KINDS
        for name, weight in SMALL.network().parameters().items()
    }
    history = History([1.1, 0.1 + 0.2], [Check(2, 0.9, 0.5, 1 / 3, (0.5, float("nan")))], 1.5)
    return Checkpoint(SMALL, CLASSES, 0xDEADBEEF, 0xC0FFEE, 2, history, arrays)


def write(path: Path, about: dict[str, Any], changes: dict[str, Any]) -> None:
    """A checkpoint with other things told about it, and other arrays; None leaves one out."""
    good = path.with_name("good.npz")
    save(checkpoint(), good)
    with np.load(good) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["about"] = np.array(json.dumps(json.loads(str(arrays["about"])) | about))
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_a_checkpoint_is_the_same_from_its_file(tmp_path: Path) -> None:
    wanted = checkpoint()
    save(wanted, tmp_path / "c.npz")
    found = load(tmp_path / "c.npz")
    assert (found.settings, found.classes, found.step) == (SMALL, CLASSES, 2)
    assert (found.frames, found.validation) == (0xDEADBEEF, 0xC0FFEE)
    assert repr(found.history) == repr(wanted.history)  # NaN is not equal to itself
    assert set(found.arrays) == set(wanted.arrays)
    for name, array in wanted.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_still_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "c.npz"
    save(checkpoint(), path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1), "place")
    cut = data.draw(st.booleans(), "cut")
    if cut:
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255), "bits")
    path.write_bytes(content)
    if cut:
        with pytest.raises(UserError, match=r"c\.npz: the checkpoint is damaged, or none\. .*anew"):
            load(path)
        return
    with contextlib.suppress(UserError):  # some bits hold no content, as a date
        for name, array in load(path).arrays.items():
            np.testing.assert_array_equal(array, checkpoint().arrays[name])


@pytest.mark.parametrize(
    ("about", "changes", "message"),
    [
        ({"format": "weights"}, {}, "its format is 'weights', not 'sightline scene checkpoint"),
        ({"format": None}, {}, "its format is None, not"),
        ({"settings": {"steps": 3}}, {}, "'batch' is missing"),
        ({"settings": SMALL.to_json() | {"classes": 4}}, {}, "arrays are not those of its setting"),
        ({"history": {}}, {}, "damaged, or none"),
        ({}, {"weight/classifier.bias": None}, "its arrays are not those of its settings"),
        ({}, {"mean/classifier.bias": np.zeros(7)}, "its arrays are not those of its settings"),
        ({}, {"about": np.array("{")}, "damaged, or none"),
        ({}, {"about": None}, "damaged, or none"),
    ],
)
def test_a_file_of_something_else_is_refused(
    tmp_path: Path, about: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    write(tmp_path / "c.npz", about, changes)
    with pytest.raises(UserError) as caught:
        load(tmp_path / "c.npz")
    assert message in str(caught.value)
    assert "Remove it, and train anew." in str(caught.value)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.zeros(3))
    (tmp_path / "c.txt").write_text("hello")
    (tmp_path / "empty").touch()
    for name in ("c.npy", "c.txt", "empty"):
        with pytest.raises(UserError, match="damaged, or none"):
            load(tmp_path / name)
    with pytest.raises(UserError, match=r"cannot read the checkpoint '.*': Is a directory"):
        load(tmp_path)


def test_no_code_in_a_file_is_run_nor_advised(tmp_path: Path) -> None:
    write(tmp_path / "c.npz", {}, {"about": np.array([print], dtype=object)})
    with pytest.raises(UserError, match="damaged, or none") as caught:
        load(tmp_path / "c.npz")
    assert "pickle" not in str(caught.value)


@pytest.mark.parametrize("version", [1, 9])
def test_a_checkpoint_of_another_version_is_not_called_damaged(
    tmp_path: Path, version: int
) -> None:
    write(tmp_path / "c.npz", {"format": f"sightline scene checkpoint {version}"}, {})
    with pytest.raises(UserError) as caught:
        load(tmp_path / "c.npz")
    message = str(caught.value)
    assert "c.npz: the checkpoint is of another version of Sightline: its format is" in message
    assert f"checkpoint {version}', not 'sightline scene checkpoint 2'" in message
    assert "damaged" not in message


@pytest.mark.parametrize(
    "failure",
    [
        tokenize.TokenError("EOF in multi-line statement"),
        RuntimeError("File 'about.npy' is encrypted, password required for extraction"),
        MemoryError("a damaged header has a size"),
        OSError("no number of the system is in it"),
    ],
)
def test_every_way_to_stumble_over_damage_is_told_as_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def stumble(*_: object) -> None:
        raise failure

    monkeypatch.setattr(np, "load", stumble)
    with pytest.raises(UserError, match=r"^.*c\.npz: the checkpoint is damaged, or none\. Remove"):
        load(tmp_path / "c.npz")


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read the checkpoint '.*': No such file"):
        load(tmp_path / "gone.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": 3, "width": 32, "height": 16}, "of another network: its 'scales' is 1, not 3"),
        ({"block3": 8}, "of another network: its 'block3' is 24, not 8"),
        ({"learning_rate": 0.1}, "of other settings: its 'learning_rate' (--rate) is 0.006"),
        ({"seed": 5}, "of other settings: its 'seed' is 0, not 5"),
    ],
)
def test_another_training_is_refused_with_both_values(change: dict[str, Any], message: str) -> None:
    require_settings(checkpoint(), SMALL, Path("c.npz"))
    with pytest.raises(UserError) as caught:
        require_settings(checkpoint(), dataclasses.replace(SMALL, **change), Path("c.npz"))
    assert str(caught.value).startswith(f"c.npz: the checkpoint is {message}")
    assert "Resume with the settings of the checkpoint" in str(caught.value)


def test_other_frames_are_refused_with_both_checksums() -> None:
    require_frames(checkpoint(), 0xDEADBEEF, 0xC0FFEE, Path("c.npz"))
    learned = "was trained on frames with the checksum deadbeef, but those given now have 0000000a"
    with pytest.raises(UserError, match=learned):
        require_frames(checkpoint(), 10, 0xC0FFEE, Path("c.npz"))
    measured = "was measured on frames with the checksum 00c0ffee, but those given now have 0000000"
    with pytest.raises(UserError, match=measured):
        require_frames(checkpoint(), 0xDEADBEEF, 11, Path("c.npz"))


def test_other_classes_are_refused_by_name() -> None:
    require_classes(checkpoint(), list(CLASSES), Path("c.npz"))
    with pytest.raises(UserError) as caught:
        require_classes(checkpoint(), ("red", "green", "gray"), Path("c.npz"))
    assert str(caught.value).startswith(
        "c.npz: the checkpoint is of 3 classes (red, green, blue), but the frames given now have 3 "
        "(red, green, gray). Resume with the same frames"
    )
