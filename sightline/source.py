"""Where models come from: files, the networks of `models/`, Python code, artifacts, objects."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sightline.files import require_current_folder
from sightline.frontend.model import Model
from sightline.ir.errors import UserError
from sightline.ir.graph import Graph
from sightline.parameters import bind, suggest

KINDS = (
    "A model is a .onnx file, models:NAME, PACKAGE.MODULE:FACTORY, or an artifact's folder; "
    "parameters follow as models:NAME,key=value."
)
_FACTORY = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)(?P<rest>(,.*)?)")
_TO_ONNX = {
    ".pt": "torch.onnx.export",
    ".pth": "torch.onnx.export",
    ".pt2": "torch.onnx.export",
    ".h5": "tf2onnx",
    ".keras": "tf2onnx",
    ".pb": "tf2onnx",
    ".tflite": "tf2onnx",
}
_OURS = str(Path(__file__).parent) + os.sep


def read(source: Any) -> Model:
    """The model that a source names or is.

    A text or path names a `.onnx` file, `models:NAME[,key=value…]`,
    `PACKAGE.MODULE:FACTORY[,key=value…]` (looked up in the current folder first; the factory
    returns a module or a Model), or the folder of an artifact, whose graph is meant. A Model, a
    Graph or a module of `sightline.frontend.nn` is taken as it is.
    """
    require_current_folder()  # as seen from which nodes are told by their place
    return _read_named(str(source)) if isinstance(source, str | Path) else _model_of(source)


def _read_named(source: str) -> Model:
    if not source:
        raise UserError("no model is named", fix=KINDS)
    path = Path(source)
    if source.startswith("models:"):
        return _read_models(source)
    if path.is_dir():
        from sightline.artifact import load

        return load(path).model
    if path.suffix.lower() == ".onnx":
        return _read_onnx(path)
    if path.exists():
        tool = _TO_ONNX.get(path.suffix.lower())
        raise UserError(
            f"'{source}' is no model that Sightline reads",
            fix=f"Export it to ONNX with {tool}." if tool else KINDS,
        )
    match = _FACTORY.fullmatch(source)
    if match and "/" not in source:
        return _read_factory(match["module"], match["name"], match["rest"])
    from sightline.models import MODELS

    fix = KINDS
    if source.split(",")[0] in MODELS:
        fix = f"Did you mean 'models:{source}'? {fix}"
    raise UserError(f"there is no model '{source}'", fix=fix)


def _read_onnx(path: Path) -> Model:
    if not path.is_file():
        raise UserError(f"there is no file '{path}'")
    from sightline.frontend import onnx

    return onnx.read(path)


def _read_models(source: str) -> Model:
    from sightline.models import MODELS

    name, *words = source.removeprefix("models:").split(",")
    if name not in MODELS:
        raise UserError(
            f"there is no network '{name}' in models", fix=suggest(name, MODELS, "There are")
        )
    factory = MODELS[name]
    return _model_of(factory(**bind(factory, words, f"models:{name}")))


def _read_factory(module_name: str, name: str, rest: str) -> Model:
    label = f"{module_name}:{name}"
    with _current_folder_importable(), _prints_on_stderr(), _blame(label):
        factory = _lookup(module_name, name)
        words = [word for word in rest.split(",") if word]
        if _is_model(factory) or not callable(factory):
            if words:
                raise UserError(f"'{label}' is no function or class, and takes no parameters")
            return _model_of(factory, label)
        return _model_of(factory(**bind(factory, words, label)), label)


def _lookup(module_name: str, name: str) -> Any:
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UserError(
            f"there is no Python module '{error.name}'",
            fix="Modules are looked for in the current folder, and among installed packages.",
        ) from error
    if not hasattr(module, name):
        public = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise UserError(
            f"the Python module '{module_name}' has no '{name}'",
            fix=suggest(name, public, "It has"),
        )
    return getattr(module, name)


def _is_model(value: Any) -> bool:
    from sightline.frontend.nn import Module

    return isinstance(value, Model | Graph | Module)


def _model_of(value: Any, label: str = "") -> Model:
    if isinstance(value, Model):
        return value
    if isinstance(value, Graph):
        return Model(value)
    from sightline.frontend.nn import Module
    from sightline.frontend.trace import trace

    if isinstance(value, Module):
        return trace(value)
    given = f"'{label}' gave" if label else "a model was given as"
    raise UserError(
        f"{given} {type(value).__name__}, which is neither a Model nor a module of "
        "sightline.frontend.nn",
        fix="" if label else KINDS,
    )


@contextlib.contextmanager
def _prints_on_stderr() -> Iterator[None]:
    """What the user's code prints must not stand in the middle of a command's own output."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def _current_folder_importable() -> Iterator[None]:
    """As `python -m` has it: the current folder comes first while a factory is found and run."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


@contextlib.contextmanager
def _blame(label: str) -> Iterator[None]:
    """Whatever the user's code raises becomes an error that names its own file and line."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if isinstance(error, SyntaxError) and Path(error.filename or "").is_file():
            raise UserError(
                f"'{label}' cannot be imported: {error.msg}",
                where=_short(f"{error.filename}:{error.lineno}"),
            ) from error
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise UserError(f"'{label}' failed with {text}", where=_users_line(error)) from error


def _users_line(error: BaseException) -> str:
    """`file:line` of the innermost frame of the user's own code, or nothing if none took part.

    Where our own code stands deeper than the user's, the failure is still told as the user's: it
    is their call that led to it.
    """
    libraries = tuple(sysconfig.get_path(key) for key in ("stdlib", "purelib", "platlib"))
    others = (_OURS, *libraries, "<")
    places = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(others)
    ]
    return _short(places[-1]) if places else ""


def _short(place: str) -> str:
    """A place as seen from the current folder."""
    return place.removeprefix(f"{Path.cwd()}{os.sep}")
