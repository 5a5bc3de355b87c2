"""Where in the user's code something stands, as `file.py:line`: for the graph, and for messages."""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from sightline.ir.errors import UserError

_PACKAGE = __name__.split(".")[0]
_COMMAND_LINE = f"{_PACKAGE}.terminal"
"""Whatever called the command line has no part in a network."""

_LIBRARIES = tuple(sysconfig.get_path(key) + os.sep for key in ("stdlib", "purelib", "platlib"))
_GENERATED = ("<frozen ", "<string>")
"""Python's own frozen modules, and functions that it writes, as a dataclass's `__init__`."""


def caller() -> str:
    """The innermost line under way in the code of a network: the user's, or one in `models/`.

    Nothing if no such code is running, as when the command line makes a network of the user's.
    """
    return _innermost(traceback.walk_stack(sys._getframe(1)), models=True)


@contextlib.contextmanager
def placed() -> Iterator[None]:
    """A user's mistake that is found within is told with the user's line that led to it.

    The lines of `models/` do not count: whoever gives a model of ours a wrong parameter has not
    written them.
    """
    try:
        yield
    except UserError as error:
        inner = reversed(list(traceback.walk_tb(error.__traceback__)))
        outer = traceback.walk_stack(sys._getframe(1))
        where = _innermost(inner, models=False) or _innermost(outer, models=False)
        raise error.at(where=where) from None


def place_of(definition: type | Callable[..., Any]) -> str:
    """Where a class or function of the user's is defined; nothing for ours, or without a source."""
    if (getattr(definition, "__module__", None) or "").split(".")[0] == _PACKAGE:
        return ""
    if isinstance(definition, type):
        # Once TVM is loaded, `inspect` is its own version, which stumbles over unknown modules.
        with contextlib.suppress(OSError, TypeError, KeyError):
            file = inspect.getsourcefile(definition) or ""
            return _short(file, inspect.getsourcelines(definition)[1])
        return ""
    code = getattr(inspect.unwrap(definition), "__code__", None)
    return _short(code.co_filename, code.co_firstlineno) if code else ""


def _innermost(frames: Iterable[tuple[FrameType, int]], *, models: bool) -> str:
    """The first place among frames, innermost first, that is neither ours nor a library's."""
    for frame, line in frames:
        module = _module_of(frame)
        if module == _COMMAND_LINE:
            break
        file = frame.f_code.co_filename
        if module.split(".")[0] == _PACKAGE:
            counts = models and module.startswith(f"{_PACKAGE}.models.")
        else:
            counts = not file.startswith((*_LIBRARIES, *_GENERATED))
        if counts:
            return _short(file, line)
    return ""


def _module_of(frame: FrameType) -> str:
    """The module that a frame runs. Its file would not tell: folders are links in a checkout."""
    # Under `python -m`, the name is "__main__", but the specification has the true one.
    specification = frame.f_globals.get("__spec__")
    return str(getattr(specification, "name", None) or frame.f_globals.get("__name__", ""))


def _short(file: str, line: int) -> str:
    """A place as seen from the current folder."""
    path = Path(file)
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}"
