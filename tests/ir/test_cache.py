"""Where what took long to make is kept: whole, or told why not."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from sightline.ir.cache import cache_folder, half_made
from sightline.ir.errors import UserError


def test_what_is_renamed_stays_and_all_else_goes(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    with half_made(folder) as half:
        (half / "other").touch()
        (half / "made").touch()
        (half / "made").replace(folder / "made")
    assert [path.name for path in folder.iterdir()] == ["made"]
    with half_made(folder) as half:
        (half / "other").touch()
        half.rename(folder / "whole")
    assert sorted(path.name for path in folder.rglob("*")) == ["made", "other", "whole"]


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), half_made(tmp_path) as half:
        (half / "made").touch()
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file"))
    message = r"^what is built cannot be kept in the folder '.*/file/cuda': Not a .*SIGHTLINE_CACHE"
    with pytest.raises(UserError, match=message), half_made(cache_folder("cuda")):
        pass
