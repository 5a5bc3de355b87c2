"""Files and folders appear whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.files import new_file, new_folder
from sightline.ir.errors import UserError
from tests.support.command_line import names_in, snapshot


def ours(place: Path) -> str:
    return ""


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, UserError])
def test_nothing_is_left_of_a_block_that_fails(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    def write_folder() -> None:
        with new_folder(tmp_path / "new", ours) as part:
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
        with new_folder(tmp_path / "new", ours):
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
    with pytest.raises(KeyboardInterrupt), new_folder(place, ours, force=True) as part:
        (part / "new").write_text("")
    assert sorted(snapshot(tmp_path)) == ["place", "place/old"]


def test_what_stands_in_the_place_of_a_folder_is_told_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = tmp_path / "full"
    (full / "inside").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(full)
    (tmp_path / "lost").symlink_to("nowhere")
    before = snapshot(tmp_path)

    def refusal(name: str, reason: str = "", force: bool = True) -> str:
        with (
            pytest.raises(UserError) as caught,
            new_folder(tmp_path / name, lambda _: reason, force=force),
        ):
            pass
        assert snapshot(tmp_path) == before
        return str(caught.value).removeprefix(f"the output folder '{tmp_path / name}' ")

    assert refusal("file") == "is a file. Name another."
    assert refusal("link") == refusal("lost") == "is a link. Name another."
    for force in (True, False):  # who can not be helped by --force is not sent to it
        wanted = "exists, and it holds x.txt. Name another."
        assert refusal("full", "it holds x.txt", force) == wanted
    assert refusal("full", force=False).endswith("written there before with --force.")
    monkeypatch.chdir(full / "inside")
    assert refusal("full") == "is the one you are in. Name another."


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with new_folder(tmp_path / "place", ours) as part:
        (part / "new").write_text("")
    assert sorted(snapshot(tmp_path)) == ["place", "place/new"]


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
        new_folder(tmp_path / "file" / "x" / "y", ours),
    ):
        pass
