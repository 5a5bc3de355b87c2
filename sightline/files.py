"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from sightline.ir.errors import UserError


@contextlib.contextmanager
def new_folder(folder: Path, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """A temporary folder that becomes `folder` when the block ends well, and else is gone.

    It lies beside `folder`, so that renaming is one step. What stands at `folder` already is
    replaced if `may_replace` says so.
    """
    require_free(folder, may_replace)
    temporary = _beside(folder)
    with _failures_named(f"cannot write the folder '{folder}'"):
        temporary.mkdir()
    try:
        yield temporary
        with _failures_named(f"cannot write the folder '{folder}'"):
            folder.parent.mkdir(parents=True, exist_ok=True)
        require_free(folder, may_replace)
        _rename_over(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_free(folder: Path, may_replace: Callable[[Path], bool]) -> None:
    """Refuse a place where something stands that is not to be replaced."""
    if (folder.exists() or folder.is_symlink()) and not may_replace(folder):
        raise UserError(
            f"the output folder '{folder}' exists",
            fix="Name another, or replace an artifact with --force.",
        )


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary file that becomes `path`, over what was there, when the block ends well.

    It ends as `path` does, for those who choose a format by the suffix.
    """
    require_writable(path)
    temporary = _beside(path)
    try:
        with _failures_named(f"cannot write '{path}'"):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Refuse a file where none can be, before any work is done for it."""
    if path.is_dir():
        raise UserError(f"cannot write '{path}', which is a folder", fix="Name a file in it.")
    if not path.parent.is_dir():
        raise UserError(f"there is no folder '{path.parent}' to write '{path.name}' into")


def _beside(path: Path) -> Path:
    """A fresh name in the nearest folder above `path` that exists."""
    ancestor = next(parent for parent in path.absolute().parents if parent.is_dir())
    return ancestor / f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}"


def _rename_over(temporary: Path, folder: Path) -> None:
    """Rename, keeping what is replaced until the new folder stands in its place."""
    if not folder.exists():
        temporary.rename(folder)
        return
    old = _beside(folder)
    folder.rename(old)
    try:
        temporary.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _failures_named(problem: str) -> Iterator[None]:
    """The system's refusals (permissions, a full disk) as the user's errors."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{problem}: {error.strerror or error}") from error
