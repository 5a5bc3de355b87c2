"""One training at a time in a folder."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from sightline.files import failures_named
from sightline.ir.errors import UserError

NAME = "training.lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other trainings out of a folder. The system frees it at our death, however we die.

    The file stays: whoever removed it could remove the one that another training has just locked.
    """
    problem = f"cannot lock the folder '{folder}'"
    with contextlib.ExitStack() as stack:
        with failures_named(problem):
            file = stack.enter_context((folder / NAME).open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"another training is running in the folder '{folder}'",
                    fix="Wait until it has ended, or train in another folder.",
                ) from None
        yield
