"""ONNX files: `read` makes a float graph of one, `write` makes one of a float graph.

The package `onnx` is imported when one of these is called, and not before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sightline.frontend.model import Model
from sightline.ir.errors import UserError


def read(path: Path) -> Model:
    """The model in an ONNX file of opset 7 or later. What cannot be honoured exactly is refused."""
    _require_onnx()
    from sightline.frontend.onnx.load import load
    from sightline.frontend.onnx.reader import read_proto

    return read_proto(load(Path(path)), Path(path))


def write(model: Model, path: Path, *, dense: bool = False) -> None:
    """Write a float graph as an ONNX file that other runtimes take.

    A filter bank with a connection table is split into grouped banks; with `dense`, it stays one
    bank, with zeros for the planes that the table leaves out.
    """
    _require_onnx()
    from sightline.frontend.onnx.writer import write_file

    write_file(model, Path(path), dense=dense)


def to_onnx(model: Model, *, dense: bool = False) -> Any:
    """The `onnx.ModelProto` that `write` writes."""
    _require_onnx()
    from sightline.frontend.onnx.writer import to_proto

    return to_proto(model, dense=dense)


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            "ONNX files need the package onnx, which is not installed",
            fix="Install it with: pip install 'sightline[onnx]'.",
        ) from error
