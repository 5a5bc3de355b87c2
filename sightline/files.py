"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from sightline.ir.errors import UserError


@contextlib.contextmanager
def new_folder(
    folder: Path, why_kept: Callable[[Path], str], *, force: bool = False
) -> Iterator[Path]:
    """A temporary folder that becomes `folder` when the block ends well, and else is gone.

    It lies beside `folder`, so that renaming is one step. What stands at `folder` already is
    replaced as `require_free` has it.
    """
    require_free(folder, why_kept, force=force)
    with failures_named(f"cannot write the folder '{folder}'"):
        temporary = _beside(folder)
        temporary.mkdir()
        try:
            yield temporary
            folder.parent.mkdir(parents=True, exist_ok=True)
            require_free(folder, why_kept, force=force)
            _rename_over(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def require_free(folder: Path, why_kept: Callable[[Path], str], *, force: bool = False) -> None:
    """Refuse a place where no folder can be, or where something stands that is to stay.

    An empty folder is as good as none. What was written before is replaced by `force`; for what
    is anything else, `why_kept` gives the reason why it is not.
    """
    require_possible(folder)
    if folder.is_symlink():
        raise UserError(f"the output folder '{folder}' is a link", fix="Name another.")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"the output folder '{folder}' is a file", fix="Name another.")
    if _holds_us(folder):
        raise UserError(f"the output folder '{folder}' is the one you are in", fix="Name another.")
    with failures_named(f"cannot read the output folder '{folder}'"):
        if not any(folder.iterdir()):
            return
        reason = why_kept(folder)
    if reason:
        raise UserError(f"the output folder '{folder}' exists, and {reason}", fix="Name another.")
    if not force:
        raise UserError(
            f"the output folder '{folder}' exists",
            fix="Name another, or replace what was written there before with --force.",
        )


def _holds_us(folder: Path) -> bool:
    """Whether the current folder would vanish with it, under the feet of whoever stands there."""
    try:
        return Path.cwd().is_relative_to(folder.resolve())
    except FileNotFoundError:  # it has vanished already
        return False


def require_possible(folder: Path) -> None:
    """Refuse a place where no folder can be, since what should hold it is none."""
    if not folder.is_absolute():
        require_current_folder()
    above = next((parent for parent in folder.parents if parent.exists()), Path())
    if not above.is_dir():
        raise UserError(
            f"there can be no folder '{folder}', since '{above}' is a file", fix="Name another."
        )


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary file that becomes `path`, over what was there, when the block ends well.

    It ends as `path` does, for those who choose a format by the suffix.
    """
    require_writable(path)
    with failures_named(f"cannot write '{path}'"):
        temporary = _beside(path)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def require_writable(path: Path) -> None:
    """Refuse a file where none can be, before any work is done for it."""
    if not path.is_absolute():
        require_current_folder()
    if path.is_dir():
        raise UserError(f"cannot write '{path}', which is a folder", fix="Name a file in it.")
    if not path.parent.is_dir():
        raise UserError(f"there is no folder '{path.parent}' to write '{path.name}' into")


def require_current_folder() -> None:
    """Refuse to work from a folder that was removed."""
    try:
        Path.cwd()
    except OSError as error:
        raise UserError(
            f"the current folder is gone: {error.strerror}", fix="Change into one that exists."
        ) from error


class TemporaryFolder:
    """A fresh folder that stands as long as this object does, which copies of its owner share."""

    def __init__(self) -> None:
        with failures_named("cannot make a temporary folder"):
            self.path = Path(tempfile.mkdtemp(prefix="sightline-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def __deepcopy__(self, memo: object) -> TemporaryFolder:
        return self

    def remove(self) -> None:
        """Remove it now, for owners that failed: a traceback may hold them for long."""
        shutil.rmtree(self.path, ignore_errors=True)


@contextlib.contextmanager
def failures_named(problem: str, fix: str = "") -> Iterator[None]:
    """The system's refusals (permissions, a full disk) as the user's errors."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{problem}: {error.strerror or error}", fix=fix) from error


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
