"""Files and folders appear whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.files import new_file, new_folder
from sightline.ir.errors import UserError
from tests.support.command_line import names_in, snapshot


def never(place: Path) -> bool:
    return False


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, UserError])
def test_nothing_is_left_of_a_block_that_fails(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    def write_folder() -> None:
        with new_folder(tmp_path / "new", never) as part:
            (part / "half").write_text("done")
            raise failure("in the middle")

    def write_file() -> None:
        with new_file(tmp_path / "kept") as part:
            part.write_text("new")
            raise failure("in the middle")

    (tmp_path / "kept").write_text("old")
    before = snapshot(tmp_path)
    for write in (write_folder, write_file):
        with pytest.raises(failure):
            write()
    assert snapshot(tmp_path) == before


def test_a_folder_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    def write() -> None:
        with new_folder(tmp_path / "new", never):
            (tmp_path / "new").mkdir()
            (tmp_path / "new" / "theirs").write_text("")

    with pytest.raises(UserError, match=r"^the output folder '.*new' exists\."):
        write()
    assert sorted(snapshot(tmp_path)) == ["new", "new/theirs"]


def test_a_replaced_folder_comes_back_if_its_successor_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "old").write_text("")
    rename = Path.rename

    def fail_once(path: Path, to: Path) -> Path:
        if (path / "new").exists():
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(KeyboardInterrupt), new_folder(place, lambda _: True) as part:
        (part / "new").write_text("")
    assert sorted(snapshot(tmp_path)) == ["place", "place/old"]


def test_a_file_is_replaced_whole_and_keeps_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    path.write_text("old")
    with new_file(path) as part:
        assert part.suffix == ".png"
        assert path.read_text() == "old"
        part.write_text("new")
    assert path.read_text() == "new"
    assert names_in(tmp_path) == ["result.png"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^cannot write '.*', which is a folder\. Name a file in"):
        new_file(tmp_path).__enter__()
    with pytest.raises(UserError, match=r"^there is no folder '.*gone' to write 'x' into\.$"):
        new_file(tmp_path / "gone" / "x").__enter__()
    with (
        pytest.raises(UserError, match=r"^there can be no folder '.*', since '.*/file' is a file"),
        new_folder(tmp_path / "file" / "x" / "y", never),
    ):
        pass
